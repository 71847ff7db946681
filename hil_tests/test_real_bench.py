# SPDX-License-Identifier: MIT
"""The parts of a real bench without hardware: its file, its instruments, absent boards.

SCPI runs against pyvisa-sim, the reference against the register model of its chip, actions are
real commands.
"""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hil_tests import benchfile
from hil_tests.benchfile import BENCHES, Scpi

from crowdcharge.errors import InputError

SIM = f"{BENCHES / 'sim.yaml'}@sim"
SUPPLY = Scpi("TCPIP0::127.0.0.1::5025::SOCKET", SIM)
LOAD = Scpi("TCPIP0::127.0.0.1::5026::SOCKET", SIM)
TODAY = date(2027, 1, 1)
ROOT = Path(__file__).parents[1]


@pytest.fixture
def desk() -> benchfile.BenchFile:
    return replace(benchfile.load(str(BENCHES / "desk.toml")), supply=SUPPLY, load=LOAD)


# -- the file ----------------------------------------------------------------------------


def test_the_example_names_boards_by_their_serial_numbers(desk: benchfile.BenchFile) -> None:
    from hil_tests.real_bench import find_ports

    plugged = [
        SimpleNamespace(serial_number="DF625857C74E142F", device="/dev/ttyACM3"),
        SimpleNamespace(serial_number=None, device="/dev/ttyS0"),
    ]
    assert find_ports(desk, lambda: plugged) == {7: "/dev/ttyACM3"}
    assert desk.pair("desk").gap_mm == 4.0
    assert benchfile.load("benches/desk.toml").boards == desk.boards


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('kind = "real"\n[[boards]]\nid = 1\nboard = "pico_w"\n', "board 1 needs usb"),
        ('kind = "imaginary"\n', "line 1: kind: must be one of virtual, real, not 'imaginary'"),
        ('kind = "virtual"\nsped = 2\n', "line 2: sped: unknown key"),
        ('kind = "virtual"\n[[pairs]]\nname = "a"\ndonor = 1\nreceiver = 2\n', "no board 1"),
        ('kind = "virtual"\n[[boards]]\nid = 1\n', "line 2: boards[0].board: is missing"),
        ("kind = ", "bench.toml, line 1: Invalid value"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        benchfile.load(str(path))
    assert words in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


# -- absent boards -----------------------------------------------------------------------


def session(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of one module in a pytest session of their own."""
    tests = ["hil_tests/test_board.py", "hil_tests/test_transfer.py"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_absent_boards_skip_every_test_with_the_reason(tmp_path: Path) -> None:
    done = session("--bench", str(BENCHES / "desk.toml"), "--hil-report", str(tmp_path))
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count("USB serial number DF625857C74E142F) is not plugged in") > 10
    assert done.returncode == 0, done.stdout
    assert "passed" not in done.stdout
    assert "failed" not in done.stdout
    assert "board 7 (feather_esp32s3, USB serial number DF625857C74E142F) is not plugged in" in (
        done.stdout
    )


def test_absent_boards_fail_where_the_bench_is_required() -> None:
    done = session("--bench", str(BENCHES / "desk.toml"), "--require-bench")
    assert done.returncode == 1
    assert "skipped" not in done.stdout
    assert "passed" not in done.stdout
    assert "board 7 (feather_esp32s3, USB serial number DF625857C74E142F) is not plugged in" in (
        done.stdout
    )


def test_an_absent_bench_file_is_one_line() -> None:
    done = session("--bench", "no-such.toml")
    assert done.returncode == 4
    assert done.stderr.strip() == "ERROR: no-such.toml: No such file or directory"


# -- supply and load ---------------------------------------------------------------------


def test_supply_and_load_take_what_they_are_told() -> None:
    from hil_tests.scpi import Load, Supply

    with Supply(SUPPLY) as supply:
        supply.on(5.0, 1.1)
        assert supply.identity.startswith("EXAMPLE,SUPPLY")
        assert (supply.number("VOLT?"), supply.ask("OUTP?")) == (5.0, "ON")
        supply.off()
        assert supply.ask("OUTP?") == "OFF"
    with Load(LOAD) as load:
        load.draw(0.75)
        assert (load.current_A(), load.ask("INP?"), load.ask("FUNC?")) == (0.75, "ON", "CURR")
        load.draw(0.0)
        assert load.ask("INP?") == "OFF"


def test_what_an_instrument_refuses_is_one_line() -> None:
    from hil_tests.scpi import Load, ScpiError, Supply

    with Supply(SUPPLY) as supply, pytest.raises(ScpiError, match=r"supply: VOLT 99.*-113"):
        supply.on(99.0, 1.0)
    with pytest.raises(ScpiError, match=r"load TCPIP0::127.0.0.1::9::SOCKET does not answer"):
        Load(Scpi("TCPIP0::127.0.0.1::9::SOCKET"))


# -- the reference -----------------------------------------------------------------------


class Busio:
    """A busio.I2C over the register model; each transfer advances `now_us`."""

    def __init__(self, chips: dict[int, Any]) -> None:
        self.chips = chips

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None:
        pass

    def writeto(self, address: int, buffer: bytes, *, start: int = 0, end: Any = None) -> None:
        self._chip(address).write(bytes(buffer[start:end]))

    def readfrom_into(self, address: int, buffer: Any, *, start: int = 0, end: Any = None) -> None:
        buffer[start:end] = self._chip(address).read(len(buffer[start:end]))

    def writeto_then_readfrom(
        self, address: int, out: bytes, into: Any, *, out_start: int = 0, out_end: Any = None,
        in_start: int = 0, in_end: Any = None,
    ) -> None:  # fmt: skip
        self.writeto(address, out, start=out_start, end=out_end)
        self.readfrom_into(address, into, start=in_start, end=in_end)

    def _chip(self, address: int) -> Any:
        if address not in self.chips:
            raise OSError
        return self.chips[address]


class Lead:
    """A lead with a known current in it, the chip that measures it, and the time."""

    def __init__(self, address: int) -> None:
        from crowdcharge.bench.i2c.ina219 import Ina219
        from crowdcharge.bench.i2c.noise import Noise

        self.now_s = 0.0
        self.current_A = 0.0
        self.chip = Ina219(address, self._measure, lambda: round(self.now_s * 1e6), Noise(3))

    def _measure(self) -> tuple[int, int]:
        return round(self.current_A * 1e5), 5000  # 0.1 Ohm; 5 V


def _exact(entry: benchfile.Reference, lead: Lead) -> benchfile.Reference:
    """Return the entry with the calibration that this chip needs, bus and current."""
    chip = lead.chip
    offset_uA = 40 * chip._offset_ppm // 100_000  # 40 uV at PGA / 8, on 0.1 Ohm
    return replace(
        entry,
        gain_ppm=-chip._gain_ppm,
        offset_uA=offset_uA,
        bus_gain_ppm=-chip._bus_gain_ppm,
    )


def test_the_reference_counts_energy_and_sees_edges(desk: benchfile.BenchFile) -> None:
    """5 V and a triangle of 0.2 to 1.2 A for 20 s are 70 J; before and after it, nothing."""
    from hil_tests.reference import ReferenceBank

    lead = Lead(0x44)
    exact = _exact(desk.references[0], lead)
    bank = ReferenceBank(Busio({0x44: lead.chip}), (exact,), lambda: lead.now_s)
    for millisecond in range(0, 24_000, 10):
        lead.now_s = millisecond / 1000
        phase = (lead.now_s - 2) % 10
        on = 2 <= lead.now_s < 22
        lead.current_A = 0.2 + (phase if phase < 5 else 10 - phase) / 5 if on else 0.0
        bank.poll()
    record = bank.records[7, "tx"]
    assert record.energy_J == pytest.approx(70.0, rel=0.005)
    assert [on for _, on in record.edges] == [True, False]
    assert [time_s for time_s, _ in record.edges] == pytest.approx([2.0, 22.0], abs=0.3)


def test_an_expired_reference_is_none(desk: benchfile.BenchFile) -> None:
    from hil_tests.real_bench import RealInstruments

    assert "reference" in RealInstruments(desk, {}, today=TODAY).features
    assert "reference" not in RealInstruments(desk, {}, today=date(2028, 1, 1)).features


# -- the real bench as a whole -----------------------------------------------------------


@pytest.fixture
def acting(desk: benchfile.BenchFile, tmp_path: Path) -> Iterator[benchfile.BenchFile]:
    """Yield a bench whose actions write files instead of switching power."""
    power = tmp_path / "power"
    actions = {
        "power-cut": {"on": ["rm", str(power)], "off": ["touch", str(power)]},
        "coin": {"on": ["false"], "off": ["true"]},
        "load-tx": {
            "on": ["touch", str(tmp_path / "relay")],
            "off": ["rm", str(tmp_path / "relay")],
        },
        "load-rx": {"on": ["true"], "off": ["true"]},
    }
    power.touch()
    boards = tuple(replace(board, actions=actions) for board in desk.boards)
    yield replace(desk, boards=boards)
    assert power.exists()


async def test_actions_are_commands_and_are_taken_back(
    acting: benchfile.BenchFile, tmp_path: Path
) -> None:
    from hil_tests.real_bench import RealInstruments

    instruments = RealInstruments(acting, {}, today=TODAY)
    assert {"power-cut", "load", "reference"} <= instruments.features
    await instruments.act(7, "power-cut")
    assert not (tmp_path / "power").exists()
    await instruments.rest()
    assert (tmp_path / "power").exists()
    with pytest.raises(RuntimeError, match="false: 1"):
        await instruments.act(7, "coin")
    await instruments.close()


async def test_a_load_is_set_and_measured_within_the_benchs_limits(
    desk: benchfile.BenchFile, acting: benchfile.BenchFile, tmp_path: Path
) -> None:
    from hil_tests.real_bench import RealInstruments

    assert "load" not in RealInstruments(desk, {}, today=TODAY).features, "it has no relays"
    instruments = RealInstruments(acting, {}, today=TODAY)
    assert await instruments.load_mA(9, "tx", 800.0) == pytest.approx(800.0)
    assert (tmp_path / "relay").exists()
    assert await instruments.load_mA(9, "tx", 0.0) == 0.0
    assert not (tmp_path / "relay").exists()
    with pytest.raises(ValueError, match="allows 1500 mA, not 2000"):
        await instruments.load_mA(9, "tx", 2000.0)


async def test_the_reference_is_read_while_the_bench_is_open(desk: benchfile.BenchFile) -> None:
    import time

    from hil_tests.dut import until
    from hil_tests.real_bench import RealInstruments

    leads = {0x44: Lead(0x44), 0x45: Lead(0x45)}
    for lead in leads.values():
        lead.current_A = 0.5
    bus = Busio({address: lead.chip for address, lead in leads.items()})
    start_s = time.monotonic()
    for lead in leads.values():
        lead.chip._now_us = lambda: round((time.monotonic() - start_s) * 1e6)
    exact = tuple(_exact(each, leads[each.address]) for each in desk.references)
    calibrated = replace(desk, references=exact)
    instruments = RealInstruments(calibrated, {7: "/dev/null"}, lambda: bus, TODAY)

    async def flows() -> bool:
        return await instruments.energy_J(7, "tx") > 0.2

    await until(flows, "the reference counts")
    assert await instruments.power_W(9, "rx") == pytest.approx(2.5, rel=0.01)
    assert [on for _, on in await instruments.coil_changes(7, 0.0)] == [True]
    with pytest.raises(LookupError, match="no reference meter at board 9, tx"):
        await instruments.energy_J(9, "tx")
    await instruments.close()
