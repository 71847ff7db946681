# SPDX-License-Identifier: MIT
"""Runs on the VM: has the service of a board, without the value LACKS, and floods."""

import asyncio
import os

import bluetooth

from wptcore import wire

MANY = 40  # characteristics of no use
ROWS = (
    (wire.CHALLENGE_UUID, bluetooth.FLAG_READ),
    (wire.COMMAND_UUID, bluetooth.FLAG_WRITE),
    (wire.REPLY_UUID, bluetooth.FLAG_NOTIFY),
)

ble = bluetooth.BLE()
ble.active(True)
rows = [(bluetooth.UUID(uuid), flag) for uuid, flag in ROWS if uuid != os.getenv("LACKS")]
rows += [(bluetooth.UUID(0x3000 + i), bluetooth.FLAG_READ) for i in range(MANY)]
((*handles,),) = ble.gatts_register_services(((bluetooth.UUID(wire.SERVICE_UUID), tuple(rows)),))
links = set()


def irq(event, data):
    if event == 4:  # it reads the challenge, the last thing before a meeting
        links.add(data[0])
    elif event == 2:
        links.discard(data[0])
    return 0


async def flood():
    ble.irq(irq)
    ble.gap_advertise(100_000, b"\x02\x01\x06")
    while True:
        for link in list(links):
            for _ in range(50):
                try:
                    ble.gatts_notify(link, handles[2], bytes(20))
                except OSError:
                    break
        await asyncio.sleep_ms(20)


asyncio.run(flood())
