# SPDX-License-Identifier: MIT
"""The radio of proxies against a server that is not the bench's, as firmware old and new is."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crowdcharge import policy as policies
from crowdcharge.bench.sessions.core_radio import CoreAir, CoreRadio
from crowdcharge.bench.sessions.steady_board import SteadyBoard
from crowdcharge.boards.link import BoardLink
from crowdcharge.boards.models import Beacon
from crowdcharge.clock import BoardClock
from crowdcharge.errors import NoAdapter, RadioError
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.radio import esphome_radio, open_radios
from crowdcharge.radio.base import Proxy, Radio
from wptcore import wire

from . import other_proxy as esphome
from .other_proxy import Firmware, OtherProxy
from .waiting import until

KEY = bytes(range(32))
STEP_s = 0.1
LEASE_s = 4.0


class Room:
    """Boards that are cores, proxies that are not ours, and a host's radio on all of them."""

    def __init__(self) -> None:
        self.air = CoreAir({number: SteadyBoard(number, 50, 60.0) for number in range(1, 5)})
        self.told: list[str] = []
        self.proxies: list[OtherProxy] = []
        self.radios: list[Any] = []
        self._living = asyncio.ensure_future(self._live())

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            for board in self.air.boards.values():
                board.step(loop.time(), round(STEP_s * 1000))
                self.air.advertise(board)
            await asyncio.sleep(STEP_s)

    async def proxy(self, key: bytes = b"", **firmware: Any) -> OtherProxy:
        mac = f"C0:FF:EE:00:00:{len(self.proxies) + 1:02X}"
        made = OtherProxy(CoreRadio(self.air), Firmware(**{"mac": mac, **firmware}), key)
        self.proxies.append(made)
        await made.start()
        return made

    def radio(self, *proxies: Proxy) -> Any:
        reached = proxies or [self.reach(each) for each in self.proxies]
        self.radios.append(open_radios([], reached, 7, self.told.append))
        return self.radios[-1]

    @staticmethod
    def reach(proxy: OtherProxy, host: str = "127.0.0.1") -> Proxy:
        return Proxy(host, proxy.port, base64.b64encode(proxy.key).decode())

    def address(self, board_id: int = 1) -> str:
        return self.air.boards[board_id].address

    async def listening(self, *proxies: Proxy) -> Any:
        """Return a radio that hears the boards."""
        radio = self.radio(*proxies)
        await radio.start_scan(ignore)
        await until(lambda: radio.hearing(self.address()), "the board to be heard")
        return radio

    async def open(self, radio: Radio, board_id: int = 1) -> BoardLink:
        """Authenticate a board, as the host does."""
        board, clock = self.air.boards[board_id], BoardClock(1.0)
        return await BoardLink.open(radio, board.address, board_id, board.key, bytes, clock)

    async def close(self) -> None:
        for radio in self.radios:
            await radio.close()
        for proxy in self.proxies:
            await proxy.stop()
        self._living.cancel()


def ignore(_advert: object) -> None:
    pass


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    made = Room()
    try:
        yield made
    finally:
        await made.close()


@pytest.mark.parametrize(
    "firmware",
    [
        {},
        {"api": (1, 9), "features": 1 | 2 | 4 | 32, "short_uuids": False},
        {"api": (1, 10), "tells_allocated": False, "login_answer": True},
        {"api": (1, 99), "features": 0xFFFF},
        {"tells_limit": False, "tells_allocated": False},
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
    ],
    ids=str,
)
async def test_a_board_is_authenticated_whatever_the_firmware(
    room: Room, firmware: dict[str, Any]
) -> None:
    proxy = await room.proxy(**firmware)
    radio = await room.listening()
    if proxy.firmware.refuses:
        with pytest.raises(RadioError):
            await room.open(radio)
    link = await room.open(radio)
    assert (await link.status()).board_id == 1
    await link.close()
    await until(lambda: not proxy.slots, "the slot to be free")
    again = await room.open(radio)
    await again.close()
    assert room.told == []


