# SPDX-License-Identifier: MIT
"""An ESPHome Bluetooth proxy as a radio, over its native API (aioesphomeapi).

A proxy serves the one host that subscribed to its adverts. When that one unsubscribes or is gone,
it ends its connections; whoever else subscribes meanwhile gets nothing, and no word of it, or from
late 2026 on takes the first one's place.

It tells how many connections it has left. It may keep some that nobody uses: of an earlier
session, or leaked ones. They are freed before a connection is asked for, since a proxy that is
full only says so after a try.

From August 2025 on firmware tells twice that a connection has ended, and frees its slot with the
second word. A connect in between is dropped, and that word would be taken for its answer: so the
proxy's accounts are waited for.
"""

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aioesphomeapi.client import APIClient
from aioesphomeapi.model import BluetoothProxyFeature, DeviceInfo

from crowdcharge.errors import NoAdapter, RadioError
from crowdcharge.radio.advert_data import manufacturer_data
from crowdcharge.radio.base import Advert, OnAdvert, OnClosed, Proxy
from crowdcharge.radio.esphome_claim import ProxyClaim
from crowdcharge.radio.esphome_link import FAILURES, DISCONNECT_TIMEOUT_s, EsphomeLink, reason
from crowdcharge.radio.esphome_refusals import UnfitError, why
from crowdcharge.radio.mtu import settled_mtu
from wptcore import wire

if TYPE_CHECKING:
    from collections.abc import Coroutine

# What goes wrong is told by our own errors, not by log lines on a user's terminal.
logging.getLogger("aioesphomeapi").addHandler(logging.NullHandler())

OPEN_TIMEOUT_s = 8.0  # TCP, encryption and what the proxy is
CONNECT_TIMEOUT_s = 10.0
TOLD_TIMEOUT_s = 2.0  # for what a proxy tells without delay
ASK_EVERY_s = 5.0  # whom it serves, as long as nothing is heard
SLOTS_DEFAULT = 3  # ESPHome's own, for a proxy that does not tell its number
KEEPALIVE_s = 0.5  # aioesphomeapi gives a silent proxy up after 4.5 times that
_NOBODY = 0xFFFFFFFFFFFF  # an address that no device has
_ADDRESSES_MAX = 4096  # anyone can advertise under any number of addresses
_TAKEN = "another host takes it again and again; it is left to that one for a while"
_NEEDED = (
    BluetoothProxyFeature.ACTIVE_CONNECTIONS
    | BluetoothProxyFeature.REMOTE_CACHING
    | BluetoothProxyFeature.RAW_ADVERTISEMENTS
)


