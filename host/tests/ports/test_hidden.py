# SPDX-License-Identifier: MIT
"""What a hidden board's port puts on the air, and when its address turns."""

import hashlib
import os

import pytest
from rig import KEY, Board

from crowdcharge.boards import mandates
from crowdcharge.radio.advert_data import manufacturer_data, structures
from wptcore import alias, mandate, wire
from wptcore.journal import Saved
from wptcore.mandated import Mandated

OWNER = bytes(range(1, 33))
NRPA = 3


def hide(board: Board, number: int, flags: int = mandate.HIDDEN) -> None:
    core = board.loop.board
    if not core._owner_key:
        key = core._owner_key = mandates.board_key(OWNER, core.board_id)
        core.consent = Mandated(core.consent, Saved(), hashlib.sha256, key, core.board_id)
    words = mandates.MandateTerms(core.board_id, number, flags=flags)
    assert isinstance(core.take_mandate(words.signed(OWNER)), tuple)


def shown(board: Board) -> bytes:
    board.run_pass(1000)
    found = manufacturer_data(board.world.adverts[-1][0], wire.COMPANY_ID)
    assert found is not None
    return found


@pytest.fixture
def hidden(board: Board) -> Board:
    hide(board, 1)
    board.run_pass(250)
    return board


def test_an_alias_takes_the_beacons_place_at_a_new_address(board: Board) -> None:
    assert wire.unpack_beacon(shown(board))[0] == 3
    assert board.world.addresses == []
    hide(board, 1)
    data = shown(board)
    assert board.world.addresses == [NRPA] and not board.world.silent
    assert alias.is_of(hashlib.sha256, alias.host_key(hashlib.sha256, KEY), data)
    responses = {board.world.response for _ in range(4) if shown(board)}
    (response,) = responses
    assert [kind for kind, _ in structures(response)] == [0x07]  # the service, and no name
    assert b"wpt" not in board.world.adverts[-1][0] + response


def test_the_address_turns_with_the_alias_every_quarter_of_an_hour(hidden: Board) -> None:
    hidden.loop.radio._adverts.hidden._random = os.urandom  # the silicon's is always the same
    hidden.loop.radio._adverts.hidden.turn()
    seen = [(shown(hidden), len(hidden.world.addresses)) for _ in range(60 * 31)]
    assert hidden.world.addresses == [NRPA] * 3
    aliases = [{data for data, turn in seen if turn == number} for number in (1, 2, 3)]
    assert all(aliases) and not aliases[0] & aliases[1] and not aliases[1] & aliases[2]


def test_nobodys_link_is_cut_by_a_turn(hidden: Board) -> None:
    hidden.irq(1, 5, 0, b"\1" * 6)
    for _ in range(60 * 16):
        hidden.run_pass(1000)
    assert hidden.world.addresses == [NRPA]
    hidden.irq(2, 5, 0, b"\1" * 6)
    shown(hidden)
    assert hidden.world.addresses == [NRPA] * 2


def test_a_radio_that_refuses_keeps_the_alias_due(board: Board) -> None:
    board.run_pass(250)

    def refuse(name: str) -> None:
        if name == "BLE.config":
            raise OSError(5)

    board.world.fail = refuse
    hide(board, 1)
    shown(board)
    board.world.fail = lambda _: None
    shown(board)
    assert board.world.addresses == [NRPA]


def test_a_board_that_hides_no_more_shows_its_beacon(hidden: Board) -> None:
    hide(hidden, 2, flags=0)
    assert wire.unpack_beacon(shown(hidden))[0] == 3
    hide(hidden, 3)
    shown(hidden)
    assert hidden.world.addresses == [NRPA] * 2
