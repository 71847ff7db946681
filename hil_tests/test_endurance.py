# SPDX-License-Identifier: MIT
"""Transfers in both directions in turn: nothing may drift, leak, reboot or be left on."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from hil_tests.dut import Couple, Dut, Run

from crowdcharge.orchestrator.transfer import TransferTerms
from wptcore import ept

_TERMS = TransferTerms(lease_ms=5000)
_SHORT = 4  # transfers in CI
_FINE = {ept.ENERGY_BUDGET, ept.DURATION_BUDGET, ept.STOPPED}


async def transfer_once(couple: Couple, donor: Dut, receiver: Dut, energy_J: float) -> Run:
    run = couple.host.run(donor, receiver, energy_J, _TERMS)
    run.start(couple.host.clock.now_s() + 60)
    await run.ended()
    return run


async def endure(couple: Couple, goes_on: Callable[[int], bool]) -> dict[str, float]:
    """Check that odometers rise by the receipts' energy, to the millijoule; return figures."""
    rng = np.random.default_rng(1)
    boards = (couple.donor, couple.receiver)
    before = [await dut.status() for dut in boards]
    began_s = await couple.instruments.time_s()
    moved_mJ = {dut.id: [0, 0] for dut in boards}
    count = 0
    while goes_on(count):
        donor, receiver = boards if count % 2 == 0 else boards[::-1]
        run = await transfer_once(couple, donor, receiver, float(rng.uniform(2.0, 5.0)))
        sent, received = await run.receipts()
        assert sent.ept in _FINE, sent
        assert received.ept in {ept.PEER_ENDED, *_FINE}, received
        assert 0 < received.energy_mJ < sent.energy_mJ
        moved_mJ[donor.id][0] += sent.energy_mJ
        moved_mJ[receiver.id][1] += received.energy_mJ
        count += 1
    for dut, then in zip(boards, before, strict=True):
        now = await dut.status()
        assert now.epoch == then.epoch, "it rebooted"
        risen = [now.sent_mJ - then.sent_mJ, now.received_mJ - then.received_mJ]
        assert [each % 2**32 for each in risen] == moved_mJ[dut.id]
        changes = await couple.instruments.coil_changes(dut.id, began_s)
        assert not changes or not changes[-1][1], "the coil was left on"
        assert "Traceback" not in couple.instruments.console_tail(dut.id)
    return {"transfers": count, "moved_J": sum(map(sum, moved_mJ.values())) / 1000}


async def test_a_few_transfers(couple: Couple, note: Callable[[str, object], None]) -> None:
    for name, value in (await endure(couple, lambda count: count < _SHORT)).items():
        note(name, value)


@pytest.mark.long
@pytest.mark.timeout(0)
async def test_hours_of_transfers(
    couple: Couple, note: Callable[[str, object], None], pytestconfig: pytest.Config
) -> None:
    """Runs for `--endurance-s` real seconds on each pair: `-m long --endurance-s 14400`."""
    ends_s = time.monotonic() + pytestconfig.getoption("--endurance-s")
    figures = await endure(couple, lambda _: time.monotonic() < ends_s)
    for name, value in figures.items():
        note(name, value)
