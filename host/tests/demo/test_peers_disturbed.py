# SPDX-License-Identifier: MIT
"""Two real-VM boards meet without a host; either is killed, frozen, reset or carried off.

The pin recorder says when the coil went off, and the collected ledger where the energy is. Ports
are mixed: a CircuitPython board gives as any does, and is called to take.
"""

import asyncio
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig, Port
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.bench.runs.bench_run import lay_together
from crowdcharge.clock import BoardClock
from crowdcharge.ledger.kinds import Run
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import judge
from crowdcharge.orchestrator.collecting import collect
from crowdcharge.radio.bleak_radio import BleakRadio
from wptcore import ept

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow]
GIVER, TAKER = 1, 2
SPEED = 1.0
LEASE_s = 4.0
SLACK_s = 1.0  # a pass of the loop, and a busy machine
BOOT_MIN_s = 0.3  # no board begins another transfer so soon after a reset
WATCHDOG_s = 8.0  # a frozen giver: behind its pin, the second break is off after 0.5 s
MEETING_s = 3.0  # until power flows
CALLED_s = 8.0  # until power flows into a board that has to be called
LITTLE_mJ = 50.0
HEALS = {"kill": "power-on", "freeze": "thaw", "reset": "", "link-drop": ""}
KEYS = {number: bytes([number]) * 32 for number in (GIVER, TAKER)}
MICRO: tuple[Port, str, int] = ("micropython", "virtual", 4)  # port, board, links
CIRCUIT: tuple[Port, str, int] = ("circuitpython", "feather_esp32s3_cp", 1)
PORTS = ((MICRO, MICRO), (CIRCUIT, MICRO), (MICRO, CIRCUIT))  # of giver and taker


@dataclass(frozen=True)
class Event:
    """What happens to a board, `after_s` the boards were laid together or power has flowed."""

    board: int
    fault: str
    after_s: float = 0.0
    sending: bool = True  # wait for power first; else count from the moment they lie together


# In this order no board loses its partner three times without a reboot, which would latch.
FEW = (
    Event(TAKER, "kill"),
    Event(GIVER, "reset"),
    Event(TAKER, "link-drop"),
    Event(TAKER, "reset"),
    Event(GIVER, "freeze"),
    Event(GIVER, "kill"),
)


def config(ports: Sequence[tuple[Port, str, int]]) -> BenchConfig:
    boards = tuple(
        BoardConfig(
            number,
            soc_pct,
            capacity_J=1000.0,
            port=port,
            board=board,
            key=KEYS[number].hex(),
            crowd_key="c0" * 32,
            gives_to="host crowd",
            links=links,
        )
        for number, soc_pct, (port, board, links) in zip(
            (GIVER, TAKER), (90.0, 30.0), ports, strict=True
        )
    )
    return BenchConfig(boards, speed=SPEED, link=CoilLink(power_W=0.5))


async def until(bench: Bench, patience_s: float, good: Callable[[dict[str, Any]], bool]) -> None:
    """Look at the plant's truth of the giver until it is so."""
    end_s = asyncio.get_running_loop().time() + patience_s
    while not good(giver := await bench.control.board(GIVER)):
        assert asyncio.get_running_loop().time() < end_s, giver
        await asyncio.sleep(0.05)


async def powered(bench: Bench) -> list[list[float]]:
    """Return from when to when the giver's coil was on, by the pin recorder; inf: it still is."""
    told = await bench.control.witness(0.0, GIVER)
    spans: list[list[float]] = []
    for each in told["changes"]:
        if each["coil"] == "tx" and each["on"]:
            spans.append([each["time_s"], inf])
        elif each["coil"] == "tx" and spans:
            spans[-1][1] = each["time_s"]
    return spans


async def happen(bench: Bench, event: Event) -> None:
    """Do it, and make it good again once the coil has to be off.

    What comes on again by itself, after a reset, is another meeting.
    """
    if event.sending:
        await until(bench, 90.0, lambda giver: giver["tx_W"] > 0.6)
    await asyncio.sleep(event.after_s)
    at_s = await bench.control.fault(event.fault, event.board)
    frozen = (event.board, event.fault) == (GIVER, "freeze")
    bound_s = (WATCHDOG_s if frozen else LEASE_s) + SLACK_s
    await asyncio.sleep(bound_s)
    away_s = BOOT_MIN_s if frozen or event.fault == "reset" else bound_s
    spans = [each for each in await powered(bench) if each[0] <= at_s + away_s]
    assert all(off_s <= at_s + bound_s for _, off_s in spans), (event, at_s, spans)
    if event.fault == "link-drop":
        await bench.control.fault("link-drop", event.board, on=False)
    elif HEALS[event.fault]:
        await bench.control.fault(HEALS[event.fault], event.board)


async def gather(bench: Bench, store: Store) -> None:
    """Carry both apart and fetch what they have signed."""
    await lay_together(bench, ())
    await asyncio.sleep(3)
    radio = BleakRadio(*backends(bench.transport))
    try:
        found = await collect(radio, store, KEYS, BoardClock(SPEED), lambda _event: None, 20.0)
    finally:
        await radio.close()
    assert sorted(found.boards) == [GIVER, TAKER], found.failed


async def check_accounts(bench: Bench, store: Store, may_lose: bool) -> None:
    """Each transfer once, no board over-drawn, the ledger in order, and all that was sent in it.

    `may_lose`: a giver that was killed has lost what it metered since it last wrote to its flash.
    """
    book = store.book
    for each in book.transfers.values():
        lost = may_lose and each.state == "disputed" and each.ept_ptx == ept.REBOOTED
        assert lost or each.state in {"settled", "one-sided", "void"}, each
    assert sum(book.balances_mJ.values()) == 0
    verdict = judge(store.rows(), KEYS)
    assert not verdict.is_wrong, [str(each) for each in verdict.findings]
    sent_mJ = sum(each.sent_mJ for each in book.transfers.values())
    truth_mJ = (await bench.control.board(GIVER))["sent_J"] * 1000
    assert sent_mJ < 1.03 * truth_mJ + LITTLE_mJ
    assert may_lose or sent_mJ > 0.97 * truth_mJ - LITTLE_mJ


async def survive(schedule: Sequence[Event], ports: Sequence[tuple[Port, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with launch(config(ports)) as bench:
            with Store.create(Path(folder) / "ledger.sqlite") as store:
                store.append([Run("collect", None, None)])
                await lay_together(bench, ((GIVER, TAKER),))
                for event in schedule:
                    await happen(bench, event)
                await gather(bench, store)
                rebooted = {each.board for each in schedule if each.fault != "link-drop"}
                await check_accounts(bench, store, GIVER in rebooted)


@pytest.mark.timeout(400)
async def test_no_coil_outlives_its_lease_and_the_books_stay_true() -> None:
    await survive(FEW, (MICRO, MICRO))


def drawn(seed: int, meeting_s: float) -> list[Event]:
    """Two events: each while the boards meet, or while power flows."""
    rng = random.Random(seed)
    events = []
    for _ in range(2):
        sending = rng.random() < 0.5
        after_s = rng.uniform(0, 6.0 if sending else meeting_s)
        board, fault = rng.choice((GIVER, TAKER)), rng.choice(sorted(HEALS))
        events.append(Event(board, fault, after_s, sending))
    return events


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(50))
async def test_random_schedules(seed: int) -> None:
    ports = PORTS[seed % len(PORTS)]
    await survive(drawn(seed, CALLED_s if ports[1] is CIRCUIT else MEETING_s), ports)