async def test_all_slots_are_used_one_after_the_other(room: Room) -> None:
    for told in ({}, {"tells_limit": False, "tells_allocated": False}):
        proxy = await room.proxy(**told)
        radio = await room.listening(room.reach(proxy))
        links = await asyncio.gather(*(room.open(radio, number) for number in (1, 2, 3)))
        assert len(proxy.slots) == 3
        with pytest.raises(RadioError):
            await room.open(radio, 4)
        await asyncio.gather(*(link.close() for link in links))


async def test_a_scanner_that_is_started_anew_costs_no_connection(room: Room) -> None:
    """A proxy ends its connections when the host that it serves unsubscribes from adverts."""
    await room.proxy()
    radio = await room.listening()
    link = await room.open(radio)
    await radio.stop_scan()
    await asyncio.sleep(0.2)
    await radio.start_scan(ignore)
    await asyncio.sleep(0.2)
    assert not link.closed
    assert (await link.status()).board_id == 1


async def test_a_proxy_that_serves_another_host_is_told_and_left_alone(room: Room) -> None:
    proxy, good = await room.proxy(), await room.proxy()
    other = await room.listening(room.reach(proxy))
    held = await room.open(other)
    radio = await room.listening(room.reach(proxy), room.reach(good))
    await until(lambda: room.told, "a line")
    (line,) = room.told
    assert line.startswith(f"proxy 127.0.0.1:{proxy.port}: ")
    assert "another host" in line
    assert not held.closed
    assert (await held.status()).board_id == 1
    await other.close()
    await until(lambda: len(radio.hearing(room.address())) == 2, "both", 15.0)
    assert room.told[1:] == [f"127.0.0.1:{proxy.port} is back"]


async def test_older_firmware_that_serves_another_host_is_asked_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(esphome_radio, "SUBSCRIBE_EVERY_s", 1.0)
    proxy = await room.proxy(features=1 | 2 | 4 | 32)
    other = await room.listening()
    radio = room.radio()
    await radio.start_scan(ignore)
    await asyncio.sleep(0.5)
    assert radio.hearing(room.address()) == {}
    await other.close()
    await until(lambda: radio.hearing(room.address()), "the board", 15.0)
    link = await room.open(radio)
    await link.close()
    assert not proxy.slots


async def test_firmware_that_serves_whoever_came_last_is_asked_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(esphome_radio, "SUBSCRIBE_EVERY_s", 1.0)
    proxy = await room.proxy(newest_wins=True)
    await room.listening()
    first = proxy.subscriber
    await room.listening()
    assert proxy.subscriber is not first
    await until(lambda: proxy.subscriber is first, "the first to be served again")


async def test_one_proxy_under_two_names_is_used_once(room: Room) -> None:
    proxy = await room.proxy()
    radio = await room.listening(room.reach(proxy), room.reach(proxy, "localhost"))
    await until(lambda: room.told, "a line")
    assert "it is the same as" in room.told[0]
    assert radio.slots == 3


@pytest.mark.parametrize(("key", "words"), [(b"w" * 32, "key is wrong"), (b"", "EOF")])
async def test_a_wrong_key_is_one_line(room: Room, key: bytes, words: str) -> None:
    """Without any, very old firmware just hangs up."""
    proxy = await room.proxy(KEY)
    reached = Proxy("127.0.0.1", proxy.port, base64.b64encode(key).decode())
    with pytest.raises(NoAdapter, match=words):
        await room.radio(reached).start_scan(ignore)


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
    room: Room, firmware: dict[str, Any], words: str
) -> None:
    proxy = await room.proxy(**firmware)
    with pytest.raises(NoAdapter) as caught:
        await room.radio().start_scan(ignore)
    text = str(caught.value)
    assert text.startswith(f"proxy 127.0.0.1:{proxy.port}: ")
    assert words in text
    assert "\n" not in text


