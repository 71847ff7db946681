# SPDX-License-Identifier: MIT
"""Strangers that hold every link they get: the host's transfer goes on, or the coil is off.

They connect, hold until they are thrown out, and come again at once, on boards with three links
and with one, on MicroPython and CircuitPython. Judged is the supply of the bench's transmitter.
How long the owner is kept out is measured in firmware/tests/test_squatters.py.
"""

import asyncio
import contextlib
import dataclasses

import pytest

from crowdcharge.bench.config import BoardConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.errors import WptError

from .rig import Rig, matrix_config
from .stranger import Stranger

pytestmark = [
    pytest.mark.bench,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

SIEGE_s = 8.0
LEASE_s = 2.0
OFF_MAX_s = 1.0  # after the lease: a pass of the board, and the radio's last renewal on its way
KINDS = {
    "three links": {"links": 3},
    "one link": {"links": 1},
    "circuitpython": {"port": "circuitpython", "board": "feather_nrf52840", "links": 1},
}


def sieges() -> list[object]:
    """One of each kind runs in CI, the others with -m long."""
    ci = (("three links", 3), ("one link", 1), ("circuitpython", 1))
    return [
        pytest.param(
            kind,
            strangers,
            id=f"{kind.replace(' ', '-')}-{strangers}",
            marks=[] if (kind, strangers) in ci else [pytest.mark.long],
        )
        for kind in KINDS
        for strangers in (1, 3, 6)
    ]


def config_of(kind: str, strangers: int):
    """Return the rig's pair; the donor is of that kind."""
    config = matrix_config()
    donor, receiver = config.boards[:2]
    donor = BoardConfig(1, donor.soc_pct, donor.capacity_J, key=donor.key, **KINDS[kind])
    contacts = dataclasses.replace(config.contacts, cycle=(config.contacts.cycle[0][:1],))
    boards = (donor, receiver)
    return dataclasses.replace(config, boards=boards, contacts=contacts, hosts=2 + strangers)


async def squat(rig, number: int) -> None:
    while True:
        with contextlib.suppress(WptError):
            stranger = await rig.stranger(1, number)
            await stranger.lost.wait()
            await stranger.close()


@pytest.mark.parametrize(("kind", "strangers"), sieges())
async def test_squatters_hold_links_and_no_coil(tmp_path, kind, strangers):
    config = config_of(kind, strangers)
    async with launch(config, tmp_path / "bench") as bench:
        rig = Rig(bench, tmp_path, Stranger)
        async with rig.running():
            await rig.flowing()
            holders = [asyncio.create_task(squat(rig, number)) for number in range(strangers)]
            try:
                await transfer_goes_on(rig)
                await coil_goes_off_with_the_host(rig)
            finally:
                for holder in holders:
                    holder.cancel()
                await asyncio.gather(*holders, return_exceptions=True)


async def transfer_goes_on(rig) -> None:
    """Check that the host keeps its link, and that every look finds power or no coil."""
    ends_s = await rig.now_s() + SIEGE_s
    while await rig.now_s() < ends_s:
        board = await rig.control.board(1)
        assert board["tx_power"], "the host renews its lease, whoever holds the other links"
        await asyncio.sleep(0.1)


async def coil_goes_off_with_the_host(rig) -> None:
    """Nobody hears the board any more; the strangers hold on."""
    rig.quiet()
    gone_s = await rig.control.fault("link-drop", 1)

    async def off() -> dict | None:
        board = await rig.control.board(1)
        return None if board["tx_power"] else board

    board = await rig.poll(off, "the coil's end")
    assert board["tx_power_since_s"] - gone_s <= LEASE_s + OFF_MAX_s
    await rig.control.fault("link-drop", 1, on=False)
    assert not (await rig.control.board(1))["tx_power"]