class EsphomeRadio:
    """One proxy; its API connection opens with the first scan and lasts until `close`.

    `identity` is the proxy's own address, by which one that was named twice is found out.
    """

    deaf_after_s = 3.0

    def __init__(self, proxy: Proxy) -> None:
        self.name = proxy.name
        self.identity = ""
        self.trouble = ""
        self._proxy = proxy
        self._client: APIClient | None = None
        self._claim = ProxyClaim()
        self._serves_us = asyncio.Event()  # as something that only its host gets has shown
        self._tells_whom = False  # as it has told its host of a connection that is none
        self._on_advert: OnAdvert | None = None
        self._kinds: dict[str, int] = {}  # address -> public or random
        self._links: dict[str, EsphomeLink] = {}
        self._connecting = asyncio.Lock()
        self._flags = 0
        self._slots = 0
        self._free = 0
        self._told_slots = asyncio.Event()
        self._kept: frozenset[str] = frozenset()  # addresses to which the proxy keeps a connection
        self._ending: set[str] = set()  # those of `_kept` that are being disconnected
        self._accounts_changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_up(self) -> bool:
        return self._client is not None

    @property
    def slots(self) -> int:
        return self._slots if self.is_up else 0

    def room(self, address: str) -> int:
        if not self.is_up:
            return 0
        if address in self._unused():
            return 1  # the connection that is kept becomes ours
        live = self._live()
        opening = sum(not self._links[each].is_connected for each in live - self._kept)
        return min(self._free - opening, self._slots - len(live))

    @property
    def is_disputed(self) -> bool:
        return self.is_up and self._free <= 0 and len(self._live()) < self._slots

    def _live(self) -> frozenset[str]:
        return frozenset(address for address, link in self._links.items() if not link.lost)

    def _unused(self) -> frozenset[str]:
        """Return the addresses that the proxy keeps connected though no link here uses them."""
        return self._kept - self._live()

    async def reclaim(self) -> None:
        async with self._connecting:
            for address in self._unused() - self._ending:
                await self._let_go(address)

    async def start_scan(self, on_advert: OnAdvert) -> None:
        self._on_advert = on_advert
        try:
            if self._client is None:
                await self._open()
        except FAILURES as error:
            raise NoAdapter(f"proxy {self.name}: {why(error, OPEN_TIMEOUT_s)}") from None

    async def _open(self) -> None:
        proxy = self._proxy
        if asyncio.get_running_loop().time() < self._claim.left_until_s:
            raise UnfitError(_TAKEN)
        client = APIClient(
            proxy.host,
            proxy.port,
            client_info="crowdcharge",
            keepalive=KEEPALIVE_s,
            noise_psk=proxy.key or None,
            provide_time=False,
        )

        async def stopped(_expected: bool) -> None:
            self._lose(client)

        try:
            async with asyncio.timeout(OPEN_TIMEOUT_s):
                await client.connect(on_stop=stopped, login=True, log_errors=False)
                info = await client.device_info()
            self._flags = _flags(client, info)
            self.identity = info.bluetooth_mac_address or info.mac_address
            await self._subscribe(client)
            self._client, self.trouble = client, ""
            await self._learn_slots(client)
        except BaseException:
            self._client = None
            client.force_disconnect()
            raise

    async def _subscribe(self, client: APIClient) -> None:
        """Become the host that the proxy serves; newer firmware tells that one of its scan."""
        self._serves_us.clear()
        client.subscribe_bluetooth_scanner_state(lambda _: self._serves_us.set())
        client.subscribe_bluetooth_le_raw_advertisements(self._on_adverts)
        tells = self._flags & BluetoothProxyFeature.FEATURE_STATE_AND_MODE
        if tells and not await _comes(self._serves_us):
            raise UnfitError(
                "it serves another host, such as Home Assistant, or still our last session"
            )
        self._start(self._stay_served(client))

    async def _stay_served(self, client: APIClient) -> None:
        """Ask, while nothing is heard, whether the proxy serves us still, or by now.

        Firmware of 2024 does not say that it serves somebody else, and never ceases to serve us;
        that of late 2026 does not say that it has ceased.
        """
        loop = asyncio.get_running_loop()
        self._claim.taken(loop.time())
        while True:
            self._serves_us.clear()
            await asyncio.sleep(ASK_EVERY_s)
            if self._client is client and not self._serves_us.is_set():
                await self._ask_whom_it_serves(client)
            if self._client is not client:
                return
            if self._serves_us.is_set():
                continue
            now_s = loop.time()
            if self._tells_whom and not self._claim.lost(now_s):
                self.trouble = f"proxy {self.name}: {_TAKEN}"
                client.force_disconnect()
                self._lose(client)
                return
            self._claim.taken(now_s)
            client.subscribe_bluetooth_le_raw_advertisements(self._on_adverts)
            await self._ask_whom_it_serves(client)  # its accounts come with the answer

    async def _ask_whom_it_serves(self, client: APIClient) -> None:
        """End a connection that is none: a proxy says that it is none to its host only."""
        with suppress(*FAILURES):
            await client.bluetooth_device_disconnect(_NOBODY, timeout=TOLD_TIMEOUT_s)
            self._tells_whom = True
            self._serves_us.set()

    async def _learn_slots(self, client: APIClient) -> None:
        self._slots = self._free = 0
        self._told_slots.clear()
        client.subscribe_bluetooth_connections_free(self._on_slots)
        if not await _comes(self._told_slots):
            self._slots = self._free = SLOTS_DEFAULT

    def _start(self, work: "Coroutine[Any, Any, None]") -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _lose(self, client: APIClient) -> None:
        if self._client is not client:
            return
        self._client = None
        self._account(0, frozenset())
        links, self._links = self._links, {}
        for link in links.values():
            link.lose()

    def _on_slots(self, free: int, limit: int, kept: list[int]) -> None:
        is_first = not self._told_slots.is_set()
        self._told_slots.set()
        self._slots = limit or max(self._slots, free)  # older firmware tells no limit
        self._account(free, frozenset(_text(number) for number in kept if number))
        if is_first and self._unused():  # they are of a session that nobody holds any more
            self._start(self.reclaim())

    def _account(self, free: int, kept: frozenset[str]) -> None:
        self._free, self._kept = free, kept
        self._ending &= kept
        self._accounts_changed.set()

    def _on_adverts(self, message: Any) -> None:
        self._serves_us.set()
        for raw in message.advertisements:
            data = manufacturer_data(raw.data, wire.COMPANY_ID)
            if data is None or self._on_advert is None:
                continue
            address = _text(raw.address)
            if address in self._kinds or len(self._kinds) < _ADDRESSES_MAX:
                self._kinds[address] = raw.address_type
                self._on_advert(Advert(address, raw.rssi, data, self.name))

    async def stop_scan(self) -> None:
        """Pass no adverts on, but stay subscribed: to unsubscribe would end the connections."""
        self._on_advert = None

    async def connect(self, address: str, on_closed: OnClosed, /) -> EsphomeLink:
        if address not in self._kinds:
            raise RadioError(f"{address} has not been heard by proxy {self.name}")
        client, old = self._client, self._links.get(address)
        if client is None:
            raise RadioError(f"proxy {self.name} is away")
        link = EsphomeLink(client, address, on_closed, self._forget, self._see_off)
        self._links[address] = link  # from now on it takes one of the slots
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_s):
                async with self._connecting:
                    await self._free_for(link, old)
                    await self._establish(client, link)
                await settled_mtu(lambda: link.mtu, lambda: not link.is_connected)
                link.mtu = link.mtu or wire.MTU_MIN  # not told: a longer frame would fail
                link.learn(await client.bluetooth_gatt_get_services(link.number))
        except FAILURES as error:
            link.abandon()
            text = f"cannot connect to {address} by proxy {self.name}: {reason(error)}"
            raise RadioError(text) from None
        except BaseException:
            link.abandon()
            raise
        return link

    async def _free_for(self, link: EsphomeLink, old: EsphomeLink | None) -> None:
        """Wait for an earlier link to the address to end, or its end would be taken for ours."""
        address = link.address
        with suppress(TimeoutError):
            async with asyncio.timeout(DISCONNECT_TIMEOUT_s):
                if old is not None:
                    await (old.gone.wait() if old.lost else old.close())
                elif address in self._kept - self._ending:
                    await self._let_go(address)
                await self._see_off(address)

    async def _see_off(self, address: str) -> None:
        """Wait until the proxy keeps no connection to the address."""
        while address in self._kept:
            self._accounts_changed.clear()
            await self._accounts_changed.wait()

    async def _establish(self, client: APIClient, link: EsphomeLink) -> None:
        link.stop_states = await client.bluetooth_device_connect(
            link.number,
            link.on_state,
            timeout=CONNECT_TIMEOUT_s,
            disconnect_timeout=DISCONNECT_TIMEOUT_s,
            feature_flags=self._flags,
            address_type=self._kinds[link.address],
        )
        link.check()

    async def _let_go(self, address: str) -> None:
        """End whatever connection the proxy keeps to the address."""
        client = self._client
        if client is None:
            return
        number = int(address.replace(":", ""), 16)
        with suppress(*FAILURES):
            await client.bluetooth_device_disconnect(number, timeout=DISCONNECT_TIMEOUT_s)

    def _forget(self, link: EsphomeLink) -> None:
        if self._links.get(link.address) is link:
            del self._links[link.address]
        if link.mtu and link.address in self._kept:  # it was connected
            self._ending.add(link.address)

    async def close(self) -> None:
        await self.stop_scan()
        for task in self._tasks:
            task.cancel()
        client, self._client = self._client, None
        links, self._links = self._links, {}
        for link in links.values():
            link.lose()
        if client is not None:
            try:
                async with asyncio.timeout(DISCONNECT_TIMEOUT_s):
                    await client.disconnect()
            except FAILURES:
                client.force_disconnect()


def _text(number: int) -> str:
    """Return an address as every radio writes it."""
    return ":".join(f"{byte:02X}" for byte in (number & 0xFFFFFFFFFFFF).to_bytes(6, "big"))


def _flags(client: APIClient, info: DeviceInfo) -> int:
    """Return what the proxy can do; APIConnectionError if that is too little."""
    version = client.api_version
    flags = info.bluetooth_proxy_feature_flags_compat(version) if version else 0
    if flags & _NEEDED != _NEEDED:
        raise UnfitError("it is no Bluetooth proxy with active connections, or too old")
    return flags


async def _comes(event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(TOLD_TIMEOUT_s):
            return await event.wait()
    except TimeoutError:
        return False