async def test_a_connect_that_fails_late_leaves_nothing_behind(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(esphome_radio, "CONNECT_TIMEOUT_s", 1.0)
    proxy = await room.proxy(services_s=30.0)
    radio = await room.listening()
    with pytest.raises(RadioError):
        await room.open(radio)
    await until(lambda: not proxy.slots, "the slot to be free")
    proxy.firmware.services_s = 0.0
    closed: list[str] = []
    link = await radio.connect(room.address(), lambda: closed.append("second"))
    await link.close()
    assert closed == ["second"]


async def test_a_refused_connect_leaves_no_ear_behind(room: Room) -> None:
    proxy = await room.proxy(refuses=1)
    radio = await room.listening()
    closed: list[str] = []
    with pytest.raises(RadioError):
        await radio.connect(room.address(), lambda: closed.append("first"))
    link = await radio.connect(room.address(), lambda: closed.append("second"))
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
    room: Room, how: Callable[[OtherProxy], Coroutine[Any, Any, None]]
) -> None:
    proxy = await room.proxy()
    radio = await room.listening()
    link = await room.open(radio)
    await how(proxy)
    await until(lambda: link.closed, "the end of the link", 5.0)
    await until(lambda: len(room.told) == 2, "both lines")
    assert "was lost" in room.told[0] and "is back" in room.told[1]
    await until(lambda: radio.hearing(room.address()), "the board")
    await until(lambda: not proxy.slots, "the slot to be free")
    await (await room.open(radio)).close()


async def test_a_proxy_may_ping_and_ask_for_the_time(room: Room) -> None:
    proxy = await room.proxy()
    radio = await room.listening()
    session = next(iter(proxy.sessions))
    session.send(esphome.PING)
    session.send(esphome.TIME)
    session.send(200, b"\x08\x01")  # a message that nobody knows
    await until(lambda: any(kind == esphome.PING_ANSWER for kind, _ in proxy.asked), "an answer")
    assert radio.hearing(room.address())


async def test_a_link_that_the_board_ends_is_lost_at_once(room: Room) -> None:
    await room.proxy()
    radio = await room.listening()
    link = await room.open(radio)
    for each in list(room.air.boards[1].links.values()):
        each.drop()
    await until(lambda: link.closed, "the end", 1.0)
    with pytest.raises(RadioError):
        await link.status()


async def test_a_gatt_error_ends_the_link_and_its_slot(room: Room) -> None:
    proxy = await room.proxy()
    radio = await room.listening()
    link = await radio.connect(room.address(), ignore_end)
    proxy.firmware.lacks = (wire.CHALLENGE_UUID,)
    with pytest.raises(RadioError):
        await link.read(wire.CHALLENGE_UUID)
    proxy.firmware.lacks = ()
    await until(lambda: not proxy.slots, "the slot to be free")
    await (await room.open(radio)).close()


def ignore_end() -> None:
    pass


async def test_a_transfer_outlives_the_proxy_that_it_began_with(
    room: Room, tmp_path: Path
) -> None:
    """A whole host over two proxies, of which the one in use loses its power."""
    giver, taker = room.air.boards[1], room.air.boards[2]
    giver.energy_mJ, taker.energy_mJ = 0.9 * giver.capacity_mJ, 0.1 * taker.capacity_mJ
    giver.peers, taker.peers = [taker], [giver]
    await room.proxy(KEY)
    await room.proxy(tells_allocated=False)
    keys = {number: room.air.boards[number].key for number in (1, 2)}
    with Store.create(tmp_path / "ledger.sqlite") as store:
        orchestrator = Orchestrator(
            radio=room.radio(),
            store=store,
            keys=keys,
            policy=policies.make("oblivious-share"),
            contacts=ContactSchedule(60.0, (((1, 2),),)),
            clock=BoardClock(1.0),
            rng=np.random.default_rng(1),
            emit=ignore,
            terms=TransferTerms(lease_ms=round(1000 * LEASE_s)),
        )
        running = asyncio.create_task(orchestrator.run())
        await until(lambda: taker.core.receiver_on and giver.core.pulses_on, "a transfer")
        used = next(each for each in room.proxies if each.slots)
        room.proxies.remove(used)
        await used.stop()
        await asyncio.sleep(LEASE_s)
        assert giver.core.pulses_on
        assert len(room.proxies[0].slots) == 2
        orchestrator.stop()
        await running
        (transfer,) = store.book.transfers.values()
        assert [each for each in verify(store.rows(), keys) if each.wrong] == []
    beacons = [Beacon.unpack(each.beacon()) for each in (giver, taker)]
    assert transfer.state == "settled"
    assert transfer.sent_mJ == beacons[0].sent_mJ > transfer.received_mJ > 4000
    assert transfer.received_mJ == beacons[1].received_mJ
