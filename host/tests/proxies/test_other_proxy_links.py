# SPDX-License-Identifier: MIT
"""Connections by proxies that are not the bench's: how they end, and what is left behind."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from crowdcharge.errors import RadioError
from crowdcharge.radio import esphome_radio
from crowdcharge.radio.base import Link
from wptcore import wire

from . import other_proxy as esphome
from .other_proxy import OtherProxy
from .other_room import OtherRoom, ignore
from .waiting import until


async def test_a_connect_that_fails_late_leaves_nothing_behind(
    other_room: OtherRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(esphome_radio, "CONNECT_TIMEOUT_s", 1.0)
    proxy = await other_room.proxy(services_s=30.0)
    radio = await other_room.listening()
    with pytest.raises(RadioError):
        await other_room.open(radio)
    await until(lambda: not proxy.slots, "the slot to be free")
    proxy.firmware.services_s = 0.0
    closed: list[str] = []
    link = await radio.connect(other_room.address(), lambda: closed.append("second"))
    await link.close()
    assert closed == ["second"]


async def test_a_refused_connect_leaves_no_ear_behind(other_room: OtherRoom) -> None:
    proxy = await other_room.proxy(refuses=1)
    radio = await other_room.listening()
    closed: list[str] = []
    with pytest.raises(RadioError):
        await radio.connect(other_room.address(), lambda: closed.append("first"))
    link = await radio.connect(other_room.address(), lambda: closed.append("second"))
    next(iter(proxy.slots.values())).link.drop()  # type: ignore[union-attr]
    await until(lambda: closed, "the end")
    assert closed == ["second"]
    assert link.lost


async def _asks_for_the_end(proxy: OtherProxy) -> None:
    next(iter(proxy.sessions)).send(esphome.END)


async def _cuts(proxy: OtherProxy) -> None:
    next(iter(proxy.sessions)).transport.abort()


async def _falls_silent(proxy: OtherProxy) -> None:
    next(iter(proxy.sessions)).is_dumb = True


@pytest.mark.parametrize("how", [_asks_for_the_end, _cuts, _falls_silent])
async def test_a_lost_api_connection_ends_the_links_and_comes_back(
    other_room: OtherRoom, how: Callable[[OtherProxy], Coroutine[Any, Any, None]]
) -> None:
    proxy = await other_room.proxy()
    radio = await other_room.listening()
    link = await other_room.open(radio)
    await how(proxy)
    await until(lambda: link.closed, "the end of the link", 5.0)
    await until(lambda: len(other_room.told) == 2, "both lines")
    assert "was lost" in other_room.told[0] and "is back" in other_room.told[1]
    await until(lambda: radio.hearing(other_room.address()), "the board")
    await until(lambda: not proxy.slots, "the slot to be free")
    await (await other_room.open(radio)).close()


async def test_a_proxy_may_ping_and_ask_for_the_time(other_room: OtherRoom) -> None:
    proxy = await other_room.proxy()
    radio = await other_room.listening()
    session = next(iter(proxy.sessions))
    session.send(esphome.PING)
    session.send(esphome.TIME)
    session.send(200, b"\x08\x01")  # a message that nobody knows
    await until(lambda: any(kind == esphome.PING_ANSWER for kind, _ in proxy.asked), "an answer")
    assert radio.hearing(other_room.address())


async def test_a_link_that_the_board_ends_is_lost_at_once(other_room: OtherRoom) -> None:
    await other_room.proxy()
    radio = await other_room.listening()
    link = await other_room.open(radio)
    await _board_goes(other_room, link)
    await until(lambda: link.closed, "the end", 1.0)
    with pytest.raises(RadioError):
        await link.status()


async def test_a_gatt_error_ends_the_link_and_its_slot(other_room: OtherRoom) -> None:
    proxy = await other_room.proxy()
    radio = await other_room.listening()
    link = await radio.connect(other_room.address(), ignore)
    proxy.firmware.lacks = (wire.CHALLENGE_UUID,)
    with pytest.raises(RadioError):
        await link.read(wire.CHALLENGE_UUID)
    proxy.firmware.lacks = ()
    await until(lambda: not proxy.slots, "the slot to be free")
    await (await other_room.open(radio)).close()


async def _closes(_room: OtherRoom, link: Link) -> None:
    await link.close()


async def _board_goes(other_room: OtherRoom, _link: object) -> None:
    for each in list(other_room.air.boards[1].links.values()):
        each.drop()


async def _read_fails(other_room: OtherRoom, link: Link) -> None:
    other_room.proxies[0].firmware.lacks = (wire.CHALLENGE_UUID,)
    with pytest.raises(RadioError):
        await link.read(wire.CHALLENGE_UUID)
    other_room.proxies[0].firmware.lacks = ()


@pytest.mark.parametrize("firmware", [{"close_s": 0.3}, {"close_s": 0.0}], ids=str)
@pytest.mark.parametrize("end", [_closes, _board_goes, _read_fails])
async def test_after_any_end_the_next_connect_waits_for_the_proxys_accounts(
    other_room: OtherRoom,
    end: Callable[[OtherRoom, Link], Coroutine[Any, Any, None]],
    firmware: dict[str, float],
) -> None:
    """Newer firmware drops a connect before, and tells of the old end once more after it."""
    await other_room.proxy(lag_s=0.05, **firmware)
    radio = await other_room.listening()
    lost = asyncio.Event()
    await end(other_room, await radio.connect(other_room.address(), lost.set))
    async with asyncio.timeout(1.0):
        await lost.wait()
    link = await other_room.open(radio)
    assert (await link.status()).board_id == 1


async def test_who_waits_for_a_proxys_accounts_is_told_when_it_is_lost(
    other_room: OtherRoom,
) -> None:
    proxy = await other_room.proxy(close_s=2.5)
    radio = await other_room.listening()
    await _board_goes(other_room, await radio.connect(other_room.address(), ignore))
    connecting = asyncio.create_task(radio.connect(other_room.address(), ignore))
    await asyncio.sleep(0.2)
    assert not connecting.done()
    await _cuts(proxy)
    with pytest.raises(RadioError):
        async with asyncio.timeout(1.0):
            await connecting


async def test_a_board_that_has_gone_holds_its_proxies_and_nobody_else(
    other_room: OtherRoom,
) -> None:
    """An ESP32 cannot stop a connect, and hears nothing meanwhile; its connections go on."""
    first, second = [await other_room.proxy(gives_up_s=1.0) for _ in range(2)]
    radio = await other_room.listening()
    await until(lambda: len(radio.hearing(other_room.address())) == 2, "both")
    link = await other_room.open(radio, 2)
    other_room.air.part(other_room.air.boards[1])
    with pytest.raises(RadioError):
        await radio.connect(other_room.address(), ignore)
    assert (await link.status()).board_id == 2
    await until(lambda: radio.hearing(other_room.address(3)), "another board")
    await (await other_room.open(radio, 3)).close()
    await until(lambda: len(first.slots) + len(second.slots) == 1, "the others to be free")
    assert other_room.told == []
