# SPDX-License-Identifier: MIT
"""Bad air and weak boards: lost packets, dropped connections, reboots; it balances and settles.

10 % of the packets are lost, 2 % of the connections drop a minute, one board in ten reboots each
minute. CI: four boards; twenty: `pytest -m long host/tests/hostile/test_bad_air.py`.
"""

import asyncio
import secrets
from random import Random

import numpy as np
import pytest

from crowdcharge import policy as policies
from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.clock import BoardClock
from crowdcharge.ledger.settlement import DISPUTED
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.radio import open_radio
from crowdcharge.report.summary import summarise

pytestmark = [pytest.mark.bench, pytest.mark.slow]

SPEED = 2.0
LOSS = 0.1
DROPS_PER_MINUTE = 0.02
REBOOTS_PER_MINUTE = 0.1


def bench_config(boards: int, keys: dict[int, bytes], slot_s: float) -> BenchConfig:
    """Return a ring that shifts: every full board meets every empty one in turn."""
    half = boards // 2
    made = tuple(
        BoardConfig(board_id, 85.0 if board_id <= half else 15.0, key=keys[board_id].hex())
        for board_id in keys
    )
    cycle = tuple(
        tuple(Placement((a + 1, half + 1 + (a + shift) % half)) for a in range(half))
        for shift in range(half)
    )
    return BenchConfig(made, contacts=ContactsConfig(cycle, slot_s), speed=SPEED)


async def make_trouble(bench: Bench, boards: list[int], rng: Random) -> None:
    """Until cancelled; chances are those of one bench second."""
    for board_id in boards:
        await bench.control.fault("packet-loss", board_id, share=LOSS)
    while True:
        await asyncio.sleep(1 / SPEED)
        for board_id in boards:
            if rng.random() < DROPS_PER_MINUTE / 60:
                await bench.control.fault("link-drop", board_id)
                await asyncio.sleep(1.5 / SPEED)
                await bench.control.fault("link-drop", board_id, on=False)
            if rng.random() < REBOOTS_PER_MINUTE / 60:
                await bench.control.fault("reset", board_id)


async def run(folder, boards: int, duration_s: float, seed: int) -> None:
    keys = {board_id: bytes([board_id]) * 32 for board_id in range(1, boards + 1)}
    slot_s = duration_s / 4
    async with launch(bench_config(boards, keys, slot_s)) as bench:
        schedule = bench_config(boards, keys, slot_s).contacts.cycle
        slots = tuple(tuple(contact.boards for contact in slot) for slot in schedule)
        with Store.create(folder / "ledger.sqlite") as store:
            orchestrator = Orchestrator(
                radio=open_radio(bench.transport),
                store=store,
                keys=keys,
                policy=policies.make("oblivious-share"),
                contacts=ContactSchedule(slot_s, slots),
                clock=BoardClock(SPEED),
                rng=np.random.default_rng(seed),
                emit=lambda _event: None,
                terms=TransferTerms(lease_ms=4000),
                slots=boards,
                first_transfer_id=secrets.randbits(31) | 1,
            )
            trouble = asyncio.create_task(make_trouble(bench, list(keys), Random(seed)))
            try:
                await orchestrator.run(duration_s)
            finally:
                trouble.cancel()
            assert [each for each in verify(store.rows(), keys) if each.wrong] == []
            assert store.book.unsettled() == []
            told = summarise(store.book)
            disputed = [each for each in told["transfers"] if each["state"] == DISPUTED]
            assert told["imbalance_after"] < told["imbalance_before"] * 0.8
            assert len(disputed) <= len(told["transfers"]) / 4


@pytest.mark.timeout(600)
async def test_four_boards_balance_in_bad_air(tmp_path, seed):
    await run(tmp_path, 4, 40.0, seed)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_twenty_boards_balance_in_bad_air(tmp_path, seed):
    await run(tmp_path, 20, 240.0, seed)
