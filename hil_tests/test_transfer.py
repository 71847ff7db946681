# SPDX-License-Identifier: MIT
"""What ends a transfer, as the instruments see it: lease, floor, budgets, faults, power cut."""

import pytest
from hil_tests.dut import Couple, until

from crowdcharge.errors import GrantRefused
from crowdcharge.orchestrator.transfer import TransferTerms
from wptcore import ept, transfer, wire

_SLACK_s = 2.0  # board time; one pass of the firmware may be slow on a busy machine


async def test_silence_ends_a_transfer_within_its_lease(couple: Couple) -> None:
    lease_s = 3.0
    async with couple.running(terms=TransferTerms(lease_ms=int(lease_s * 1000))) as run:
        began_s = await couple.instruments.time_s()
        await run.fall_silent()
        silent_s = await couple.instruments.time_s()
        off_s = await couple.off_s(began_s)
    assert off_s - silent_s <= lease_s + _SLACK_s
    assert off_s - began_s >= lease_s / 3  # renewals come every third of it
    sent, received = await run.receipts()
    assert (sent.ept, received.ept) == (ept.LEASE_LOST, ept.LEASE_LOST)
    again = couple.host.run(couple.donor, couple.receiver)
    again.start(couple.host.clock.now_s() + 5)
    with pytest.raises(GrantRefused) as refusal:
        await again.ended()
    assert refusal.value.code == ept.LATCHED
    await couple.donor.clear()
    await couple.receiver.clear()
    async with couple.running() as run:
        pass
    assert (await run.receipts())[0].ept == ept.STOPPED


@pytest.mark.feature("radio-cut")
async def test_a_lost_radio_ends_a_transfer(couple: Couple) -> None:
    lease_s = 3.0
    async with couple.running(terms=TransferTerms(lease_ms=int(lease_s * 1000))) as run:
        cut_s = await couple.instruments.time_s()
        await couple.instruments.act(couple.donor.id, "radio-cut")
        off_s = await couple.off_s(cut_s)
        assert off_s - cut_s <= lease_s + _SLACK_s
        await couple.instruments.act(couple.donor.id, "radio-cut", on=False)
        await run.fall_silent()
    assert (await couple.donor.receipt(run.transfer_id)).ept == ept.LEASE_LOST


