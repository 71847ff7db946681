# SPDX-License-Identifier: MIT
"""AirFuel's values byte by byte, and what a transmitter can do to a board: end what it takes."""

from support import LINK, Host, last_receipt, make_board, make_limits, run
from wptcore import airfuel, ept, links, wire
from wptcore.receiving_unit import ReceivingUnit

STATIC = bytes((0, 84, 0, 0, 0, 0, 3, 62, 32, 0, 4)) + bytes(6)  # of a vendor's example
ENABLE = b"\xc0\x00\x00\x00\x00"
DISABLE = b"\x40\x00\x00\x00\x00"
DENY = b"\xc0\x81\x00\x00\x00"
CHARGER = LINK + 1


def raised(call, *arguments):
    try:
        call(*arguments)
    except ValueError:
        return True
    return False


def make_unit(board):
    board.on_link(CHARGER, bytes(16))
    return ReceivingUnit(board, make_limits())


def receiving(board):
    """Return the host of a transfer into the board."""
    host = Host(board).hello()
    assert host.grant(role=wire.PRX) == ept.NONE
    run(board, 200, host=host)
    assert board.receiver_on
    return host


def test_the_bytes_are_those_of_the_vendors():
    assert airfuel.unpack_ptu_static(STATIC) == (0, 84, 0, 0, 4, 62, 32, 0, 5)
    assert airfuel.pack_ptu_static(84, 4, 5)[:7] == STATIC[:7]
    assert airfuel.unpack_control(b"\xb0\x82\x05\x00\x00") == (0xB0, 0x82, 5)
    assert airfuel.pack_control(0xB0, 0x82, 5) == b"\xb0\x82\x05\x00\x00"
    static = airfuel.pack_pru_static(5300, 3000, 5500, 4250)
    assert static.hex() == "000000000000003" + "5" + "b80b" + "7c15" + "9a10" + "000000000000"
    dynamic = airfuel.pack_dynamic(0xE0, 5000, 400, 4900, 390, 25, airfuel.CHARGE_PORT)
    assert dynamic.hex() == "e0" + "8813" + "9001" + "2413" + "8601" + "41" + 12 * "0" + "02000000"
    assert airfuel.pack_advert(0x0020).hex() == "020106" + "0716" + "feff" + "2000" + "ff00"


def test_sizes_are_those_of_the_profile_and_no_other_is_taken():
    rows = (
        (airfuel.unpack_control, 5),
        (airfuel.unpack_ptu_static, 17),
        (airfuel.unpack_pru_static, 20),
        (airfuel.unpack_dynamic, 20),
        (airfuel.unpack_service_data, 4),
    )
    for unpack, size in rows:
        for length in range(30):
            assert raised(unpack, bytes(length)) == (length != size)


def test_what_is_out_of_range_is_clamped():
    dynamic = airfuel.pack_dynamic(0x1FF, 70_000, -5, 0, 0, 300, 0)
    assert airfuel.unpack_dynamic(dynamic)[:6] == (255, 65535, 0, 0, 0, 215)
    assert airfuel.unpack_dynamic(airfuel.pack_dynamic(0, 0, 0, 0, 0, -90, 0))[5] == -40
    assert airfuel.unpack_pru_static(airfuel.pack_pru_static(99_000, -1, 0, 0))[6] == 25_500


def test_to_enable_without_a_grant_changes_nothing():
    board = make_board()
    unit = make_unit(board)
    unit.on_static(CHARGER, STATIC)
    for _ in range(20):
        unit.on_control(CHARGER, ENABLE)
        run(board, 20)
        assert not board.receiver_on and not board.coil_on and not board.is_running
    assert not unit.dynamic[16] & airfuel.CHARGE_PORT
    assert unit.dynamic[1:9] == bytes(8)


