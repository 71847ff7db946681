# SPDX-License-Identifier: MIT
"""Runs on the VM: the product's peer_radio.py connects to a board that is none."""

import asyncio
import os
import sys
import time

import bluetooth

from peer_radio import PeerRadio
from wptcore import peer_taker

PASS_ms = 20
TIME_MAX_ms = 4000


class Role:
    """What a taker looks like to the radio: it connects, and talks once it has a challenge."""

    wants = may_call = hears_less = False

    def __init__(self):
        self.action = peer_taker.CONNECT
        self.address = (0, bytes.fromhex(os.getenv("PEER")))
        self.replies = 0

    def on_challenge(self, _challenge):
        self.action = peer_taker.TALK

    def on_reply(self, _frame):
        self.replies += 1

    def on_elapsed(self, _dt_ms):
        pass

    def on_gone(self):
        self.action = peer_taker.LISTEN

    def pop_frame(self):
        return b""


async def meet():
    role = Role()
    ble = bluetooth.BLE()
    ble.active(True)
    radio = PeerRadio(role, None, ble)
    ble.irq(radio.note)
    waiting = most = 0
    start_ms = time.ticks_ms()
    took_ms = 0
    while role.action != peer_taker.LISTEN and took_ms < TIME_MAX_ms:
        waiting = max(waiting, len(radio._news))
        before = role.replies
        radio.step(PASS_ms)
        most = max(most, role.replies - before)
        await asyncio.sleep_ms(PASS_ms)
        took_ms = time.ticks_diff(time.ticks_ms(), start_ms)
    sys.stdout.write(f"{role.action} {took_ms} {waiting} {most} {role.replies}\n")


asyncio.run(meet())
