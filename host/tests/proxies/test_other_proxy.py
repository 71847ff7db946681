# SPDX-License-Identifier: MIT
"""The radio of proxies against a server that is not the bench's, as firmware old and new is."""

import asyncio
import base64
from typing import Any

import pytest

from crowdcharge.errors import NoAdapter, RadioError
from crowdcharge.radio import esphome_radio
from crowdcharge.radio.base import Proxy

from . import other_proxy as esphome
from .other_room import KEY, OtherRoom, ignore
from .waiting import until


@pytest.mark.parametrize(
    "firmware",
    [
        {},
        {"api": (1, 9), "features": 1 | 2 | 4 | 32, "short_uuids": False},
        {"api": (1, 10), "tells_allocated": False, "login_answer": True, "close_s": 0.0},
        {"api": (1, 99), "features": 0xFFFF},
        {"tells_limit": False, "tells_allocated": False, "close_s": 0.0},
        {"lag_s": 0.05},
        {"tells_scanner": False},
        {"mtus": (0,)},
        {"free_told": 0},
        {"free_told": 9},
        {"mtus": (23, 247)},
        {"services_s": 1.0},
        {"notifies_early": b"early"},
        {"padding": bytes(20)},
        {"padding": b"\xff\x01"},
        {"refuses": 1},
        {"key": KEY},
        {"key": KEY, "hello": b""},
        {"key": KEY, "hello": b"other\0"},
        {"key": KEY, "piece": 1},
        {"piece": 1},
        {"piece": 100},
        {"address_type": 0},
        {"tells_slots": "at once"},
        {"tells_slots": "never", "close_s": 0.0},
        {"features": 1 | 2 | 4 | 32, "tells_slots": "never", "close_s": 0.0, "mtus": (0,)},
    ],
    ids=str,
)
async def test_a_board_is_authenticated_whatever_the_firmware(
    other_room: OtherRoom, firmware: dict[str, Any]
) -> None:
    proxy = await other_room.proxy(**firmware)
    radio = await other_room.listening()
    if proxy.firmware.refuses:
        with pytest.raises(RadioError):
            await other_room.open(radio)
    link = await other_room.open(radio)
    assert (await link.status()).board_id == 1
    await link.close()
    await until(lambda: not proxy.slots, "the slot to be free")
    again = await other_room.open(radio)
    await again.close()
    assert other_room.told == []


async def test_all_slots_are_used_one_after_the_other(other_room: OtherRoom) -> None:
    for told in ({}, {"tells_limit": False, "tells_allocated": False, "close_s": 0.0}):
        proxy = await other_room.proxy(**told)
        radio = await other_room.listening(other_room.reach(proxy))
        links = await asyncio.gather(*(other_room.open(radio, number) for number in (1, 2, 3)))
        assert len(proxy.slots) == 3
        with pytest.raises(RadioError):
            await other_room.open(radio, 4)
        await asyncio.gather(*(link.close() for link in links))


async def test_a_scanner_that_is_started_anew_costs_no_connection(other_room: OtherRoom) -> None:
    """A proxy ends its connections when the host that it serves unsubscribes from adverts."""
    await other_room.proxy()
    radio = await other_room.listening()
    link = await other_room.open(radio)
    await radio.stop_scan()
    await asyncio.sleep(0.2)
    await radio.start_scan(ignore)
    await asyncio.sleep(0.2)
    assert not link.closed
    assert (await link.status()).board_id == 1


async def test_a_proxy_that_serves_another_host_is_told_and_left_alone(
    other_room: OtherRoom,
) -> None:
    proxy, good = await other_room.proxy(), await other_room.proxy()
    other = await other_room.listening(other_room.reach(proxy))
    held = await other_room.open(other)
    radio = await other_room.listening(other_room.reach(proxy), other_room.reach(good))
    await until(lambda: other_room.told, "a line")
    (line,) = other_room.told
    assert line.startswith(f"proxy 127.0.0.1:{proxy.port}: ")
    assert "another host" in line
    assert not held.closed
    assert (await held.status()).board_id == 1
    await other.close()
    await until(lambda: len(radio.hearing(other_room.address())) == 2, "both", 15.0)
    assert other_room.told[1:] == [f"127.0.0.1:{proxy.port} is back"]


