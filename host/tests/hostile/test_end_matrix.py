# SPDX-License-Identifier: MIT
"""Every declared end of a transfer, on boards with the real firmware; times by the witness."""

import asyncio
import tomllib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from crowdcharge.boards import codes
from crowdcharge.flash import firmware_tree
from crowdcharge.orchestrator.events import TransferEnded
from wptcore import ept, wire

from .instant import Instant
from .qi_chip import grant_chip, let_chip_transmit

pytestmark = [
    pytest.mark.bench,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

TABLE = tomllib.loads((firmware_tree.root() / "errors.toml").read_text(encoding="utf-8"))
ENDS = {entry["name"]: entry for entry in TABLE["end"]}
READ_LAG_s = 2.0
LOOK_s = 0.1


async def ended(rig, mark: int) -> TransferEnded:
    (found,) = await rig.until(lambda: rig.of(TransferEnded, mark), "the end of the transfer")
    return found


async def ends_by(rig, name: str, board: int, act: Callable[[], Awaitable[Any]]) -> None:
    """`act` while a transfer runs; `board`'s coil is off in time and its receipt says `name`."""
    await rig.flowing()
    mark = len(rig.events)
    rig.quiet()
    begun = Instant(await rig.now_s(), await rig.waited_s(board))
    done = await act() or begun
    off = await rig.off(board, {1: "tx", 2: "rx"}[board], begun.time_s)
    rig.note(name, reaction_ms=off.after_ms(done))
    assert off.after_ms(done) <= ENDS[name]["reaction_ms"]
    await rig.receipted(mark, board, name)


async def test_a_full_receiver_ends(rig):
    await ends_by(rig, "CHARGE_COMPLETE", 2, lambda: rig.fault("soc", 2, soc_pct=100.0))


async def test_a_receiver_that_goes_away_ends(rig):
    await ends_by(rig, "NO_RESPONSE", 1, lambda: rig.fault("move", 1, peer=0))


async def test_a_stop_ends(rig):
    async def stop() -> None:
        ack = await (await rig.link(1)).ask()
        await rig.command(1, wire.STOP, ack.transfer_id)

    await ends_by(rig, "STOPPED", 1, stop)


async def test_the_floor_ends_and_refuses_until_the_battery_has_risen(rig):
    await ends_by(rig, "FLOOR", 1, lambda: rig.fault("soc", 1, soc_pct=20.0))
    assert await rig.grant(1) == ept.FLOOR
    await rig.control.fault("soc", 1, soc_pct=24.0)
    await asyncio.sleep(0.5)
    assert await rig.grant(1) == ept.FLOOR
    await rig.control.fault("soc", 1, soc_pct=25.5)
    await asyncio.sleep(0.5)
    assert await rig.grant(1) in {ept.FLOOR, ept.NONE}  # until a minute after boot or a charge

    async def granted() -> bool:
        return await rig.grant(1) == ept.NONE

    await rig.poll(granted, "a grant after the cell has settled", 70.0)


async def test_a_granted_energy_ends_at_one_sample_above_it(rig):
    mark = len(rig.events)
    rig.start(energy_J=4.0)
    assert (await ended(rig, mark)).ept_ptx == "ENERGY_BUDGET"
    rig.quiet()
    await rig.receipted(mark, 1, "ENERGY_BUDGET")
    assert 4000 <= rig.receipt(1)["energy_mJ"] <= 4000 + 1000  # 4 W for 250 ms


async def test_a_granted_power_ends(rig):
    """The second host alone, with a bound below what the receiver draws."""
    assert await rig.grant(2, wire.PRX, lease_ms=5000) == ept.NONE
    since_s = await rig.now_s()
    assert await rig.grant(1, wire.PTX, lease_ms=5000, power_max_mW=2000) == ept.NONE
    await rig.off_s(1, "tx", since_s)
    assert (await (await rig.link(1)).ask()).ept == ept.POWER_BUDGET
    (on, off) = [edge["time_s"] for edge in await rig.edges(1, "tx", since_s)]
    rig.note("POWER_BUDGET", reaction_ms=(off - on - 0.3) * 1000)  # after the handshake
    assert off - on <= 0.3 + ENDS["POWER_BUDGET"]["reaction_ms"] / 1000 + LOOK_s


async def test_a_granted_duration_ends(rig):
    since_s = await rig.now_s()
    assert await rig.grant(1, wire.PTX, lease_ms=5000, duration_max_ms=1000) == ept.NONE
    off_s = await rig.off_s(1, "tx", since_s)
    assert (await (await rig.link(1)).ask()).ept == ept.DURATION_BUDGET
    on_s = (await rig.edges(1, "tx", since_s))[0]["time_s"]
    rig.note("DURATION_BUDGET", reaction_ms=(off_s - on_s - 1.0) * 1000)
    # the pass in which the grant came counts whole: up to 200 ms too early, never too late
    assert 0.75 <= off_s - on_s <= 1.0 + ENDS["DURATION_BUDGET"]["reaction_ms"] / 1000


async def test_a_reset_in_a_transfer_is_receipted_when_the_board_is_back(rig):
    await ends_by(rig, "REBOOTED", 1, lambda: rig.fault("reset", 1))


async def test_the_end_of_one_ends_the_other(rig):
    """Told with the next renewal, which the host sends at once."""
    await rig.flowing()
    mark = len(rig.events)
    rig.quiet()
    ack = await (await rig.link(2)).ask()
    done_s = await rig.now_s()
    await rig.command(2, wire.STOP, ack.transfer_id)
    off_s = await rig.off_s(1, "tx", done_s)
    rig.note("PEER_ENDED", reaction_ms=(off_s - done_s) * 1000)
    renewal_s = 2.0 / 3  # until the host hears of it
    assert off_s - done_s <= renewal_s + ENDS["PEER_ENDED"]["reaction_ms"] / 1000 + READ_LAG_s
    await rig.receipted(mark, 1, "PEER_ENDED")


@pytest.mark.parametrize(("reason", "name"), [(8, "RESTART"), (13, "NEGOTIATION_FAILURE")])
async def test_the_chips_own_ends_are_receipted(rig, reason, name):
    """Bits of the STWBC86's reason register; the board is at once ready for another grant."""
    await let_chip_transmit(rig)
    await asyncio.sleep(0.5)  # the receiver's packets
    mark_s = await rig.now_s()
    done = await rig.fault("qi-end", 5, reason=reason)
    reaction_ms = (await rig.off(5, "tx", mark_s)).after_ms(done)
    rig.note(name, reaction_ms=reaction_ms)
    assert reaction_ms <= ENDS[name]["reaction_ms"]
    ack = await (await rig.link(5)).ask()
    assert codes.name(ack.ept) == name
    await grant_chip(rig)
