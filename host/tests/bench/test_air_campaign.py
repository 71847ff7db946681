# SPDX-License-Identifier: MIT
"""Strangers of every kind at boards that work: no reset, no latch, and the transfer goes on.

On boards of both ports, with the real firmware, a real orchestrator and real bleak.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import pytest_asyncio
from bumble import hci

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.errors import WptError
from crowdcharge.orchestrator.events import FaultRaised, TransferEnded

from ..hostile.rig import KEYS, STRANGERS, Rig, SOCS_pct
from ..hostile.stranger import Stranger

pytestmark = [
    pytest.mark.bench,
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.asyncio(loop_scope="module"),
]
VISIT_s = 2.0  # a board whose links are taken lets nobody in
SILENT_s = 1.0  # test_hostile_central.py holds a link until the board ends it
JUNK = (b"", b"\x00", b"\x01\x02" + bytes(60), bytes(range(128)), b"\xff" * 20)
CAPACITY_J, ENERGY_J, LASTS_s = 100_000.0, 20_000.0, 3600.0  # more than a campaign needs
REPEATS = [10, pytest.param(200, marks=pytest.mark.long)]


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["micropython", "circuitpython"]
)
async def rig(request, tmp_path_factory):
    """Board 1 lies on board 2; both have the port's firmware and a key."""
    boards = {
        "micropython": {},
        "circuitpython": {"board": "feather_nrf52840", "port": "circuitpython", "links": 1},
    }[request.param]
    config = BenchConfig(
        tuple(
            BoardConfig(number, soc_pct, CAPACITY_J, key=KEYS[number].hex(), **boards)
            for number, soc_pct in SOCS_pct.items()
        ),
        contacts=ContactsConfig(((Placement((1, 2)),),)),
        hosts=2 + STRANGERS,
    )
    folder = tmp_path_factory.mktemp("campaign")
    async with launch(config, folder / "bench") as bench:
        rig = Rig(bench, folder, Stranger)
        async with rig.running():
            yield rig


async def junk(stranger: Any) -> None:
    for frame in JUNK:
        await stranger.write(frame)


async def silence(stranger: Any) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stranger.lost.wait(), SILENT_s)


async def flood(stranger: Any) -> None:
    writes = [stranger.write(b"\x01\x02" + bytes(60)) for _ in range(40)]
    await asyncio.gather(*writes, return_exceptions=True)


async def encryption(stranger: Any) -> None:
    """Do what a phone does that believes it is paired."""
    backend = stranger._link.client._backend
    await backend._central._device.host.send_async_command(
        hci.HCI_LE_Enable_Encryption_Command(
            connection_handle=backend._link.handle,
            random_number=bytes(8),
            encrypted_diversifier=0,
            long_term_key=bytes(16),
        )
    )
    await asyncio.sleep(0.2)


ATTACKS: list[Callable[[Any], Any]] = [junk, silence, flood, encryption]


async def attack(rig: Any, board: int, how: Callable[[Any], Any], number: int) -> None:
    """One stranger's visit. A board may refuse it, or end the link in the middle."""
    with contextlib.suppress(WptError, TimeoutError):
        radio, address = rig._strange_radios[number], rig.bench.addresses[board]
        stranger = await asyncio.wait_for(rig._strangers.connect(radio, address), VISIT_s)
        try:
            await how(stranger)
        finally:
            await stranger.close()


async def boots(rig: Any) -> list[int]:
    return [(await rig.control.board(board))["boots"] for board in (1, 2)]


async def flows(rig: Any) -> bool:
    watts = {each["id"]: each for each in (await rig.control.status())["boards"]}
    return watts[1]["tx_W"] > 1.0 and watts[2]["rx_W"] > 1.0


async def visits(rig: Any, how: Callable[[Any], Any], repeats: int) -> None:
    """Let strangers come; no board may reset, latch or lose its transfer by them.

    Only the orchestrator has links, because a CircuitPython board has one.
    """
    before, mark = await boots(rig), len(rig.events)
    for turn in range(repeats):
        await attack(rig, 1 + turn % 2, how, turn % 3)
    assert await boots(rig) == before
    assert rig.of(FaultRaised, mark) == []
    assert rig.of(TransferEnded, mark) == []


@pytest.mark.parametrize("repeats", REPEATS)
@pytest.mark.parametrize("how", ATTACKS, ids=lambda how: how.__name__)
async def test_strangers_at_idle_boards_leave_no_trace(rig, how, repeats):
    await visits(rig, how, repeats)


@pytest.mark.parametrize("repeats", REPEATS)
@pytest.mark.parametrize("how", ATTACKS, ids=lambda how: how.__name__)
async def test_strangers_in_a_transfer_do_not_end_it(rig, how, repeats):
    if not await flows(rig):
        rig.start(ENERGY_J, LASTS_s)
        await rig.poll(lambda: flows(rig), "a transfer that flows")
    await visits(rig, how, repeats)
    assert await flows(rig)
