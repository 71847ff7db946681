# SPDX-License-Identifier: MIT
"""A host's hands on two boards of a bench: their links, a transfer, a held port, the pins."""

import asyncio
import contextlib
import os
import secrets
import tty

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import Bench
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards.link import BoardLink
from crowdcharge.clock import BoardClock
from crowdcharge.radio.bleak_radio import BleakRadio
from wptcore import ept, wire

from ..heard import hear

KEY = bytes(range(32))
LEASE_ms = 2000
# What a pass, the way from the pin to the recorder and a busy machine may take.
SLACK_s = 1.0


def two_boards(port: str, board: str, ticks_start_ms: int = 0) -> BenchConfig:
    """Return a bench on which board 1 lies on board 2, both of one kind and with KEY."""
    boards = tuple(
        BoardConfig(
            number,
            70.0,
            capacity_J=20_000.0,
            key=KEY.hex(),
            port=port,
            board=board,
            ticks_start_ms=ticks_start_ms,
        )
        for number in (1, 2)
    )
    return BenchConfig(boards, contacts=ContactsConfig(((Placement((1, 2)),),)))


class Pair:
    """Both boards of a bench, with links that are made anew where they were lost."""

    def __init__(self, bench: Bench, radio: BleakRadio) -> None:
        self.bench = bench
        self._radio = radio
        self._links: dict[int, BoardLink] = {}

    async def hear(self) -> None:
        await hear(self._radio, self.bench.addresses.values(), 30)

    async def link(self, number: int) -> BoardLink:
        link = self._links.get(number)
        if link is None or link.closed:
            address, clock = self.bench.addresses[number], BoardClock()
            link = await BoardLink.open(
                self._radio, address, number, KEY, secrets.token_bytes, clock
            )
            self._links[number] = link
        return link

    async def clear(self, transfer_id: int) -> None:
        """Clear LEASE_LOST on both boards, as the host does after settling."""
        for number in (1, 2):
            link = await self.link(number)
            for _ in range(50):
                if not (await link.ask()).runs(transfer_id):
                    break
                await asyncio.sleep(0.1)
            assert (await link.command(wire.CLEAR, ept.LEASE_LOST)).code == ept.NONE

    async def close(self) -> None:
        for link in self._links.values():
            await link.close()
        await self._radio.close()


async def transfer(pair: Pair) -> "Renewals":
    """Switch the coil of board 1 on; return what keeps it so."""
    donor, receiver = await pair.link(1), await pair.link(2)
    number = secrets.randbits(30) | 1
    for link, role, peer in ((receiver, wire.PRX, 1), (donor, wire.PTX, 2)):
        grant = (wire.GRANT, number, role, peer, 0, 0, 5000, 500_000, 600_000, 0, LEASE_ms, 0)
        for _ in range(20):
            ack = await link.command(*grant)
            if ack.code not in {ept.SOC_UNKNOWN, ept.SELF_TEST}:  # it has just booted
                break
            await asyncio.sleep(0.3)
        assert ack.code == ept.NONE, ack
    return Renewals(number, donor, receiver)


class Renewals:
    def __init__(self, number: int, donor: BoardLink, receiver: BoardLink) -> None:
        self.number, self._donor, self._receiver = number, donor, receiver

    async def go_on(self, time_s: float) -> None:
        end_s = asyncio.get_running_loop().time() + time_s
        while asyncio.get_running_loop().time() < end_s:
            for link, peer in ((self._receiver, self._donor), (self._donor, self._receiver)):
                ack = await link.command(wire.RENEW, self.number, LEASE_ms, peer.ack.power_mW, 0)
                assert ack.code == ept.NONE, ack
            await asyncio.sleep(0.3)


@contextlib.contextmanager
def held_port(bench: Bench, board_id: int = 1):
    """Hold a board's port, the donor's, open by a program that never reads."""
    port = os.open(bench.serial_ports[board_id], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(port)
    try:
        yield port
    finally:
        os.close(port)


async def coil_is_on(bench: Bench) -> bool:
    return [1, "tx"] in (await bench.control.witness(board=1))["on"]


async def dark_within(bench: Bench, time_s: float) -> None:
    end_s = asyncio.get_running_loop().time() + time_s
    while await coil_is_on(bench):
        assert asyncio.get_running_loop().time() < end_s, f"the coil is on after {time_s} s"
        await asyncio.sleep(0.05)
