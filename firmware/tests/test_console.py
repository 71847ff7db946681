# SPDX-License-Identifier: MIT
"""The serial console's protocol and commands, on any VM."""

import binascii
import hashlib

from ports.shared.parts import part
from support import CURVE, KEY, Host, make_board, make_limits, run
from wptcore import calibration, ept, mandate, transfer, x25519
from wptcore.console import LINE_MAX, Console, frame, unframe
from wptcore.console_commands import ConsoleCommands, TRIAL_ms, fingerprint
from wptcore.console_help import HELP

KEY_TEXT = "5a" * 32


class MemoryBackend:
    """A board's silicon and storage, in memory."""

    name = "virtual"
    revision = "0.1.0"
    vm = "test-1.2.3"
    curves = (CURVE, ())
    capacity_mJ = 100_000
    watched = True
    compiles = False
    part = staticmethod(part)

    def __init__(self, maintenance=False, identity=None):
        self.limits = make_limits()
        self.maintenance = maintenance
        self.identity = {"board_id": 3, "key": "11" * 32} if identity is None else identity
        self.marked = maintenance
        self.full = False
        self.samples = 0

    def save_identity(self, identity):
        if self.full:
            raise OSError(28)
        self.identity = identity

    def set_maintenance(self, on):
        self.marked = on

    def random(self, size):
        return bytes(range(size))

    def raw_sample(self, received):
        self.samples += 1
        return 10 * self.samples, 4000, self.samples

    def selftest(self):
        return [("result", "pass")]


class Line:
    """A console and both ends of its wire."""

    def __init__(self, board=None, backend=None, **options):
        self.board = make_board() if board is None else board
        self.backend = MemoryBackend(**options) if backend is None else backend
        self.commands = ConsoleCommands(self.board, self.backend, hashlib.sha256)
        self.console = Console(self.commands, binascii.crc32)

    def send(self, data):
        self.console.feed(data)
        return self.lines()

    def lines(self):
        found = []
        while True:
            line = self.console.pop_line()
            if line is None:
                return found
            found.append(line.decode().strip())

    def ask(self, text, number="7"):
        """Return the one framed answer, without mark and id."""
        lines = self.send(frame("wpt1 %s %s" % (number, text), binascii.crc32))
        assert len(lines) == 1, lines
        return self.open(lines[0], number)

    def open(self, line, number="7"):
        mark, answered, rest = unframe(line, binascii.crc32).split(" ", 2)
        assert (mark, answered) == ("wpt1", number), line
        return rest


def told(answer):
    """Return the pairs of an ok."""
    words = answer.split()
    assert words[0] == "ok", answer
    return dict(word.split("=") for word in words[1:])


def test_a_machine_gets_one_framed_line():
    pairs = told(Line().ask("status"))
    assert pairs["state"] == "IDLE"
    assert pairs["soc_permille"] == "600"
    assert pairs["coil_on"] == "0"
    assert pairs["bus_mV"] == "4000"


def test_a_person_gets_lines_and_an_ok():
    lines = Line().send(b"version\r\n")
    assert lines[0].split() == ["protocol", "1"]
    assert lines[-1] == "ok"


def test_a_checksum_that_is_wrong_runs_nothing():
    line = Line()
    good = frame("wpt1 7 maintenance on", binascii.crc32)
    for i in range(len(good) - 2):  # any byte, in any of its bits
        for bit in range(8):
            bad = bytearray(good)
            bad[i] ^= 1 << bit
            line.send(bytes(bad))
            assert not line.backend.marked and not line.commands.reset_due
            line.send(b"\n")
    assert told(line.ask("maintenance on")) == {"maintenance": "on"}
    assert line.backend.marked


def test_noise_partial_and_overlong_lines_are_over_at_the_next_line_end():
    line = Line()
    line.send(bytes(range(256)) * 3 + b"\n")
    line.send(b"wpt1 7 sta")  # the cable is pulled
    answers = line.send(b"\n")
    assert "garbled" in unframe(answers[-1], binascii.crc32)
    assert line.send(b"x" * (LINE_MAX + 1)) == []
    assert line.send(b"\n") == ["error: long: line"]
    assert "ok" in line.ask("status")


