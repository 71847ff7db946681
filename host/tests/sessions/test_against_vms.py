# SPDX-License-Identifier: MIT
"""Sessions in virtual time against the same sessions on real MicroPython VMs, by distribution.

The virtual bench adds what virtual time leaves out: the port and its timing, a real BLE stack,
thermistors and an ADC with their errors. So no session is the same, and all together must be.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp

from crowdcharge import policy as policies
from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.bench.sessions import plan as plans
from crowdcharge.bench.sessions.plan import SessionPlan, draw
from crowdcharge.bench.sessions.session import TERMS, play
from crowdcharge.clock import BoardClock
from crowdcharge.ledger.settlement import SETTLED, TransferRecord
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.radio.bleak_radio import BleakRadio

SPEED = 3.0
SEED = 3
ON_VMS, VIRTUAL = 50, 400
P_MIN = 0.01  # of the Kolmogorov-Smirnov test: below it the two are not of one distribution
PAIR = (1, 2)


def pairs() -> Iterator[SessionPlan]:
    """Yield the sessions of two boards without a fault."""
    drawn = (draw(SEED, number) for number in count())
    return (plan for plan in drawn if len(plan.socs_pct) == 2 and plan.fault == "none")


def bench_of(plan: SessionPlan) -> BenchConfig:
    """Return the bench of a plan: a link as it is at the plan's distance, calibrated there."""
    link = CoilLink()
    coupling = link.coupling(plan.gap_mm, plan.offset_mm)
    link = replace(link, power_W=link.power_W * coupling, linear=link.linear / coupling)
    boards = tuple(
        BoardConfig(number, soc_pct, plans.CAPACITY_J, key=bytes([number]).hex() * 32)
        for number, soc_pct in zip(PAIR, plan.socs_pct, strict=True)
    )
    contacts = ContactsConfig(((Placement(PAIR),),))
    return BenchConfig(boards, link, contacts, speed=SPEED, seed=plan.seed)


async def on_vms(plan: SessionPlan, ledger: Path) -> dict[str, float]:
    config, shunts = bench_of(plan), np.random.default_rng(plan.seed)
    async with launch(config) as bench:
        for board in PAIR:
            for side in ("tx", "rx"):
                ppm = float(shunts.uniform(-1, 1) * 10_000)
                await bench.control.fault("shunt", board, side=side, ppm=ppm)
        with Store.create(ledger) as store:
            orchestrator = Orchestrator(
                radio=BleakRadio(*backends(bench.transport)),
                store=store,
                keys={board.id: bytes.fromhex(board.key) for board in config.boards},
                policy=policies.make(plan.policy),
                contacts=ContactSchedule(plans.SLOT_s, ((PAIR,),)),
                clock=BoardClock(SPEED),
                rng=np.random.default_rng(plan.seed),
                emit=lambda _event: None,
                terms=TERMS,
            )
            await orchestrator.run(plans.LENGTH_s)
            transfers = list(store.book.transfers.values())
        status = await bench.control.call("status")
    true_mJ = {
        way: 1000 * sum(board[f"{way}_J"] for board in status["boards"])
        for way in ("sent", "received")
    }
    return figures(transfers, true_mJ["sent"], true_mJ["received"])


def in_virtual_time(plan: SessionPlan) -> dict[str, float]:
    played = play(plan)
    true_sent_mJ = sum(board.true_sent_mJ for board in played.boards)
    true_received_mJ = sum(board.true_received_mJ for board in played.boards)
    return figures(played.transfers, true_sent_mJ, true_received_mJ)


def figures(
    transfers: list[TransferRecord], true_sent_mJ: float, true_received_mJ: float
) -> dict[str, float]:
    """Return what is compared of a session, or nothing where nothing flowed."""
    settled = [each for each in transfers if each.state == SETTLED]
    sent_mJ, received_mJ = (
        sum(getattr(each, f"{way}_mJ") for each in settled) for way in ("sent", "received")
    )
    if not received_mJ:
        return {}
    return {
        "sent_mJ": sent_mJ,
        "efficiency": received_mJ / sent_mJ,
        "error of the sending meter": sent_mJ / true_sent_mJ - 1,
        "error of the receiving meter": received_mJ / true_received_mJ - 1,
    }


def distributions(found: list[dict[str, float]]) -> dict[str, np.ndarray]:
    flowed = [each for each in found if each]
    return {name: np.array([each[name] for each in flowed]) for name in flowed[0]}


@pytest.mark.long
@pytest.mark.bench
@pytest.mark.vm
@pytest.mark.timeout(7200)
async def test_fifty_sessions_on_vms_are_of_the_same_distribution(tmp_path: Path) -> None:
    real = [
        await on_vms(plan, tmp_path / f"{plan.session}.sqlite") for plan in islice(pairs(), ON_VMS)
    ]
    virtual = await asyncio.to_thread(
        lambda: [in_virtual_time(plan) for plan in islice(pairs(), VIRTUAL)]
    )
    found = {}
    for (name, vms), drawn in zip(
        distributions(real).items(), distributions(virtual).values(), strict=True
    ):
        found[name] = ks_2samp(vms, drawn).pvalue
        print(f"{name}: {told(vms)} on VMs, {told(drawn)} in virtual time, p = {found[name]:.2f}")  # noqa: T201
    assert min(found.values()) > P_MIN, found


def told(values: np.ndarray) -> str:
    return f"{values.mean():.4f} +- {values.std():.4f} ({len(values)})"