async def test_older_firmware_that_serves_another_host_is_asked_again(
    other_room: OtherRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(esphome_radio, "ASK_EVERY_s", 1.0)
    proxy = await other_room.proxy(features=1 | 2 | 4 | 32)
    other = await other_room.listening()
    radio = other_room.radio()
    await radio.start_scan(ignore)
    await asyncio.sleep(0.5)
    assert radio.hearing(other_room.address()) == {}
    await other.close()
    await until(lambda: radio.hearing(other_room.address()), "the board", 15.0)
    link = await other_room.open(radio)
    await link.close()
    await until(lambda: not proxy.slots, "the slot to be free")


async def test_firmware_that_serves_whoever_came_last_is_asked_again(
    other_room: OtherRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(esphome_radio, "ASK_EVERY_s", 1.0)
    proxy = await other_room.proxy(newest_wins=True)
    await other_room.listening()
    first = proxy.subscriber
    await other_room.listening()
    assert proxy.subscriber is not first
    await until(lambda: proxy.subscriber is first, "the first to be served again")


async def test_two_hosts_do_not_take_a_proxy_from_each_other_for_ever(
    other_room: OtherRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them keeps it, and the other says why it has it not, and goes on by another one."""
    monkeypatch.setattr(esphome_radio, "ASK_EVERY_s", 0.5)
    monkeypatch.setattr(esphome_radio, "TOLD_TIMEOUT_s", 0.5)
    shared, own = await other_room.proxy(newest_wins=True), await other_room.proxy()
    first = await other_room.listening(other_room.reach(shared), other_room.reach(own))
    await other_room.listening(other_room.reach(shared))
    await until(lambda: other_room.told, "a line")
    assert shared.takings <= 3
    await asyncio.sleep(4.0)
    assert shared.takings <= 3
    assert shared.subscriber is not None
    (line,) = other_room.told
    assert line.startswith(f"proxy 127.0.0.1:{shared.port}: another host takes it again and again")
    await (await other_room.open(first)).close()


async def test_one_proxy_under_two_names_is_used_once(other_room: OtherRoom) -> None:
    proxy = await other_room.proxy()
    radio = await other_room.listening(
        other_room.reach(proxy), other_room.reach(proxy, "localhost")
    )
    await until(lambda: other_room.told, "a line")
    assert "it is the same as" in other_room.told[0]
    assert radio.slots == 3


@pytest.mark.parametrize("newest_wins", [False, True])
async def test_a_session_that_a_proxy_still_holds_is_only_waited_for(
    other_room: OtherRoom, newest_wins: bool
) -> None:
    """It has not noticed that its client is gone, and notices when the next one is there."""
    proxy = await other_room.proxy(lingers_s=1.5, newest_wins=newest_wins)
    radio = await other_room.listening()
    link = await other_room.open(radio)
    next(iter(proxy.sessions)).transport.abort()
    await until(lambda: link.closed, "the end of the link", 1.0)
    await until(lambda: len(other_room.told) > 1 and "is back" in other_room.told[-1], "it", 12.0)
    await until(lambda: radio.hearing(other_room.address()), "the board")
    link = await other_room.open(radio)
    await asyncio.sleep(1.5)
    assert (await link.status()).board_id == 1


async def test_a_proxy_with_ipv6(other_room: OtherRoom) -> None:
    proxy = await other_room.proxy(KEY)
    await proxy.stop()
    await proxy.start("::1")
    radio = await other_room.listening(other_room.reach(proxy, "::1"))
    await (await other_room.open(radio)).close()
    assert other_room.told == []


@pytest.mark.parametrize(
    ("has", "given", "words"),
    [(KEY, b"", "wants an encryption key"), (b"", KEY, "has no encryption: leave the key out")],
)
async def test_whether_a_proxy_has_encryption_is_one_line(
    other_room: OtherRoom, has: bytes, given: bytes, words: str
) -> None:
    proxy = await other_room.proxy(has, says_why=True)
    reached = Proxy("127.0.0.1", proxy.port, base64.b64encode(given).decode())
    with pytest.raises(NoAdapter, match=words):
        await other_room.radio(reached).start_scan(ignore)


@pytest.mark.parametrize(("key", "words"), [(b"w" * 32, "key is wrong"), (b"", "EOF")])
async def test_a_wrong_key_is_one_line(other_room: OtherRoom, key: bytes, words: str) -> None:
    """Without any, very old firmware just hangs up."""
    proxy = await other_room.proxy(KEY)
    reached = Proxy("127.0.0.1", proxy.port, base64.b64encode(key).decode())
    with pytest.raises(NoAdapter, match=words):
        await other_room.radio(reached).start_scan(ignore)


@pytest.mark.parametrize(
    ("firmware", "words"),
    [
        ({"password": True}, "password"),
        ({"api": (3, 0)}, "Incompatible API version"),
        ({"features": 1 | 32}, "no Bluetooth proxy with active connections"),
        ({"features": 1 | 2 | 4}, "too old"),
        ({"features": 1 | 2 | 32}, "too old"),
        ({"is_dumb_after": esphome.HELLO}, "not received"),
    ],
    ids=str,
)
async def test_a_proxy_that_does_not_do_is_one_line(
    other_room: OtherRoom, firmware: dict[str, Any], words: str
) -> None:
    proxy = await other_room.proxy(**firmware)
    with pytest.raises(NoAdapter) as caught:
        await other_room.radio().start_scan(ignore)
    text = str(caught.value)
    assert text.startswith(f"proxy 127.0.0.1:{proxy.port}: ")
    assert words in text
    assert "\n" not in text