def test_a_line_may_come_byte_by_byte_and_backspace_takes_back():
    line = Line()
    for byte in b"versiom\x08n":
        assert line.send(bytes([byte])) == []
    assert line.send(b"\n")[-1] == "ok"


def test_another_version_is_told_which_one_is_spoken():
    line = Line()
    answer = line.send(frame("wpt2 7 status", binascii.crc32))
    assert line.open(answer[0], "0") == "err version this board speaks wpt1"


def test_wrong_commands_and_arguments():
    line = Line(maintenance=True)
    for text, word in (
        ("statsu", "unknown"),
        ("status now", "usage"),
        ("calibrate", "unknown"),
        ("calibrate ty 1 2", "unknown"),
        ("calibrate tx 1", "usage"),
        ("calibrate tx 50001 0", "range"),
        ("calibrate curve 1 2 3 0", "range"),
        ("calibrate curve 1 2 3 x", "range"),
        ("calibrate trial 3001", "range"),
        ("maintenance maybe", "usage"),
        ("meter tx 0", "range"),
        ("meter ux 1", "usage"),
        ("configure floor_pct 19", "range"),
        ("configure floor_pct 91", "range"),
        ("configure attended_s 0", "range"),
        ("configure attended_s -1", "range"),
        ("configure key 1", "usage"),
        ("configure profile floor_pct", "range"),
        ("configure profile coil_max_dC=300", "usage"),
        ("configure profile ping_ms=1,", "usage"),
        ("configure profile ping_ms=1=2", "range"),
        ("configure profile gives_mW=-1", "range"),
        ("configure profile floor_pct=91", "range"),
        ("clear BOOT_LOPO", "range"),
        ("clear STOPPED", "range"),
        ("clear const", "range"),
        ("clear __name__", "range"),
        ("clear BOOT_LOOP", "clear"),
        ("provision 0 " + KEY_TEXT, "range"),
        ("provision 65536 " + KEY_TEXT, "range"),
        ("provision 7 " + KEY_TEXT[2:], "range"),
        ("provision 7 " + "zz" * 32, "range"),
    ):
        assert line.ask(text).split()[:2] == ["err", word], text
    assert line.backend.identity == MemoryBackend().identity


def test_what_is_stored_changes_in_maintenance_only():
    line = Line()
    for text in (
        "provision 7 " + KEY_TEXT,
        "configure capacity_mJ 5000",
        "calibrate tx 1 2",
        "calibrate curve 1 2 3 4",
        "meter tx 3",
    ):
        assert line.ask(text).startswith("err maintenance"), text
    assert line.backend.identity == MemoryBackend().identity


def test_provisioning_stores_the_key_and_shows_only_its_fingerprint():
    line = Line(maintenance=True)
    answer = line.ask("provision 9 " + KEY_TEXT)
    assert told(answer) == {
        "board_id": "9",
        "key": fingerprint(hashlib.sha256, bytes.fromhex(KEY_TEXT)),
    }
    assert line.backend.identity["key"] == KEY_TEXT
    assert line.backend.identity["board_id"] == 9
    everything = " ".join(line.ask(row[0]) for row in HELP if not row[1] and row[0] != "reset")
    assert KEY_TEXT not in everything + answer
    assert fingerprint(hashlib.sha256, KEY) != fingerprint(hashlib.sha256, bytes(32))
    assert fingerprint(hashlib.sha256, b"") == "none"


def test_provisioning_again_is_key_rotation_and_keeps_the_rest():
    line = Line(maintenance=True)
    line.ask("calibrate tx -1500 120")
    line.ask("provision 9 " + "01" * 32)
    line.ask("provision 9 " + "02" * 32)
    assert line.backend.identity["key"] == "02" * 32
    assert tuple(line.backend.identity["meters"]["tx"]) == (-1500, 120)


def test_a_full_flash_is_an_answer_and_no_crash():
    line = Line(maintenance=True)
    line.backend.full = True
    assert line.ask("provision 9 " + KEY_TEXT).startswith("err storage")
    assert "key" not in line.ask("provision 9 " + KEY_TEXT)


