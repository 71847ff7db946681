# SPDX-License-Identifier: MIT
"""Whatever a part of the board raises, the pass goes on and the coil follows the core."""

import pytest
from rig import COIL, LINK, Board, LEASE_ms
from silicon import PATHS, Hung

from wptcore import ept, wire

ERRORS = [OSError(5), RuntimeError("no"), ValueError("no"), MemoryError(), TypeError("no")]
# The passes of a transfer with a console command call these (the first test says so).
CALLS = (
    "ADC.read_uv", "BLE.gap_advertise", "BLE.gatts_notify", "BLE.gatts_write",
    "I2C.readfrom_mem_into", "I2C.writeto", "Pin.value", "open", "os.sync", "stdin.read",
    "stdout.write",
)  # fmt: skip
# These end the program instead: main.py switches off, and the watchdog restarts the board.
ENDS_THE_PROGRAM = {"Pin.set", "WDT.feed"}


def failing(world, name, error):
    def fail(called):
        if called == name:
            raise error

    world.fail = fail


def follow_to_the_end(board: Board) -> int:
    """Run passes without a renewal; return for how long the coil was on, in ms."""
    on_ms = 0
    for _ in range(150):
        board.world.received += b"status\n"
        board.run_pass()
        assert board.coil == int(board.loop.board.coil_on)
        on_ms += 20 * board.coil
    assert board.coil == 0
    return on_ms


def test_these_are_the_calls_of_a_transfer(board):
    board.transfer()
    board.world.calls.clear()
    follow_to_the_end(board)
    assert set(board.world.calls) == {*CALLS, *ENDS_THE_PROGRAM}


def test_a_full_memory_is_counted(board):
    failing(board.world, "BLE.gap_advertise", MemoryError())
    board.run_passes(20)
    assert board.loop.guard.drops["memory"] == board.loop.guard.drops["radio"] > 0


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_raises_ends_no_pass_and_extends_no_lease(board, name, error):
    board.transfer()
    failing(board.world, name, error)
    assert follow_to_the_end(board) <= LEASE_ms + 40
    assert sum(board.loop.guard.drops.values()) > 0 or name == "BLE.gatts_notify"


@pytest.mark.parametrize("name", ["BLE.gap_advertise", "BLE.gatts_write", "stdout.write"])
def test_a_transfer_goes_on_without_what_it_does_not_need(board, name):
    board.transfer()
    failing(board.world, name, OSError(12))
    board.world.received = b"help\n" * 3
    for number in range(300):
        if number % 50 == 0:
            board.renew()
        board.run_pass()
        assert board.coil == 1, board.faults


def test_every_call_into_a_radio_that_has_died_is_dropped(board):
    board.transfer()

    def fail(called):
        if called.startswith("BLE."):
            raise OSError(19)

    board.world.fail = fail
    assert follow_to_the_end(board) <= LEASE_ms + 40


@pytest.mark.parametrize("name", sorted(ENDS_THE_PROGRAM))
def test_a_switch_or_a_watchdog_that_fails_ends_the_loop(board, name):
    board.transfer()
    failing(board.world, name, OSError(5))
    with pytest.raises(OSError):
        board.run_passes(200)  # the switch is moved at the latest when the lease ends


# -- a call that never returns --

OPENS_ms = 500  # the second break, after the last pulse (hardware/: TX_PULSE's hold time)


@pytest.mark.parametrize("name", [*CALLS, *sorted(ENDS_THE_PROGRAM)])
def test_a_hang_in_any_call_opens_the_second_break(board, name):
    """The first break's pin stays as it was; the watchdog restarts the board later."""
    board.transfer()
    board.run_passes(10)
    assert board.world.flows

    def fail(called):
        if called == name:
            raise Hung

    board.renew()  # its answer is notified
    board.world.fail = fail
    with pytest.raises(Hung):
        follow_to_the_end(board)
    assert 0 < board.world.watchdog_ms <= 8400
    board.world.now_us += OPENS_ms * 1000
    assert not board.world.flows


