# SPDX-License-Identifier: MIT
"""The CircuitPython port's link that is lent to a taker: the real file between two real cores."""

import importlib.util

import pytest

from called import Accepts, Calls, nonce
from crowdcharge.flash import firmware_tree
from peers import membership
from wptcore import auth, peer_taker, wire
from wptcore.peer_caller import CALLED

LINK = 0
STEP_ms = 20


def called_link():
    path = firmware_tree.root() / "ports" / "circuitpython" / "called_link.py"
    spec = importlib.util.spec_from_file_location("called_link", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Pair:
    """A board that calls, and the port of one that accepts; `room`: may it notify now?"""

    def __init__(self, **caller) -> None:
        self.caller, self.board = Calls(1, 900, **caller), Accepts(2, 300)
        self.room = True
        self.sent: list[bytes] = []
        self.dropped: list[int] = []
        self.link = called_link().CalledLink(
            self.board.taker, self.board.board, self._notify, self.dropped.append
        )
        self.link.take(LINK, nonce(1), False)
        self.board.board.on_link(LINK, nonce(1))

    def _notify(self, _link: int, frame: bytes) -> bool:
        if self.room:
            self.sent.append(frame)
        return self.room

    def call(self) -> bool:
        self.caller.board.on_link(CALLED, nonce(2))
        call = wire.pack_frame(wire.PEER_CALL, 0, 0, self.caller.board.challenge(nonce(2)))
        return self.link.take(LINK, call + bytes(auth.TAG_SIZE), True)

    def run(self, time_ms: int) -> None:
        for _ in range(time_ms // STEP_ms):
            self.link.step(STEP_ms)
            self.board.board.on_elapsed(STEP_ms)


def test_a_call_lends_the_link_and_no_host_has_it_any_more() -> None:
    pair = Pair()
    assert pair.call()
    pair.run(STEP_ms)
    assert wire.unpack_header(pair.sent[0])[1] == wire.PEER_HELLO
    pair.caller.board.on_command(CALLED, pair.sent[0])
    answer = pair.caller.board.pop_reply()[1]
    assert pair.link.take(LINK, answer, True)
    pair.run(STEP_ms)
    assert wire.unpack_header(pair.sent[1])[1] == wire.PEER_WISH
    hello = wire.pack_frame(wire.HELLO, 1, 0, bytes(16)) + bytes(auth.TAG_SIZE)
    assert not pair.link.take(LINK, hello, True)  # the board's: it has no such link
    assert pair.board.board.unwelcome_link == -1


def test_a_frame_for_which_there_is_no_room_waits() -> None:
    pair = Pair()
    pair.call()
    pair.room = False
    pair.run(500)
    pair.room = True
    pair.run(2 * STEP_ms)
    assert len(pair.sent) == 1


def test_who_calls_and_proves_nothing_is_dropped_soon() -> None:
    pair = Pair(crowd=membership(1, crowd_key=bytes(32)))
    assert pair.call()
    pair.run(3500)
    assert pair.dropped == [LINK] and not pair.board.board.receiver_on
    pair.run(10_000)
    assert pair.dropped == [LINK, LINK]  # it has not gone
    pair.link.take(LINK, b"", False)  # it has gone
    assert pair.board.taker.action == peer_taker.LISTEN


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\x02", b"\x02\x23", bytes((2, wire.PEER_CALL)) + bytes(60)),
        bytes((2, wire.ACK)) + bytes(44),
        wire.pack_frame(wire.PEER_CALL, 0, 0, bytes(31)) + bytes(16),
    ],
)
def test_what_is_no_call_is_the_boards(data: bytes) -> None:
    pair = Pair()
    assert not pair.link.take(LINK, data, True)
    assert pair.board.taker.action == peer_taker.LISTEN


def test_a_board_that_wants_nothing_leaves_the_call_to_be_refused() -> None:
    pair = Pair()
    pair.board.board.on_soc(1000)
    assert not pair.call()
