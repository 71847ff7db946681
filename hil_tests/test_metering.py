# SPDX-License-Identifier: MIT
"""Odometers against the reference while power changes, before and after `calibrate`.

The virtual bench's meters have noise, quantisation, gain and offset errors within the INA219's
data sheet, and shunts that are wrong by half a percent. A bench's load sets currents only, so the
bus gain of 1 % stays in both limits; docs/explanation/plant.md has the figure for both. The energy
of a start or an end between two samples is uncertain by one sample, so a result beyond its limit
is measured again over up to `_RUNS_MAX` transfers together: that error shrinks, a wrong gain does
not.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from hil_tests.dut import Couple, Dut, until
from hil_tests.instruments import LOAD, REFERENCE, Instruments

from crowdcharge.flash.calibrate import calibrate_meter
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.orchestrator.transfer import TransferTerms

_RUNS_MAX = 5
_RUN_s = 12.0  # board time
_STEP_s = 1.5
_LOADS_mA = (100.0, 1200.0)
_REFERENCE_ppm = 100.0
_TRIAL_mW = 3000
_TERMS = TransferTerms(lease_ms=5000)
Note = Callable[[str, object], None]
Energies = np.ndarray  # sent and received, J


async def energies_J(couple: Couple) -> Energies:
    """Return the reference's energies in the donor's transmitter lead and receiver's output."""
    instruments = couple.instruments
    return np.array(
        [
            await instruments.energy_J(couple.donor.id, "tx"),
            await instruments.energy_J(couple.receiver.id, "rx"),
        ]
    )


async def one_run(couple: Couple, rng: np.random.Generator) -> tuple[Energies, Energies]:
    """Run one transfer of changing power; return its energies by reference and by boards."""
    instruments, clock = couple.instruments, couple.host.clock
    before_J = await energies_J(couple)
    async with couple.running(terms=_TERMS) as run:
        ends_s = clock.now_s() + _RUN_s
        while clock.now_s() < ends_s:
            await change(couple, rng)
            await clock.sleep(_STEP_s)
    metered_J = np.array([receipt.energy_mJ / 1000 for receipt in await run.receipts()])
    await until(lambda: quiet(instruments, couple), "power has ceased")
    return await energies_J(couple) - before_J, metered_J


async def quiet(instruments: Instruments, couple: Couple) -> bool:
    return await instruments.power_W(couple.donor.id, "tx") < 0.02


async def change(couple: Couple, rng: np.random.Generator) -> None:
    """Change the gap or put a coin there, as far as this bench can."""
    instruments, boards = couple.instruments, (couple.donor.id, couple.receiver.id)
    if "geometry" in instruments.features:
        await instruments.place(*boards, gap_mm=rng.uniform(3.0, 8.0), offset_mm=0.0)
    if "coin" in instruments.features:
        await instruments.act(couple.donor.id, "coin", on=bool(rng.integers(2)))


async def errors_pct(couple: Couple, limit_pct: float, note: Note) -> list[float]:
    """Errors of both odometers, over as many runs as it takes to be within the limit."""
    rng = np.random.default_rng(couple.donor.id)
    reference_J, metered_J = np.zeros(2), np.zeros(2)
    async with lossy(couple.donor):
        for _ in range(_RUNS_MAX):
            more_reference_J, more_metered_J = await one_run(couple, rng)
            reference_J, metered_J = reference_J + more_reference_J, metered_J + more_metered_J
            errors: list[float] = (100 * (metered_J / reference_J - 1)).tolist()
            note("error_pct", [round(error, 3) for error in errors])
            note("energy_J", [round(energy, 1) for energy in reference_J.tolist()])
            if max(map(abs, errors)) <= limit_pct:
                break
    return errors


@asynccontextmanager
async def lossy(donor: Dut) -> AsyncIterator[None]:
    """Allow losses by gaps and coins: the board runs without a curve until it reboots."""
    await donor.console(lambda line: line.ask("calibrate", "trial", _TRIAL_mW))
    try:
        yield
    finally:
        await donor.console(restart)


def restart(line: SerialLine) -> None:
    epoch = line.ask("status")["epoch"]
    line.ask("reset")
    line.rebooted(epoch)


async def calibrate(dut: Dut, side: str, instruments: Instruments, path: Path) -> None:
    """Run the product's command with the bench's load as its instrument."""
    loop = asyncio.get_running_loop()

    def set_load_mA(current_mA: float) -> float:
        setting = instruments.load_mA(dut.id, side, current_mA)
        return asyncio.run_coroutine_threadsafe(setting, loop).result()

    def loads_mA() -> Iterator[float]:
        for current_mA in _LOADS_mA:
            yield set_load_mA(current_mA)
        set_load_mA(0.0)

    def work(line: SerialLine) -> None:
        calibrate_meter(line, side, loads_mA(), _REFERENCE_ppm, path, restart=True)

    await dut.console(work)


@pytest.mark.donors
@pytest.mark.feature(REFERENCE)
async def test_odometers_agree_within_2_5_percent(couple: Couple, note: Note) -> None:
    assert max(map(abs, await errors_pct(couple, 2.5, note))) <= 2.5


@pytest.mark.donors
@pytest.mark.feature(REFERENCE, LOAD)
async def test_odometers_agree_within_1_5_percent_once_the_currents_are_calibrated(
    couple: Couple, tmp_path: Path, note: Note
) -> None:
    for dut, side in ((couple.donor, "tx"), (couple.receiver, "rx")):
        await calibrate(dut, side, couple.instruments, tmp_path / "calibration.json")
        await dut.clear()
    assert max(map(abs, await errors_pct(couple, 1.5, note))) <= 1.5
