# SPDX-License-Identifier: MIT
"""Strangers of every kind at boards that work: no reset, no latch, and the transfer goes on.

On boards of both ports, with the real firmware, a real orchestrator and real bleak.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
import pytest_asyncio
from bumble import hci

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.errors import WptError
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.orchestrator.events import FaultRaised, TransferEnded
from crowdcharge.radio import open_radio
from crowdcharge.radio.base import Radio

from ..hostile.rig import KEYS, STRANGERS, Rig, SOCS_pct
from ..hostile.stranger import Stranger

pytestmark = [
    pytest.mark.bench,
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.asyncio(loop_scope="module"),
]
VISIT_s = 2.0  # a board whose links are taken lets nobody in
PATIENCE = 4  # so many knock for each that has to be let in, at most
SILENT_s = 1.0  # test_hostile_central.py holds a link until the board ends it
JUNK = (b"", b"\x00", b"\x01\x02" + bytes(60), bytes(range(128)), b"\xff" * 20)
CAPACITY_J, ENERGY_J, LASTS_s = 100_000.0, 20_000.0, 3600.0  # more than a campaign needs
Attack = Callable[[Stranger], Awaitable[None]]
REPEATS = [10, pytest.param(200, marks=pytest.mark.long)]


PORTS = {
    "micropython": {},
    "circuitpython": {"board": "feather_nrf52840", "port": "circuitpython", "links": 1},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=PORTS)
async def bench(request, tmp_path_factory):
    """Board 1 lies on board 2; both have the port's firmware and a key."""
    config = BenchConfig(
        tuple(
            BoardConfig(
                number, soc_pct, CAPACITY_J, key=KEYS[number].hex(), **PORTS[request.param]
            )
            for number, soc_pct in SOCS_pct.items()
        ),
        contacts=ContactsConfig(((Placement((1, 2)),),)),
        hosts=2 + STRANGERS,
    )
    async with launch(config, tmp_path_factory.mktemp("bench")) as bench:
        yield bench


class Visitors:
    """Strangers with a radio each, who have heard both boards."""

    def __init__(self, bench: Any, radios: Sequence[Radio]) -> None:
        self._addresses = bench.addresses
        self._radios = radios

    async def listen(self) -> None:
        """Scan until every radio has heard both boards."""
        for radio in self._radios:
            heard = asyncio.Queue[str]()
            await radio.start_scan(lambda advert, heard=heard: heard.put_nowait(advert.address))
            missing = {self._addresses[board] for board in SOCS_pct}
            while missing:
                missing.discard(await asyncio.wait_for(heard.get(), 30))

    async def attack(self, board: int, how: Attack, number: int) -> bool:
        """One stranger's visit; was it let in? A board may end the link in the middle."""
        stranger = None
        with contextlib.suppress(WptError, TimeoutError):
            connecting = Stranger.connect(self._radios[number], self._addresses[board])
            stranger = await asyncio.wait_for(connecting, VISIT_s)
            await how(stranger)
        if stranger:
            await stranger.close()
        return stranger is not None

    async def come(self, how: Attack, count: int, knocks_max: int) -> int:
        """Let them come, one to each board at a time, until so many were let in; return how many.

        On a busy machine a visitor may give up before a board has answered; another one comes.
        """
        let_in = 0
        for turn in range(knocks_max // 2):
            if let_in >= count:
                break
            first, second = turn % STRANGERS, (turn + 1) % STRANGERS
            visits = self.attack(1, how, first), self.attack(2, how, second)
            let_in += sum(await asyncio.gather(*visits))
        return let_in


@pytest_asyncio.fixture(loop_scope="module")
async def visitors(bench):
    radios = [open_radio(transport) for transport in bench.transports[2:]]
    visitors = Visitors(bench, radios)
    await visitors.listen()
    yield visitors
    for radio in radios:
        await radio.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(bench, tmp_path_factory):
    """With an orchestrator, which takes the one link of a CircuitPython board."""
    rig = Rig(bench, tmp_path_factory.mktemp("campaign"), Stranger)
    async with rig.running():
        yield rig


async def junk(stranger: Stranger) -> None:
    for frame in JUNK:
        await stranger.write(frame)


async def silence(stranger: Stranger) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stranger.lost.wait(), SILENT_s)


async def flood(stranger: Stranger) -> None:
    writes = [stranger.write(b"\x01\x02" + bytes(60)) for _ in range(40)]
    await asyncio.gather(*writes, return_exceptions=True)


async def encryption(stranger: Stranger) -> None:
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


ATTACKS: list[Attack] = [junk, silence, flood, encryption]


async def boots(bench: Any) -> list[int]:
    return [(await bench.control.board(board))["boots"] for board in SOCS_pct]


async def faults(bench: Any) -> list[str]:
    def ask(board: int) -> str:
        with SerialLine(bench.serial_ports[board]) as line:
            return line.ask("status")["faults"]

    return [await asyncio.to_thread(ask, board) for board in SOCS_pct]


async def flows(rig: Any) -> bool:
    watts = {each["id"]: each for each in (await rig.control.status())["boards"]}
    return watts[1]["tx_W"] > 1.0 and watts[2]["rx_W"] > 1.0


@pytest.mark.parametrize("repeats", REPEATS)
@pytest.mark.parametrize("how", ATTACKS, ids=lambda how: how.__name__)
async def test_strangers_at_idle_boards_leave_no_trace(bench, visitors, how, repeats):
    before, stood = await boots(bench), await faults(bench)
    let_in = await visitors.come(how, repeats, PATIENCE * repeats)
    assert let_in >= repeats, "it would prove nothing"
    assert await boots(bench) == before
    assert await faults(bench) == stood


@contextlib.asynccontextmanager
async def undisturbed(rig, bench):
    """Yield strangers; then the transfer that flows must flow still, and no board have reset."""
    if not await flows(rig):
        rig.start(ENERGY_J, LASTS_s)
        await rig.poll(lambda: flows(rig), "a transfer that flows")
    before, mark = await boots(bench), len(rig.events)
    yield Visitors(bench, rig._strange_radios)
    assert await boots(bench) == before
    assert rig.of(FaultRaised, mark) == []
    assert rig.of(TransferEnded, mark) == []
    assert await flows(rig)


@pytest.mark.parametrize("repeats", REPEATS)
@pytest.mark.parametrize("how", ATTACKS, ids=lambda how: how.__name__)
@pytest.mark.parametrize("bench", ["micropython"], indirect=True)
async def test_strangers_in_a_transfer_do_not_end_it(rig, bench, how, repeats):
    async with undisturbed(rig, bench) as visitors:
        assert await visitors.come(how, repeats, PATIENCE * repeats) >= repeats


@pytest.mark.parametrize("repeats", REPEATS)
@pytest.mark.parametrize("bench", ["circuitpython"], indirect=True)
async def test_strangers_find_the_only_link_taken_and_end_no_transfer(rig, bench, repeats):
    """Whatever they want to do: the orchestrator has the link."""
    async with undisturbed(rig, bench) as visitors:
        assert await visitors.come(junk, repeats, repeats) == 0
