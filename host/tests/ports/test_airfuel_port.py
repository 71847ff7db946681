# SPDX-License-Identifier: MIT
"""AirFuel's service in the real port files: what is registered, shown, taken and dropped."""

import pytest
from rig import COIL, LINK, RECEIVER, Board

from wptcore import airfuel, ept, wire

CHARGER = LINK + 1
STATIC = bytes((0, 84, 0, 0, 0, 0, 3, 62, 32, 0, 0)) + bytes(6)
ENABLE, DISABLE = b"\xc0\x00\x00\x00\x00", bytes(5)
WRITES_MAX = 4  # of one link in one pass


@pytest.fixture
def board(tmp_path) -> Board:
    board = Board(tmp_path, airfuel=True)
    board.run_passes(60)  # past the self-test
    return board


def radio(board):
    return board.loop.radio._airfuel


def write(board, handle: int, data: bytes, link: int = CHARGER) -> None:
    board.world.values[handle] = data
    board.irq(3, link, handle)


def dynamic(board) -> tuple[int, ...]:
    handle = radio(board)._dynamic
    assert board.irq(4, CHARGER, handle) == 0
    return airfuel.unpack_dynamic(board.world.values[handle])


def register(board) -> None:
    board.irq(1, CHARGER, 0, b"\2" * 6)
    write(board, radio(board)._ptu_static, STATIC)
    board.run_pass()


def receiving(board) -> None:
    board.connect()
    board.run_pass()
    board.send(wire.GRANT, 7, wire.PRX, 9, 0, 0, 3000, 100_000, 600_000, 0, 5000, 0)
    board.run_passes(3)
    assert board.world.pins[RECEIVER] == 1, board.faults


def test_without_the_owners_word_nothing_of_it_is_loaded(tmp_path):
    board = Board(tmp_path)
    board.run_passes(60)
    assert radio(board) is None
    assert "import airfuel_radio" not in board.world.calls
    assert all(b"\xfe\xff" not in advert for advert, _ in board.world.adverts)


def test_static_values_stand_from_the_start(board):
    values = board.world.values
    statics = [value for value in values.values() if len(value) == airfuel.PRU_STATIC_SIZE]
    assert airfuel.pack_pru_static(12_000, 3000, 5500, 4250) in statics


def test_every_third_advert_is_the_profiles_and_comes_fast(board):
    board.world.adverts.clear()
    service = radio(board)._control - airfuel.CONTROL_OFFSET
    intervals_us = []
    for _ in range(120):
        told = len(board.world.adverts)
        board.run_pass()
        if len(board.world.adverts) > told:
            intervals_us.append(board.world.advert_us)
    turns = [advert == airfuel.pack_advert(service) for advert, _ in board.world.adverts]
    assert sum(turns) in {len(turns) // 3, len(turns) // 3 + 1}
    assert intervals_us == [20_000 if turn else 250_000 for turn in turns]
    assert all(connectable for _, connectable in board.world.adverts)


def test_to_enable_without_a_grant_moves_no_pin(board):
    register(board)
    for _ in range(20):
        write(board, radio(board)._control, ENABLE)
        board.run_pass()
        assert not board.world.pins.get(RECEIVER)
        assert not board.world.pins.get(COIL)
    assert not dynamic(board)[9] & airfuel.CHARGE_PORT


def test_to_disable_ends_what_the_board_receives_in_one_pass(board):
    receiving(board)
    register(board)
    assert dynamic(board)[9] & airfuel.CHARGE_PORT
    write(board, radio(board)._control, ENABLE)
    board.run_pass()
    assert board.world.pins[RECEIVER] == 1
    write(board, radio(board)._control, DISABLE)
    board.run_pass()
    assert board.world.pins[RECEIVER] == 0
    assert board.loop.board.ended_by == ept.PEER_ENDED


def test_to_disable_leaves_what_the_board_gives(board):
    board.transfer()
    register(board)
    write(board, radio(board)._control, DISABLE)
    board.renew()
    board.run_passes(3)
    assert board.coil == 1


def test_a_flood_is_dropped_but_for_a_few_and_the_host_is_heard(board):
    receiving(board)
    register(board)
    before_us = board.world.now_us
    board.run_pass()
    calm_us = board.world.now_us - before_us
    for _ in range(1000):
        write(board, radio(board)._control, ENABLE + b"\x00")
        board.irq(4, CHARGER, radio(board)._dynamic)
    assert len(radio(board)._writes) == WRITES_MAX
    board.send(wire.RENEW, 7, 5000, 1000, ept.NONE)
    before_us = board.world.now_us
    board.run_passes(2)
    assert board.world.now_us - before_us <= 4 * calm_us
    assert board.world.pins[RECEIVER] == 1
    assert board.loop.board._running.lease_ms > 4900


def test_an_alert_is_sent_once_when_it_comes_and_shown_when_it_goes(board):
    handle = radio(board)._alert
    register(board)
    board.world.updates.clear()
    board.loop.board.on_fault(ept.OVER_VOLTAGE)
    board.run_pass()
    board.run_pass()
    sent = [value for each, value in board.world.updates if each == handle]
    assert sent == [bytes((airfuel.OVER_VOLTAGE | airfuel.SELF_PROTECTION,))]
    board.run_passes(120)
    assert board.world.values[handle] == b"\x00"
    assert [value for each, value in board.world.updates if each == handle] == sent


def test_an_alert_that_the_stack_refused_is_sent_later(board):
    register(board)
    board.world.updates.clear()

    def fail(called: str) -> None:
        if called == "BLE.gatts_write":
            raise OSError(12)

    board.world.fail = fail
    board.loop.board.on_fault(ept.OVER_VOLTAGE)
    board.run_pass()
    board.world.fail = lambda _: None
    board.run_pass()
    assert [value[0] & airfuel.OVER_VOLTAGE for _, value in board.world.updates[:1]]


def test_what_the_stack_raises_is_counted_and_the_pass_goes_on(board):
    receiving(board)
    register(board)

    def fail(called: str) -> None:
        if called == "BLE.gatts_write":
            raise OSError(5)

    board.world.fail = fail
    assert board.irq(4, CHARGER, radio(board)._dynamic) != 0
    board.loop.board.on_fault(ept.OVER_VOLTAGE)
    board.run_pass()
    assert board.loop.guard.drops["airfuel"] == 1
    assert board.world.pins[RECEIVER] == 0  # the fault ended it all the same
