# SPDX-License-Identifier: MIT
"""A board and a host's side of a session, for the core's tests on any VM."""

import hashlib

from wptcore import auth, wire
from wptcore.board import Board
from wptcore.fod import LossCurve
from wptcore.journal import Saved
from wptcore.limits import Limits
from wptcore.persistence import POWER_ON

KEY = bytes(range(32))
NONCE = bytes(range(100, 116))
HOST_NONCE = bytes(range(200, 216))
LINK = 7
BATTERY_mV = 4000
LIFE_ms = 4000


def make_limits(capacity_mJ=100_000, **others):
    return Limits(3000, 5500, 3000, 12000, 600, -100, 450, capacity_mJ, **others)


CURVE = LossCurve(250, 1350, 50, 400)


def make_board(
    key=KEY,
    soc_permille=600,
    saved=None,
    roles=wire.PTX | wire.PRX,
    curve=CURVE,
    boot_cause=POWER_ON,
    attended=True,
    capacity_mJ=100_000,
    limits=None,
    **others,
):
    """Make a healthy, calibrated board at rest that has passed its self-test.

    `attended`: somebody opened the window at the console; nobody has pressed the button.
    """
    saved = Saved() if saved is None else saved
    limits = make_limits(capacity_mJ) if limits is None else limits
    board = Board(3, key, limits, roles, saved, hashlib.sha256, curve, boot_cause, **others)
    if attended:
        board.attend()
    board.on_soc(soc_permille)
    for _ in range(12):
        board.on_sample(BATTERY_mV, 0, 250, 250, 20)
    return board


class Host:
    """The host's half of a session, written against the documents, not against links.py."""

    def __init__(self, board, link=LINK, key=KEY):
        self.board = board
        self.link = link
        self.counter = 0
        board.on_link(link, NONCE)
        nonce = wire.unpack_challenge(board.challenge(NONCE))[4]
        self.key = auth.session_key(hashlib.sha256, key, nonce, HOST_NONCE)

    def frame(self, frame_type, *fields, life_ms=LIFE_ms):
        """Seal a command that has no effect after `life_ms` of board time."""
        self.counter += 1
        expires_ms = (self.board.now_ms + life_ms) % (1 << 32)
        frame = wire.pack_frame(frame_type, self.counter, expires_ms, *fields)
        return frame + auth.tag(hashlib.sha256, self.key, auth.FROM_HOST, frame)

    def deliver(self, frame):
        """Return the Ack's (command, code, state, ept, transfer, power, energy, SoC, coil)."""
        self.board.on_command(self.link, frame)
        link, reply = self.board.pop_reply()
        assert link == self.link
        assert self.board.pop_reply() is None
        return wire.unpack_body(reply)

    def send(self, frame_type, *fields):
        """Send a frame; return the code of its Ack."""
        return self.deliver(self.frame(frame_type, *fields))[1]

    def ask(self, what):
        """Return the fields of the answer to ASK."""
        return self.deliver(self.frame(wire.ASK, what))

    def hello(self):
        assert self.send(wire.HELLO, HOST_NONCE) == 0
        return self

    def grant(
        self,
        transfer_id=1,
        role=wire.PTX,
        peer=9,
        power_max_mW=5000,
        energy_max_mJ=50_000,
        duration_max_ms=60_000,
        floor_pct=0,
        lease_ms=1000,
        group=0,
        granter=0,
        flags=0,
    ):
        return self.send(
            wire.GRANT,
            transfer_id,
            role,
            peer,
            group,
            granter,
            power_max_mW,
            energy_max_mJ,
            duration_max_ms,
            floor_pct,
            lease_ms,
            flags,
        )


def run(board, time_ms, current_mA=500, step_ms=20, bus_mV=BATTERY_mV, host=None, transfer_id=1):
    """Let time pass with samples as of a real meter, which never gives the same one twice.

    `current_mA` flows while a switch lets it through. `host` renews the lease at each step and
    reports the power that the rig's curve expects.
    """
    for i in range(time_ms // step_ms):
        flows = board.pulses_on or board.receiver_on
        now_mA = current_mA + (1 if i % 2 else -1) if flows else 0
        board.on_sample(bus_mV, now_mA, 300, 250, step_ms)
        board.on_soc(board.soc_permille)
        board.on_elapsed(step_ms)
        if host is not None and (board.coil_on or board.receiver_on):
            peer_power_mW = abs(bus_mV * current_mA) * 6 // 10_000
            host.send(wire.RENEW, transfer_id, 1000, peer_power_mW, 0)


def last_receipt(board):
    return wire.unpack_receipt(board.receipts[: wire.RECEIPT_SIZE])
