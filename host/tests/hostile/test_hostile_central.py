# SPDX-License-Identifier: MIT
"""A central with everything but the key, against boards with the real firmware and a real host.

It hears every frame on the air (BLE links are not encrypted here), connects, writes, holds and
floods. docs/explanation/security.md says what of this is defended; these tests show it.
"""

import asyncio
import contextlib
from hashlib import sha256
from random import Random

import pytest

from crowdcharge.boards.session import Session
from crowdcharge.errors import RemoteProtocolError, WptError
from crowdcharge.orchestrator.events import Settled, TransferEnded
from crowdcharge.radio.bleak_radio import BleakLink
from wptcore import auth, ept, links, transfer, wire

pytestmark = [
    pytest.mark.bench,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

WRONG_KEY = bytes(31) + b"\x01"
BACK_AGAIN_s = 30.0  # docs/explanation/security.md: how long a stranger may keep the host out


@pytest.fixture
def sniffed(monkeypatch):
    """Every frame that the hosts write, as anyone near could record it."""
    frames: list[bytes] = []
    write = BleakLink.write

    async def tapped(self, uuid: str, data: bytes) -> None:
        if uuid == wire.COMMAND_UUID:
            frames.append(data)
        await write(self, uuid, data)

    monkeypatch.setattr(BleakLink, "write", tapped)
    return frames


def of_type(frames: list[bytes], *types: int) -> list[bytes]:
    return [frame for frame in frames if frame[1] in types]


async def running(rig, board: int) -> int:
    """Return the transfer that a board runs now, by its own word; 0: none."""
    ack = await (await rig.link(board)).ask()
    return ack.transfer_id if ack.state in {transfer.PING, transfer.POWER} else 0


async def attack(rig, board: int, frames: list[bytes], number: int = 0) -> list[int]:
    """Return the codes that the board gave; it may end the link, then another is made."""
    codes: list[int] = []
    stranger = await rig.stranger(board, number)
    for frame in frames:
        if stranger.lost.is_set():
            stranger = await rig.stranger(board, number)
        with contextlib.suppress(WptError):
            codes.append((await stranger.ask_raw(frame))[1])
    await stranger.close()
    return codes


async def test_recorded_frames_start_prolong_and_stop_nothing(rig, sniffed):
    await rig.flowing()
    before = await running(rig, 1)
    rig.quiet()
    recorded = of_type(sniffed, wire.GRANT, wire.RENEW, wire.HELLO)[:6]
    assert recorded
    assert ept.NONE not in await attack(rig, 1, recorded)
    assert await running(rig, 1) == before  # a replayed Stop or Grant did nothing
    mark = len(rig.events)
    await rig.command(1, wire.STOP, before)
    await rig.until(lambda: rig.of(Settled, mark), "settled")
    off_s = await rig.now_s()
    assert ept.NONE not in await attack(rig, 1, of_type(sniffed, wire.GRANT, wire.RENEW)[:8])
    assert [edge for edge in await rig.edges(1, "tx", off_s) if edge["on"]] == []


async def test_altered_frames_are_refused_and_the_transfer_goes_on(rig, sniffed):
    await rig.flowing()
    before = await running(rig, 1)
    rng = Random(3)
    altered = []
    for frame in of_type(sniffed, wire.GRANT, wire.RENEW, wire.HELLO)[:4] * 3:
        damaged = bytearray(frame)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        altered.append(bytes(damaged))
    assert ept.NONE not in await attack(rig, 1, altered)
    assert await running(rig, 1) == before


async def test_a_stranger_without_the_key_commands_nothing(rig):
    """Every command, sealed with a wrong key: no floor falls, no latch clears, no coil moves."""
    await rig.flowing()
    limits = (await rig.link(1)).limits
    before = await running(rig, 1)
    commands = [
        (wire.STOP, before),
        (wire.GRANT, 5, wire.PTX, 2, 0, 0, 5000, 5000, 60_000, 0, 5000, 0),
        (wire.RENEW, before, 5000, 0, ept.STOPPED),
        (wire.CLEAR, ept.STUCK_SWITCH),
        (wire.CONFIGURE, wire.CONFIGURE_FLOOR_pct, 10),
        (wire.PING, 6, 3000),
    ]
    stranger = await rig.stranger(1)
    codes = []
    for half in (commands[:3], commands[3:]):  # fewer than end a link
        stranger = await rig.stranger(1)
        frames = [stranger.hello(WRONG_KEY), *(stranger.sealed(*command) for command in half)]
        codes += [(await stranger.ask_raw(frame))[1] for frame in frames]
        await stranger.close()
    assert set(codes) <= {ept.BAD_TAG, ept.NO_SESSION}
    assert await running(rig, 1) == before
    rig.quiet()
    mark = len(rig.events)
    await rig.control.fault("foreign-object", 1, power_W=1.2)
    await rig.raised(mark, 1, "FOREIGN_OBJECT")
    await rig.control.fault("foreign-object", 1, power_W=0.0)
    stranger = await rig.stranger(1)
    stranger.hello(WRONG_KEY)
    assert (await stranger.ask_raw(stranger.sealed(wire.CLEAR, ept.FOREIGN_OBJECT)))[1] != ept.NONE
    await stranger.close()
    assert ept.FOREIGN_OBJECT in await rig.faults(1)
    link = await rig.link(1)
    assert (await link.ask_limits()).floor_pct == limits.floor_pct


async def test_a_flood_of_two_strangers_costs_no_lease(rig):
    """As fast as they get in, for three leases; the host's renewals get through."""
    await rig.flowing()
    before, mark = await running(rig, 1), len(rig.events)
    ends_s = await rig.now_s() + 6.0

    async def flood(number: int) -> int:
        written = 0
        while await rig.now_s() < ends_s:
            stranger = await rig.stranger(1, number)
            while not stranger.lost.is_set() and await rig.now_s() < ends_s:
                many = [stranger.write(b"\x02\x02" + bytes(60)) for _ in range(20)]
                done = await asyncio.gather(*many, return_exceptions=True)
                written += sum(each is None for each in done)
            await stranger.close()
        return written

    written = await asyncio.gather(flood(0), flood(1))
    rig.note("flood", frames=sum(written))
    assert sum(written) >= 2 * links.FAILURES_MAX - 4  # a link is ended after so few
    assert await running(rig, 1) == before
    assert not [each for each in rig.of(TransferEnded, mark) if each.ept_ptx == "LEASE_LOST"]


async def test_oversize_frames_are_refused(rig):
    """As much as one write carries; the board keeps its command buffer and goes on."""
    for size in (128, 129, 250, 500):
        stranger = await rig.stranger(1)
        with contextlib.suppress(WptError):  # the stack may refuse it before the board does
            assert (await stranger.ask_raw(b"\x02\x02" + bytes(size - 2)))[1] == ept.BAD_LENGTH
        await stranger.close()
    assert await rig.grant(1) == ept.NONE


async def test_a_held_connection_is_ended(rig):
    stranger = await rig.stranger(1)
    since_s = await rig.now_s()
    await rig.until(stranger.lost.is_set, "the end of a silent link")
    held_s = await rig.now_s() - since_s
    rig.note("held", seconds=held_s)
    assert held_s <= links.HELLO_MAX_ms / 1000 + 2.0


async def test_strangers_that_take_every_link_do_not_keep_the_host_out(rig):
    """Three of them connect, hold, and come again at once; the host lost its link just then."""
    rig.quiet()
    stopping = asyncio.Event()

    async def hold(number: int) -> None:
        while not stopping.is_set():
            with contextlib.suppress(WptError):
                stranger = await rig.stranger(1, number)
                waiting = [
                    asyncio.ensure_future(each.wait()) for each in (stranger.lost, stopping)
                ]
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for each in waiting:
                    each.cancel()
                await stranger.close()

    holders = [asyncio.create_task(hold(number)) for number in range(3)]
    await rig.control.fault("link-drop", 1)
    await rig.until(lambda: rig.link_is_lost(1), "the second host's link to be lost")
    await rig.control.fault("link-drop", 1, on=False)
    since_s = await rig.now_s()
    try:
        while True:
            with contextlib.suppress(WptError):
                await (await rig.link(1)).ask()
                break
            assert await rig.now_s() - since_s <= BACK_AGAIN_s
            await asyncio.sleep(0.05)
        out_s = await rig.now_s() - since_s
    finally:
        stopping.set()
        await asyncio.gather(*holders, return_exceptions=True)
    rig.note("kept out", seconds=out_s)
    assert out_s <= BACK_AGAIN_s
    assert await rig.grant(1) == ept.NONE


async def test_two_hosts_with_the_key_do_not_confuse_a_board(rig):
    """The second one may stop, as a host; it gets no second transfer."""
    await rig.flowing()
    before = await running(rig, 1)
    assert await rig.grant(1) == ept.BUSY
    assert await rig.grant(2, wire.PRX) == ept.BUSY
    assert await running(rig, 1) == before
    mark = len(rig.events)
    rig.quiet()
    assert await rig.command(1, wire.STOP, before) == ept.NONE
    await rig.receipted(mark, 1, "STOPPED")


async def test_an_answer_of_a_stranger_is_not_believed():
    """What a false board sends is not sealed with the key, whatever it says."""
    frame = wire.pack_frame(wire.ACK, 1, 0, wire.HELLO, ept.NONE, 0, 0, 0, 0, 0, 500, 250)
    forged = frame + auth.tag(sha256, WRONG_KEY, auth.FROM_BOARD, frame)
    session = Session(bytes(32), wire.pack_challenge(3, 1, 0, 0, bytes(16)), bytes(16), int)
    session.hello()
    with pytest.raises(RemoteProtocolError, match="wrong tag"):
        session.open(forged)