@pytest.mark.donors
async def test_a_raised_floor_cuts_a_donor_off(couple: Couple) -> None:
    """Works with any battery: the grant puts the floor just below its charge."""
    soc_permille = (await couple.donor.ask()).soc_permille
    assert soc_permille
    floor_pct = min(soc_permille // 10 - 1, 90)
    async with couple.running(terms=TransferTerms(lease_ms=5000, floor_pct=floor_pct)) as run:
        await run.ended()
    sent = await couple.donor.receipt(run.transfer_id)
    assert sent.ept == ept.FLOOR
    assert sent.soc_after_permille is not None
    assert abs(sent.soc_after_permille - floor_pct * 10) <= 10
    assert await couple.instruments.power_W(couple.donor.id, "tx") < 0.02


@pytest.mark.donors
@pytest.mark.feature("battery")
async def test_twenty_percent_is_the_floor(couple: Couple) -> None:
    await couple.instruments.charge(couple.donor.id, 20.6)

    async def low() -> bool:
        return ((await couple.donor.ask()).soc_permille or 1000) < 220

    await until(low, "the gauge sees the other battery")
    async with couple.running() as run:
        await run.ended()
    assert (await couple.donor.receipt(run.transfer_id)).ept == ept.FLOOR
    again = couple.host.run(couple.donor, couple.receiver)
    again.start(couple.host.clock.now_s() + 5)
    with pytest.raises(GrantRefused) as refusal:
        await again.ended()
    assert refusal.value.code == ept.FLOOR


@pytest.mark.donors
@pytest.mark.parametrize(
    ("energy_J", "changes", "code"),
    [
        (6.0, {}, ept.ENERGY_BUDGET),
        (1e5, {"duration_max_ms": 3000}, ept.DURATION_BUDGET),
        (1e5, {"power_max_mW": 1500}, ept.POWER_BUDGET),
    ],
    ids=["energy", "duration", "power"],
)
async def test_a_budget_ends_a_transfer(
    couple: Couple, energy_J: float, changes: dict[str, int], code: int
) -> None:
    run = couple.host.run(
        couple.donor, couple.receiver, energy_J, TransferTerms(lease_ms=5000, **changes)
    )
    began_s = await couple.instruments.time_s()
    run.start(couple.host.clock.now_s() + 60)
    await run.ended()
    await couple.off_s(began_s)
    sent, received = await run.receipts()
    ends = {sent.ept, received.ept}
    assert code in ends
    assert ends <= {code, ept.PEER_ENDED}, "whoever saw it first ended it, and the other followed"
    if code == ept.ENERGY_BUDGET:
        assert sent.ept == code
        assert 6000 <= sent.energy_mJ <= 6000 + sent.peak_mW * _SLACK_s


@pytest.mark.donors
@pytest.mark.parametrize(
    ("action", "code"),
    [
        pytest.param("hot-coil", ept.OVER_TEMPERATURE, marks=pytest.mark.feature("hot-coil")),
        pytest.param("coin", ept.FOREIGN_OBJECT, marks=pytest.mark.feature("coin")),
        pytest.param("cable", ept.ROLE_CONFLICT, marks=pytest.mark.feature("cable")),
        pytest.param("meter-cut", ept.METER_STALE, marks=pytest.mark.feature("meter-cut")),
    ],
)
async def test_a_fault_ends_a_transfer(couple: Couple, action: str, code: int) -> None:
    async with couple.running() as run:
        done_s = await couple.instruments.time_s()
        await couple.instruments.act(couple.donor.id, action)
        await couple.off_s(done_s)
        await run.ended()
    sent, received = await run.receipts()
    assert sent.ept == code
    assert received.ept in {ept.PEER_ENDED, ept.NO_RESPONSE}


@pytest.mark.donors
@pytest.mark.feature("power-cut")
async def test_a_power_cut_loses_no_energy_and_no_record(couple: Couple) -> None:
    before = await couple.donor.status()
    async with couple.running() as run:
        cut_s = await couple.instruments.time_s()
        await couple.instruments.act(couple.donor.id, "power-cut")
        off_s = await couple.off_s(cut_s)
        assert off_s - cut_s <= _SLACK_s
        await run.fall_silent()
        await couple.instruments.act(couple.donor.id, "power-cut", on=False)
    sent = await couple.donor.receipt(run.transfer_id)
    after = await couple.donor.status()
    assert after.epoch == before.epoch + 1
    assert sent.ept == ept.REBOOTED
    assert sent.epoch == after.epoch
    assert after.sent_mJ >= before.sent_mJ
    assert after.sent_mJ == sent.odometer_mJ
    assert (await couple.donor.ask()).state in (transfer.IDLE, transfer.FAULT)


@pytest.mark.donors
async def test_the_boards_limits_are_those_of_their_kind(couple: Couple) -> None:
    """Limits are those of the generated board module, and the same over BLE and console."""
    for dut in (couple.donor, couple.receiver):
        answer = await dut.console(lambda line: line.ask("limits"))
        limits = (await dut.link()).limits
        assert int(answer["power_max_mW"]) == limits.power_max_mW
        assert int(answer["floor_pct"]) == limits.floor_pct == 20
        refused = await dut.command(
            wire.GRANT,
            99,
            wire.PTX,
            0xFFFE,
            0,
            0,
            limits.power_max_mW + 1,
            1000,
            1000,
            20,
            1000,
            0,
        )
        assert refused.code in {ept.OUT_OF_RANGE, ept.UNCALIBRATED, ept.FLOOR}
