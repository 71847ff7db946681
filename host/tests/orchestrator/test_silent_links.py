# SPDX-License-Identifier: MIT
"""A link is kept alive while both ends speak, and given up when the board's answers stop."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from crowdcharge.bench.sessions.core_radio import CoreRadio
from crowdcharge.bench.sessions.jumping_time import LoopClock
from crowdcharge.boards.fleet import Fleet
from crowdcharge.boards.link import SILENCE_MAX_s
from crowdcharge.boards.models import Beacon, Sighting
from crowdcharge.boards.pool import Pool
from crowdcharge.errors import AckTimeout, RadioError
from wptcore import ept, links, wire


class StallingRadio(CoreRadio):
    """Its links carry nothing back once `stalled`, as a proxy that hangs; nothing says so."""

    def __init__(self, world):
        super().__init__(world)
        self.stalled: set[str] = set()
        self.tried: list[str] = []

    async def connect(self, address, on_closed):
        self.tried.append(address)
        if address.startswith("proxy"):
            link = await super().connect(address.removeprefix("proxy "), on_closed)
            link.address = address
        else:
            link = await super().connect(address, on_closed)
        tell = link.tell

        def stalls(uuid, data):
            if uuid != wire.REPLY_UUID or address not in self.stalled:
                tell(uuid, data)

        link.tell = stalls
        return link


@asynccontextmanager
async def pooled(world, *addresses):
    radio = StallingRadio(world)
    fleet = Fleet(world.keys)
    told: list[frozenset[int]] = []
    pool = Pool(
        radio, fleet, world.keys, LoopClock(), on_faults=lambda _, codes: told.append(codes)
    )
    pool.radio, pool.told, pool.fleet = radio, told, fleet

    async def heard():
        while True:
            for address in addresses or (world.boards[1].address,):
                beacon = Beacon.unpack(world.boards[1].beacon())
                now_s = asyncio.get_running_loop().time()
                fleet.add(Sighting(beacon, address, -50, now_s))
            await asyncio.sleep(0.25)

    hearing = asyncio.create_task(heard())
    await asyncio.sleep(0.1)
    try:
        yield pool
    finally:
        hearing.cancel()
        await pool.close()


def test_an_idle_link_is_kept_by_questions(make_world, run):
    world = make_world({1: 60.0})

    async def story():
        async with pooled(world) as pool:
            link = await pool.get(1)
            await asyncio.sleep(10 * links.SILENT_MAX_ms / 1000)
            assert not link.closed
            assert (await pool.get(1)) is link
            for _ in range(20):  # Hello alone is no fresh command
                await link.ask()
                await asyncio.sleep(1.0)
            assert not link.closed

    run(world, story())


def test_a_link_whose_answers_stop_is_given_up_and_another_path_is_tried(make_world, run):
    world = make_world({1: 60.0})
    near = world.boards[1].address

    async def story():
        async with pooled(world, f"proxy {near}", near) as pool:
            link = await pool.get(1)
            first = link.address
            pool.radio.stalled.add(first)
            loop = asyncio.get_running_loop()
            since_s = loop.time()
            while not link.closed:
                try:
                    async with asyncio.timeout(0.3):  # less patience than one answer is given
                        await link.command(wire.STOP, 5)
                except (RadioError, TimeoutError):
                    pass
            assert loop.time() - since_s <= SILENCE_MAX_s + 1.0
            again = await pool.get(1)
            assert again.address != first
            assert (await again.command(wire.STOP, 5)).code == ept.UNKNOWN_TRANSFER

    run(world, story())


def test_an_idle_link_whose_answers_stop_is_given_up_too(make_world, run):
    world = make_world({1: 60.0})

    async def story():
        async with pooled(world) as pool:
            link = await pool.get(1)
            pool.radio.stalled.add(link.address)
            await asyncio.sleep(links.SILENT_MAX_ms / 1000)
            assert link.closed and link.is_silent

    run(world, story())


def test_a_command_that_a_path_holds_back_has_no_effect_and_is_made_again(make_world, run):
    world = make_world({1: 60.0})

    async def story():
        async with pooled(world) as pool:
            link = await pool.get(1)
            write, held = link._link.write, []

            async def hold(uuid, frame):
                held.append(frame)

            link._link.write = hold
            grant = (77, wire.PTX, 9, 0, 0, 5000, 9000, 9000, 20, 1000, 0)
            try:
                async with asyncio.timeout(0.5):
                    await link.command(wire.GRANT, *grant, life_ms=1000)
            except TimeoutError:
                pass
            link._link.write = write
            await asyncio.sleep(1.5)
            await write(wire.COMMAND_UUID, held[0])
            await asyncio.sleep(0.5)
            assert not world.boards[1].core.coil_on
            assert (await link.command(wire.GRANT, *grant, life_ms=1000)).code == ept.NONE
            assert world.boards[1].core.coil_on

    run(world, story())


def test_a_change_of_status_makes_the_host_ask_what_stands(make_world, run):
    world = make_world({1: 60.0})

    async def story():
        async with pooled(world) as pool:
            await pool.get(1)
            await asyncio.sleep(1.0)
            world.boards[1].core.on_fault(ept.FOREIGN_OBJECT)
            await asyncio.sleep(1.0)
            assert pool.told[-1] == {ept.FOREIGN_OBJECT}

    run(world, story())


def test_a_write_that_never_ends_ends_its_link_and_the_next_one_is_new(make_world, run):
    """A stalled proxy: no write comes back, nor does the disconnect, and nothing says so."""
    world = make_world({1: 60.0})

    async def story():
        async with pooled(world) as pool:
            link = await pool.get(1)
            stalled, write, close = asyncio.Event(), link._link.write, link._link.close

            async def hang(*_):
                await stalled.wait()

            link._link.write = link._link.close = hang
            with pytest.raises(AckTimeout):
                await link.command(wire.STOP, 5)
            assert link.closed and link.is_silent
            again = await pool.get(1)
            assert again is not link
            assert (await again.command(wire.STOP, 5)).code == ept.UNKNOWN_TRANSFER
            link._link.write, link._link.close = write, close
            stalled.set()

    run(world, story())


def test_connecting_goes_on_when_who_asked_has_less_patience(make_world, run):
    world = make_world({1: 60.0})

    async def story():
        async with pooled(world) as pool:
            connect = pool.radio.connect

            async def slow(address, on_closed):
                await asyncio.sleep(0.8)
                return await connect(address, on_closed)

            pool.radio.connect = slow
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.3):
                        await pool.get(1)
            async with asyncio.timeout(0.5):
                await pool.get(1)
            assert pool.radio.tried == [world.boards[1].address]

    run(world, story())