def test_a_curve_is_stored_with_its_hash():
    line = Line(maintenance=True)
    pairs = told(line.ask("calibrate curve 250 1350 50 400"))
    assert line.backend.identity["loss_curve"] == [250, 1350, 50, 400]
    expected = hashlib.sha256(b"250,1350,50,400").digest()[:8]
    assert bytes.fromhex(pairs["curve_hash"]) == expected
    assert told(line.ask("identity"))["curve"] == "250,1350,50,400"
    assert calibration.curve_hash(hashlib.sha256, [250, 1350, 50, 401]) != pairs["curve_hash"]


def test_the_meter_streams_a_sample_a_pass_and_then_closes():
    line = Line(maintenance=True)
    assert line.send(frame("wpt1 4 meter rx 2", binascii.crc32)) == []
    heard = []
    for _ in range(5):
        line.console.step()
        heard += line.lines()
    assert [line.open(text, "4") for text in heard] == [
        "data shunt_uV=10 bus_mV=4000 current_mA=1",
        "data shunt_uV=20 bus_mV=4000 current_mA=2",
        "ok side=rx",
    ]


def test_a_new_command_ends_a_stream():
    line = Line(maintenance=True)
    line.send(b"meter tx 1000\n")
    line.console.step()
    line.lines()
    assert told(line.ask("status"))["state"] == "IDLE"
    line.console.step()
    assert line.lines() == []


def test_maintenance_ends_a_transfer_before_it_reboots():
    host = Host(make_board()).hello()
    host.grant()
    run(host.board, 1000, host=host)
    assert host.board.coil_on
    line = Line(board=host.board)
    assert line.ask("selftest").startswith("err busy")
    assert told(line.ask("maintenance on")) == {"maintenance": "on"}
    assert not host.board.coil_on and host.board.ept == ept.MAINTENANCE
    assert line.commands.reset_due and line.backend.marked
    assert host.board.pop_save() is not None


def test_nothing_in_maintenance_leads_to_a_coil():
    """Neither clearing a latch nor a grant does."""
    host = Host(make_board()).hello()
    host.board.on_maintenance(True)
    host.board.on_fault(ept.FOREIGN_OBJECT)
    assert host.board.state == transfer.MAINT
    assert host.board.clear_at_board(ept.FOREIGN_OBJECT) == ept.NONE
    assert host.board.state == transfer.MAINT
    assert host.grant() == ept.MAINTENANCE
    host.board.on_fault(ept.FOREIGN_OBJECT)
    host.board.on_maintenance(False)
    assert host.board.state == transfer.FAULT


def test_maintenance_twice_reboots_once():
    line = Line(maintenance=True)
    assert told(line.ask("maintenance on")) == {"maintenance": "on"}
    assert not line.commands.reset_due


def test_a_mandate_comes_by_cable_too():
    key = mandate.board_key(hashlib.sha256, KEY, 3)
    line = Line(board=make_board(owner_key=key))
    fields = (3, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1000, 0)
    words = mandate.pack(hashlib.sha256, key, fields)
    proof = mandate.taken_tag(hashlib.sha256, key, 3, 7).hex()
    assert told(line.ask("mandate %s" % words.hex())) == {"mandate": "7", "proof": proof}
    assert line.board.consent.gives_to == 0
    for wrong in (words.hex()[:-2] + "00", "00", "zz"):
        assert "BAD_TAG" in line.ask("mandate " + wrong)
    assert "NO_OWNER" in Line().ask("mandate " + words.hex())


def test_a_curve_of_a_pair_is_stored_and_forgotten():
    line = Line(maintenance=True)
    pairs = told(line.ask("calibrate pair 7 250 1350 50 400"))
    stored = line.backend.identity["pair_curves"]["7"]
    assert stored == [250, 1350, 50, 400, pairs["curve_hash"]]
    assert told(line.ask("identity"))["pair_curves"] == "7"
    for number in range(100, 115):
        told(line.ask("calibrate pair %d 250 1350 50 400" % number))
    assert "range" in line.ask("calibrate pair 8 250 1350 50 400")
    assert "range" in line.ask("calibrate pair 0 250 1350 50 400")
    assert told(line.ask("calibrate pair 7 0 0 0 0"))["curve_hash"] == "none"
    assert "7" not in line.backend.identity["pair_curves"]


