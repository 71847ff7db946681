# SPDX-License-Identifier: MIT
"""Who gets anything from a board: every state of consent times everybody who can ask.

`expected` is written from docs/explanation/peers.md alone. The board is asked by frames, and its
coil must agree with its answer.
"""

import hashlib
import struct
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "firmware" / "tests"))

from peers import CROWD_ID, Stranger, membership
from support import HOST_NONCE, NONCE, Host
from wptcore import ept, mandate, wire
from wptcore.consent import AGREED, CROWD, FRIENDS, HOST, STRANGERS
from wptcore.journal import Saved
from wptcore.peer_desk import Membership
from wptcore.peer_keys import pair_key, transfer_id

GIVER, MEMBER, FRIEND, STRANGER = 1, 2, 3, 9
OTHERS = 99  # an agreed crowd
OWNER_KEY = bytes(range(32, 64))
PRESSED = bytes(range(7, 39))  # what a press of both buttons has agreed on
DAY_mJ, QUOTA_mJ = 5000, 3000
NOON_min = 720
ASKERS = ("stranger", "member", "friend", "agreed", "host")  # a host's session forbids the others


class State(NamedTuple):
    """`by_mandate`: the owner has signed it; else it was said at the cable, without the rest."""

    gives_to: int
    day: str = "unbounded"
    quota: str = "unbounded"
    by_mandate: bool = False
    hours: str = "all"
    ask: str = "never"


def expected(state: State, asker: str) -> int:
    permits = {
        "host": HOST,
        "member": CROWD,
        "friend": CROWD | FRIENDS,
        "agreed": AGREED,
        "stranger": STRANGERS,
    }
    if not state.gives_to & permits[asker]:
        return ept.NO_CONSENT
    if asker == "agreed" and state.quota == "spent":
        return ept.QUOTA
    if state.hours in {"outside", "unknown"}:
        return ept.OTHER_HOURS
    if state.day == "spent":
        return ept.QUOTA
    if state.ask == "unanswered" and asker != "stranger":  # there the press is the answer
        return ept.OWNER_ASKED
    return ept.NONE


class Owned(Stranger):
    """A member of a crowd that may meet strangers, too."""

    def _membership(self):
        return Membership(self.crowd)


def board_in(state: State) -> Owned:
    saved = Saved()
    saved.given_mJ = DAY_mJ if state.day == "spent" else 1000
    saved.given_to = struct.pack("<II", OTHERS, QUOTA_mJ if state.quota == "spent" else 1000)
    day_mJ = 0 if state.day == "unbounded" else DAY_mJ
    quotas = {} if state.quota == "unbounded" else {"quotas": {str(OTHERS): QUOTA_mJ}}
    node = Owned(
        GIVER,
        900,
        gives_to=0 if state.by_mandate else state.gives_to,
        day_mJ=0 if state.by_mandate else day_mJ,
        crowd=membership(GIVER, agreed=[OTHERS], **quotas),
        owner_key=OWNER_KEY if state.by_mandate else b"",
    )
    node.stored = saved
    node.boot()
    if state.by_mandate:
        sign(node, state, day_mJ)
    return node


def sign(node: Owned, state: State, day_mJ: int) -> None:
    start_min = {"all": 0, "inside": NOON_min, "outside": NOON_min + 1, "unknown": NOON_min}
    hours = (NOON_min, start_min[state.hours], NOON_min + 60 if state.hours != "all" else 0)
    flags = mandate.ASK_FIRST if state.ask != "never" else 0
    fields = (GIVER, 1, state.gives_to, day_mJ, 0, flags, *hours, 0, 1000, 0, FRIEND)
    words = mandate.pack(hashlib.sha256, OWNER_KEY, fields)
    assert node.board.take_mandate(words)[0] == wire.MANDATE_TAKEN
    if state.hours == "unknown":  # a reboot: the mandate stands, the time is lost
        node.stored = node.board.pop_save()
        node.boot()
    if state.ask == "answered":
        node.board.consent.asks()
        node.board.on_button(100)


def session(node: Owned, asker: str) -> tuple[Host, bytes, int]:
    """Say hello; return the session, the key of the pair and the asker's number."""
    if asker == "stranger":
        press = node.desk.press
        press.left_ms, press.other, press.key = 10_000, STRANGER, PRESSED
        key, crowd, number = PRESSED, 0, STRANGER
    else:
        crowd = OTHERS if asker == "agreed" else CROWD_ID
        number = FRIEND if asker == "friend" else MEMBER
        root = bytes.fromhex(node.crowd["root"])
        key = pair_key(hashlib.sha256, root, crowd, number)
    peer = Host(node.board, link=ASKERS.index(asker), key=key)
    assert peer.send(wire.PEER_HELLO, crowd, number, HOST_NONCE) == ept.NONE
    return peer, key, number


def answer(node: Owned, asker: str) -> int:
    """Ask for all; return the board's code, which a grant must bear out."""
    if asker == "host":
        host = Host(node.board, link=ASKERS.index(asker), key=node.key).hello()
        return host.grant(transfer_id=77, power_max_mW=900)
    peer, key, number = session(node, asker)
    energy_mJ, power_mW, code = peer.deliver(peer.frame(wire.PEER_WISH, 300, 100_000, 100_000))
    flags = wire.GRANTED_BY_PEER | (wire.GRANTED_BY_PRESS if asker == "stranger" else 0)
    limits = (min(power_mW, 900), energy_mJ or 1000, 60_000, 0, 1000, flags)
    number_of = transfer_id(hashlib.sha256, key, NONCE)
    granted = peer.send(wire.GRANT, number_of, wire.PTX, number, 0, number, *limits)
    assert (granted == ept.NONE) == (code == ept.NONE), (code, granted)
    return code


BOUNDS = ("unbounded", "left", "spent")
HOURS = ("all", "inside", "outside", "unknown")
ASKS = ("never", "unanswered", "answered")


def states() -> Iterator[State]:
    for gives_to, day, quota in product(range(32), BOUNDS, BOUNDS):
        if not gives_to & FRIENDS:  # whom only a mandate names
            yield State(gives_to, day, quota)
        for hours, ask in product(HOURS, ASKS):
            yield State(gives_to, day, quota, True, hours, ask)


@pytest.mark.slow
def test_a_board_decides_by_its_owners_consent_whoever_asks():
    count = 0
    for state in states():
        node = board_in(state)
        for asker in ASKERS:
            code = answer(node, asker)
            assert code == expected(state, asker), (state, asker)
            assert node.board.coil_on == (code == ept.NONE), (state, asker)
            if node.board.is_running:
                node.board.stop(node.board.ack_fields()[2])
            node.board.on_link(ASKERS.index(asker), b"")
            count += 1
    assert count == 5 * (16 * 9 + 32 * 108)