def test_a_hang_in_each_call_of_four_passes_opens_the_second_break(tmp_path):
    reached = 0
    while True:
        folder = tmp_path / str(reached)
        folder.mkdir()
        board = Board(folder)
        board.transfer()
        board.run_passes(10)
        left = [reached]

        def fail(_, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise Hung

        board.world.fail = fail
        try:
            board.run_passes(4)
        except Hung:
            reached += 1
        else:
            break
        assert board.world.flows, "it would prove nothing"
        board.world.now_us += OPENS_ms * 1000
        assert not board.world.flows, f"call {reached} of them"
    assert reached > 30


# -- what comes first --


def test_the_watchdog_comes_before_every_part_that_can_hang(board):
    calls = board.world.calls
    parts = ("I2C", "ADC", "BLE", "stdin", "stdout")
    first = min(i for i, call in enumerate(calls) if call.split(".")[0] in parts)
    assert calls.index("WDT") < first
    assert calls.index("Pin.set") < calls.index("WDT"), "the pins come before it"


def test_without_a_watchdog_nothing_is_granted(tmp_path):
    def fail(called):
        if called == "WDT":
            raise ValueError("no watchdog")

    board = Board(tmp_path, fail)
    with pytest.raises(AssertionError):
        board.transfer()
    assert ept.SELF_TEST in board.faults
    assert board.loop.board.ack_fields()[0:1] is not None
    assert COIL in board.world.pins and board.coil == 0


def test_without_its_buses_nothing_is_granted(tmp_path):
    def fail(called):
        if called == "I2C":
            raise RuntimeError("No pull up found on SDA or SCL")

    board = Board(tmp_path, fail)
    with pytest.raises(AssertionError):
        board.transfer()
    assert ept.SELF_TEST in board.faults


def test_a_radio_that_does_not_start_ends_the_start_with_the_watchdog_armed(tmp_path):
    worlds = []

    def fail(called):
        if called == "BLE.active":
            raise OSError(5)

    with pytest.raises(OSError):
        Board(tmp_path, fail, worlds.append)
    assert worlds[0].watchdog_ms > 0


# -- the flash --


def test_flash_that_refuses_forbids_transfers_until_it_takes_the_record(board):
    board.transfer()
    failing(board.world, "open", OSError(28))
    board.loop.board._store.due = True
    for _ in range(400):
        board.run_pass()
    assert ept.SELF_TEST in board.faults
    assert board.coil == 0
    board.world.fail = lambda _: None
    for _ in range(200):
        board.run_pass()
    assert ept.SELF_TEST not in board.faults


def test_a_record_that_was_torn_does_not_cost_the_whole_one(board, tmp_path):
    board.transfer()
    whole = {name: (tmp_path / name).read_bytes() for name in ("journal0.bin", "journal1.bin")}
    torn = []

    def fail(called):
        if called == "os.sync":
            torn.append(called)
            raise OSError(5)

    board.world.fail = fail
    for _ in range(400):
        board.run_pass()
    assert len(torn) > 3
    same = [name for name, data in whole.items() if (tmp_path / name).read_bytes() == data]
    assert len(same) == 1, "every try went to the same slot"


# -- the radio --


def test_a_gauge_that_starts_anew_is_told_to_the_core_once(board, monkeypatch):
    for _ in range(60):
        board.run_pass()
    core = board.loop.board
    told = []
    monkeypatch.setattr(core, "on_gauge_reset", lambda: told.append(core.now_ms))
    board.world.chips[0x36].cell_fitted()
    for _ in range(60):
        board.run_pass()
    assert len(told) == 1
    assert core.soc_permille == wire.SOC_UNKNOWN_permille


def test_the_handler_answers_with_a_number_to_reads_only(board):
    radio = board.loop.radio
    board.irq(1, LINK, 0, b"\1" * 6)
    assert board.irq(4, LINK, radio._challenge) == 0
    assert board.irq(4, 99, radio._challenge) == 0x0E
    for event in (1, 2, 3, 20, 21, 27, 28, 29, 30, 31, 200):
        assert board.irq(event, LINK, 0, 0, 0, 0) is None, event


@pytest.mark.parametrize("event", range(1, 40))
def test_the_handler_survives_any_event(board, event):
    """An exception in it would switch it off for good."""
    for data in ((), (None,), (LINK,), (LINK, 10**9), ("x", "y", "z")):
        assert board.irq(event, *data) in {None, 0, 0x0E}
    board.run_pass()


def test_a_link_is_asked_to_go_once(board):
    """NimBLE raises OSError 114 for a second request; the link goes an interval or two later."""
    board.transfer()
    asked = []

    def fail(called):
        if called == "BLE.gap_disconnect":
            asked.append(called)
            if len(asked) > 1:
                raise OSError(114)

    board.world.fail = fail
    board.irq(1, 9, 0, b"\2" * 6)
    for _ in range(8):
        board.world.values[board.loop.radio._command] = b"junk"
        board.irq(3, 9, board.loop.radio._command)
        board.run_pass()
    assert len(asked) == 1
    assert board.coil == 1
    board.irq(2, 9, 0, b"\2" * 6)
    board.run_pass()
    board.irq(1, 9, 0, b"\2" * 6)
    for _ in range(8):
        board.irq(3, 9, board.loop.radio._command)
        board.run_pass()
    assert len(asked) == 2, "the next link with this number is a new one"
    assert board.coil == 1


def test_a_reply_waits_for_room(board):
    board.transfer()
    board.world.notified.clear()
    failing(board.world, "BLE.gatts_notify", OSError(12))
    board.renew()
    for _ in range(10):
        board.run_pass()
    board.world.fail = lambda _: None
    for _ in range(5):
        board.run_pass()
    assert len(board.world.notified) == 1


def test_a_board_whose_links_are_taken_goes_on_advertising(board):
    board.world.links_max = 1
    board.world.links.add(LINK)
    board.irq(1, LINK, 0, b"\1" * 6)
    board.world.adverts.clear()
    for _ in range(50):
        board.run_pass()
    assert board.world.adverts
    assert not any(connectable for _, connectable in board.world.adverts)


def test_a_table_that_does_not_fit_is_said_at_once(tmp_path):
    with pytest.raises(RuntimeError, match="no room"):
        Board(tmp_path, wrong_handles=True)


def test_a_frame_that_the_core_cannot_bear_costs_only_itself(board, monkeypatch):
    board.transfer()

    def broken(*_):
        raise OverflowError("struct")

    monkeypatch.setattr(board.loop.board, "on_command", broken)
    board.write(b"whatever")
    board.run_pass()
    assert board.coil == 1 and board.loop.guard.drops["frame"] == 1


def test_the_ports_files_are_all_known():
    assert {"board_loop", "guard", "store", "gatt_server", "console", "main"} <= PATHS.keys()
    assert wire.PTX