def test_to_enable_with_a_grant_changes_nothing_either():
    board = make_board()
    unit = make_unit(board)
    host = receiving(board)
    unit.on_static(CHARGER, STATIC)
    unit.on_control(CHARGER, ENABLE)
    run(board, 200, host=host)
    assert board.receiver_on
    fields = airfuel.unpack_dynamic(unit.dynamic)
    assert fields[9] & airfuel.CHARGE_PORT
    assert fields[1] == fields[3] == 4000
    board.on_sample(4000, -321, 305, 250, 20)
    assert airfuel.unpack_dynamic(unit.dynamic)[1:6] == (4000, 321, 4000, 321, 30)
    run(board, 1200)  # no renewals: no enable takes the place of a lease
    unit.on_control(CHARGER, ENABLE)
    assert not board.receiver_on


def test_to_disable_or_deny_ends_what_it_receives():
    for control in (DISABLE, DENY, bytes(5)):
        board = make_board()
        unit = make_unit(board)
        receiving(board)
        unit.on_static(CHARGER, STATIC)
        unit.on_control(CHARGER, control)
        assert not board.receiver_on
        assert board.ended_by == ept.PEER_ENDED
        assert last_receipt(board)
        assert board.faults == b""


def test_no_control_ends_what_the_board_gives():
    board = make_board()
    unit = make_unit(board)
    host = Host(board).hello()
    assert host.grant() == ept.NONE
    unit.on_static(CHARGER, STATIC)
    unit.on_control(CHARGER, DISABLE)
    run(board, 300, host=host)
    assert board.coil_on


def test_a_control_before_ptu_static_does_nothing_and_counts_against_its_link():
    board = make_board()
    unit = make_unit(board)
    host = receiving(board)
    for _ in range(links.FAILURES_MAX):
        unit.on_control(CHARGER, DISABLE)
    run(board, 100, host=host)
    assert board.receiver_on
    assert board.unwelcome_link == CHARGER


def test_other_lengths_do_nothing_and_count_against_their_link():
    board = make_board()
    unit = make_unit(board)
    host = receiving(board)
    unit.on_static(CHARGER, STATIC)
    for data in (b"", bytes(4), bytes(6)):
        unit.on_control(CHARGER, data)
    unit.on_static(CHARGER, bytes(16))
    unit.on_static(CHARGER, bytes(18))
    run(board, 100, host=host)
    assert board.receiver_on
    assert board.unwelcome_link == CHARGER


def test_a_transmitter_may_stay_while_it_reads_and_there_is_room():
    board = make_board(links_max=2)
    unit = make_unit(board)
    unit.on_static(CHARGER, STATIC)
    for _ in range(100):
        board.on_elapsed(250)
        unit.on_read(CHARGER)
        assert board.unwelcome_link == -1
    board.on_link(LINK, bytes(16))  # now all links are taken
    assert board.unwelcome_link == CHARGER
    board.on_link(LINK, b"")
    board.on_elapsed(links.SILENT_MAX_ms + 1)
    assert board.unwelcome_link == CHARGER


def test_reading_keeps_no_link_that_has_not_registered_and_no_hosts():
    board = make_board()
    unit = make_unit(board)
    Host(board).hello()
    unit.on_static(LINK, STATIC)
    gone = []
    for _ in range(80):
        board.on_elapsed(250)
        unit.on_read(CHARGER)
        unit.on_read(LINK)
        handle = board.unwelcome_link
        if handle >= 0:
            gone.append(handle)
            board.on_link(handle, b"")
    assert gone == [LINK, CHARGER]


def test_alerts_say_what_stands():
    board = make_board()
    unit = make_unit(board)
    assert unit.alert == 0
    board.on_cable(True)
    assert unit.alert & airfuel.WIRED_CHARGER
    board.on_cable(False)
    run(board, 3000)
    board.on_soc(1000)
    assert unit.alert & airfuel.CHARGE_COMPLETE
    assert airfuel.unpack_dynamic(unit.dynamic)[9] == unit.alert
    board = make_board()
    unit = make_unit(board)
    for code, bit in (
        (ept.OVER_VOLTAGE, airfuel.OVER_VOLTAGE),
        (ept.OVER_CURRENT, airfuel.OVER_CURRENT),
        (ept.OVER_TEMPERATURE, airfuel.OVER_TEMPERATURE),
    ):
        board.on_fault(code)
        assert unit.alert & bit
        assert unit.alert & airfuel.SELF_PROTECTION
