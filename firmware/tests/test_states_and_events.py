# SPDX-License-Identifier: MIT
"""Every state of a board under every event: what may never be, whatever happens."""

from support import HOST_NONCE, Host, make_board, run
from wptcore import ept, persistence, transfer, wire
from wptcore.declared import BY_HOST, CLEAR_BY, FAULTS, LATCH

LATCHES = [row[0] for row in FAULTS if row[1] == LATCH]
GRANT = (9, wire.PTX, 9, 0, 0, 5000, 50_000, 60_000, 0, 1000, 0)


def idle(**options):
    board = make_board(**options)
    return board, Host(board).hello()


def pinging():
    board, host = idle()
    assert host.grant() == ept.NONE
    return board, host


def powering():
    board, host = pinging()
    run(board, 400, host=host)
    return board, host


def receiving():
    board, host = idle()
    assert host.grant(role=wire.PRX) == ept.NONE
    run(board, 400, current_mA=-500, host=host)
    return board, host


def faulty(code):
    def make():
        board, host = powering()
        board.on_fault(code)
        return board, host

    return make


def maintained():
    board, host = powering()
    board.on_maintenance(True)
    return board, host


def off():
    board, host = powering()
    board.on_button(5000)
    return board, host


STATES = [
    (transfer.IDLE, idle),
    (transfer.IDLE, lambda: idle(attended=False)),
    (transfer.IDLE, lambda: idle(soc_permille=190)),
    (transfer.IDLE, off),
    (transfer.PING, pinging),
    (transfer.POWER, powering),
    (transfer.POWER, receiving),
    (transfer.MAINT, maintained),
] + [(transfer.FAULT, faulty(code)) for code in LATCHES]

EVENTS = [
    ("good sample", lambda board, host: board.on_sample(4000, 501, 300, 250, 20)),
    ("quiet sample", lambda board, host: board.on_sample(4000, 0, 300, 250, 20)),
    ("hot", lambda board, host: [board.on_sample(4000, 9, 650, 250, 20) for _ in range(5)]),
    ("overflow", lambda board, host: board.on_bad_sample(ept.METER_OVERFLOW, 20)),
    ("other side flows", lambda board, host: board.on_idle_side(5000, 200, 200)),
    ("charge", lambda board, host: board.on_soc(500)),
    ("floor", lambda board, host: board.on_soc(200)),
    ("full", lambda board, host: board.on_soc(1000)),
    ("charge unknown", lambda board, host: board.on_soc(wire.SOC_UNKNOWN_permille)),
    ("gauge reset", lambda board, host: board.on_gauge_reset()),
    ("field", lambda board, host: board.on_field(True)),
    ("cable", lambda board, host: board.on_cable(True)),
    ("no cable", lambda board, host: board.on_cable(False)),
    ("20 ms", lambda board, host: board.on_elapsed(20)),
    ("10 s", lambda board, host: board.on_elapsed(10_000)),
    ("an hour", lambda board, host: board.on_elapsed(3_600_000)),
    ("press", lambda board, host: board.on_button(100)),
    ("long press", lambda board, host: board.on_button(5000)),
    ("attend", lambda board, host: board.attend()),
    ("maintenance", lambda board, host: board.on_maintenance(True)),
    ("no maintenance", lambda board, host: board.on_maintenance(False)),
    ("chip restarts", lambda board, host: board.on_qi_end(ept.RESTART)),
    ("hello", lambda board, host: host.send(wire.HELLO, HOST_NONCE)),
    ("grant", lambda board, host: host.send(wire.GRANT, *GRANT)),
    ("renew", lambda board, host: host.send(wire.RENEW, 1, 1000, 1200, 0)),
    ("stop", lambda board, host: host.send(wire.STOP, 1)),
    ("lower floor", lambda board, host: host.send(wire.CONFIGURE, 1, 19)),
    ("ping", lambda board, host: host.send(wire.PING, 8, 500)),
    ("link lost", lambda board, host: board.on_link(host.link, b"")),
] + [("fault", lambda board, host, code=row[0]: board.on_fault(code)) for row in FAULTS]
EVENTS += [
    ("clear", lambda board, host, code=code: host.send(wire.CLEAR, code)) for code in LATCHES
]


def check(board, name, before):
    latched = [code for code in before if code in LATCHES]
    assert not (board.coil_on and board.receiver_on), name
    if board.coil_on:
        assert board.state in (transfer.PING, transfer.POWER), name
        assert 200 < board.soc_permille <= 1000, name
        assert not board.is_off, name
        assert not [code for code in board.faults if code in LATCHES], name
    for code in latched:  # only its own Clear, and a key only what is a host's
        if code not in board.faults:
            assert name == "clear" and CLEAR_BY[code] == BY_HOST, (name, code)
    if [code for code in board.faults if code in LATCHES]:
        assert board.state in (transfer.FAULT, transfer.MAINT), name
    assert board.state <= transfer.MAINT


def test_every_event_in_every_state():
    for state, make in STATES:
        for name, act in EVENTS:
            board, host = make()
            assert board.state == state
            before = board.faults
            act(board, host)
            while board.pop_reply() is not None:
                pass
            check(board, name, before)


def test_no_event_but_a_grant_or_a_ping_turns_a_coil_on():
    for _, make in STATES:
        for name, act in EVENTS:
            board, host = make()
            was_on = board.coil_on or board.receiver_on
            act(board, host)
            if not was_on and name not in ("grant", "ping"):
                assert not board.coil_on and not board.receiver_on, name


def test_whatever_happened_survives_a_reboot_by_any_cause():
    for _, make in STATES:
        for name, act in EVENTS[::3]:
            board, host = make()
            act(board, host)
            board._store.due = True
            latches = [code for code in board.faults if code in LATCHES]
            was_off = board.is_off
            again = make_board(saved=board.pop_save(), boot_cause=persistence.POWER_ON)
            assert not again.coil_on and not again.receiver_on, name
            assert was_off == again.is_off, name
            for code in latches:
                assert code in again.faults, (name, code)