def test_a_trial_of_the_curve_ends_by_itself():
    host = Host(make_board(curve=None)).hello()
    line = Line(board=host.board)
    line.backend.curves = (None, ())
    assert host.grant(power_max_mW=5000) == ept.UNCALIBRATED
    assert told(line.ask("calibrate trial 2000")) == {"trial_ms": str(TRIAL_ms)}
    assert host.grant(power_max_mW=5000) == ept.NONE
    host.board.stop(1)
    line.commands.on_elapsed(TRIAL_ms)
    assert host.grant(transfer_id=2, power_max_mW=5000) == ept.UNCALIBRATED


def test_a_trial_still_ends_a_transfer_that_loses_more():
    host = Host(make_board(curve=None)).hello()
    line = Line(board=host.board)
    line.ask("calibrate trial 1000")
    host.grant(power_max_mW=5000)
    run(host.board, 2000, current_mA=600, host=host)  # 2400 mW sent, 60 % of it received
    assert host.board.coil_on
    run(host.board, 2000, current_mA=800, host=host)  # loses 1280 mW
    assert not host.board.coil_on and host.board.ept == ept.FOREIGN_OBJECT


def test_corrected_current_is_the_formula_in_small_integers():
    for shunt_uV in (-32_000, -10, 0, 10, 50_000, 319_990):
        raw_uA = calibration.current_uA(shunt_uV, 100_000)
        assert raw_uA == shunt_uV * 10
        for gain_ppm, offset_uA in ((0, 0), (2500, -90), (-50_000, 20_000), (50_000, 100)):
            exact_uA = (raw_uA - offset_uA) * (1_000_000 + gain_ppm) / 1_000_000
            found_mA = calibration.corrected_mA(raw_uA, gain_ppm, offset_uA)
            assert abs(found_mA * 1000 - exact_uA) <= 560, (shunt_uV, gain_ppm)


def test_the_owner_s_terms_are_stored_with_a_secret_that_is_never_shown():
    line = Line(maintenance=True)
    public = x25519.public_key(bytes(range(32))).hex()
    assert line.ask("market 150000000 30000000 40 80") == "ok market_key=" + public
    stored = line.backend.identity
    assert tuple(stored["market"]) == (150_000_000, 30_000_000, 40, 80)
    assert stored["market_secret"] == bytes(range(32)).hex()
    stored["market_secret"] = "77" * 32  # other terms keep the keys
    assert line.ask("market 1000 1 0 100") == "ok market_key=" + public
    assert line.backend.identity["market_secret"] == "77" * 32
    shown = line.ask("identity")
    assert "market=1000,1,0,100 market_key=" + public in shown
    assert "77777777" not in shown
    assert line.ask("market 0 0 0 0") == "ok market_key=none"
    assert line.backend.identity == {"board_id": 3, "key": "11" * 32}


def test_terms_out_of_range_are_refused():
    line = Line(maintenance=True)
    for text in ("999 1 0 100", "1000 0 0 100", "1000 1 101 100", "1000 1 0 -1", "x 1 1 1"):
        assert line.ask("market " + text).startswith("err range ")
    assert Line().ask("market 1000 1 0 100").startswith("err maintenance ")
    assert "market" not in line.backend.identity


def test_partners_are_pinned_by_half_their_key():
    line = Line(maintenance=True)
    assert line.ask("trust " + "ab" * 32) == "ok market_trusted=1"
    assert line.ask("trust " + "cd" * 32) == "ok market_trusted=2"
    assert line.ask("trust " + "ab" * 32) == "ok market_trusted=2"
    assert line.backend.identity["market_trusted"] == ["cd" * 16, "ab" * 16]
    assert line.ask("trust " + "ab" * 31).startswith("err range ")
    assert line.ask("trust anybody") == "ok market_trusted=0"
    assert "market_trusted" not in line.backend.identity
