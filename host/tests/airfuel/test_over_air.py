# SPDX-License-Identifier: MIT
"""Both sides over the bench's air, without a VM: the core stands behind bumble's GATT server.

The boards' own radio code is in host/tests/ports/test_airfuel_port.py, and all of it together, on
real VMs, in test_on_bench.py.
"""

import asyncio
import hashlib
import statistics
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from bumble import gatt, hci
from bumble.device import Device
from bumble.transport import open_transport

from crowdcharge.bench.radio.air import Air
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.bench.radio.hci_ports import serve_hci_tcp
from crowdcharge.boards.airfuel import PruDynamic, exchange
from crowdcharge.radio.bleak_radio import BleakRadio
from wptcore import airfuel, wire
from wptcore.board import Board
from wptcore.journal import Saved
from wptcore.limits import Limits
from wptcore.receiving_unit import ReceivingUnit

from .stock import ALERT, DISABLE, DYNAMIC, INTERVAL_ms, Stock

pytestmark = pytest.mark.bench
BOARD_ID, ADDRESS = 3, "C0:00:00:00:00:01"
LINK = 1
ADVERT_ms = 20
EXCHANGES = 3  # the best counts: a busy machine makes this slow and not red
Properties = gatt.Characteristic.Properties
WRITTEN = Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE
ALERTED = Properties.READ | Properties.NOTIFY | Properties.INDICATE


class Receiver:
    """A board at rest, and its values on the air; `transports`: radios for two transmitters."""

    def __init__(self) -> None:
        limits = Limits(3000, 5500, 3000, 12_000, 600, -100, 450, 100_000)
        self.board = Board(BOARD_ID, bytes(32), limits, wire.PRX, Saved(), hashlib.sha256)
        self.board.on_soc(600)
        for _ in range(12):
            self.board.on_sample(4000, 0, 250, 250, 20)
        self.unit = ReceivingUnit(self.board, limits)
        self.board.on_link(LINK, bytes(16))
        self.controls: list[bytes] = []
        self.air = Air(1)

    async def start(self) -> None:
        own, *others = [
            await serve_hci_tcp(self.air, f"radio {number}", f"{ADDRESS[:-1]}{number}")
            for number in (1, 2, 3)
        ]
        self.transports = [f"tcp-client:127.0.0.1:{port}" for port in others]
        self._own = await open_transport(f"tcp-client:127.0.0.1:{own}")
        self._device = Device.with_hci("board", hci.Address(ADDRESS), *self._own)
        self.service = self._service()
        self._device.add_service(self.service)
        await self._device.power_on()
        beacon = bytearray(wire.BEACON_SIZE)
        self.board.pack_beacon_into(beacon, 0)
        await self._device.start_advertising(
            own_address_type=hci.OwnAddressType.PUBLIC,
            auto_restart=True,
            advertising_interval_min=ADVERT_ms,
            advertising_interval_max=ADVERT_ms,
            advertising_data=airfuel.pack_advert(self.service.handle),
            scan_response_data=bytes((3 + len(beacon), 0xFF, 0xFF, 0xFF)) + bytes(beacon),
        )

    def _service(self) -> gatt.Service:
        def control(_link: object, value: bytes) -> None:
            self.controls.append(bytes(value))
            self.unit.on_control(LINK, bytes(value))

        def static(_link: object, value: bytes) -> None:
            self.unit.on_static(LINK, bytes(value))

        written = gatt.CharacteristicValue(write=control)
        registered = gatt.CharacteristicValue(write=static)
        dynamic = gatt.CharacteristicValue(read=lambda _link: self.unit.dynamic)
        readable, writable = gatt.Characteristic.READABLE, gatt.Characteristic.WRITEABLE
        self._alert = gatt.Characteristic(airfuel.PRU_ALERT, ALERTED, readable, b"\x00")
        rows = (
            gatt.Characteristic(airfuel.PRU_CONTROL, WRITTEN, writable, written),
            gatt.Characteristic(airfuel.PTU_STATIC, WRITTEN, writable, registered),
            self._alert,
            gatt.Characteristic(airfuel.PRU_STATIC, Properties.READ, readable, self.unit.static),
            gatt.Characteristic(airfuel.PRU_DYNAMIC, Properties.READ, readable, dynamic),
        )
        return gatt.Service(f"{airfuel.SERVICE:04X}", list(rows))

    async def alert(self) -> None:
        self._alert.value = bytes((self.unit.alert,))
        await self._device.notify_subscribers(self._alert)

    async def close(self) -> None:
        await self._own.close()
        await self.air.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.close()


async def test_a_stock_transmitter_keeps_the_profiles_times(receiver, note):
    runs = []
    for _ in range(EXCHANGES):
        stock = Stock(receiver.transports[0], ADDRESS)
        async with stock.connected():
            assert await stock.register() == receiver.unit.static
            assert (await stock.read(ALERT), stock.service) == (b"\x00", receiver.service.handle)
            assert not PruDynamic.unpack(await stock.read(DYNAMIC)).output_on
            await stock.write(2, DISABLE, response=True)
        runs.append({step: stock.after_advert_ms(step) for step in stock.times_s})
    assert list(runs[0]) == [
        "advert",
        "connection",
        "pru static",
        "ptu static",
        "dynamic",
        "control",
    ]
    best = {step: min(run[step] for run in runs) for step in runs[0]}
    note("stock, no VM", **best)
    assert INTERVAL_ms <= 50
    assert best["connection"] <= airfuel.CONNECT_MAX_ms
    assert best["control"] <= airfuel.ENABLE_MAX_ms
    assert receiver.controls[-1] == DISABLE
    assert not receiver.board.receiver_on


async def test_a_stock_transmitter_is_told_of_an_alert(receiver):
    stock = Stock(receiver.transports[0], ADDRESS)
    async with stock.connected():
        await stock.register()
        await stock.subscribe()
        receiver.board.on_cable(True)
        await receiver.alert()
        async with asyncio.timeout(5):
            while not stock.alerts:  # noqa: ASYNC110 - the list is the stock transmitter's
                await asyncio.sleep(0.01)
        assert stock.alerts[0][1] & airfuel.WIRED_CHARGER
        assert (await stock.read(DYNAMIC))[16] == stock.alerts[0][1]


async def test_our_host_reads_often_enough_and_permits_in_time(receiver, note):
    controls_s, gaps_s = [], []
    radio = BleakRadio(*backends(receiver.transports[1]))
    try:
        for _ in range(EXCHANGES):
            seen = await exchange(radio, BOARD_ID, 1.2, output=True)
            controls_s.append(seen.steps_s["control"])
            gaps_s += [later - earlier for earlier, later in pairwise(seen.reads_s)]
            assert receiver.controls[-1] == b"\xc0\x00\x00\x00\x00"
            assert seen.static.power_max_mW == 12_000
            assert not seen.newest.output_on
    finally:
        await radio.close()
    gap_ms = 1000 * statistics.median(gaps_s)
    note("host, no VM", control=[round(1000 * each) for each in controls_s], gap=round(gap_ms))
    assert list(seen.steps_s) == ["connection", "pru static", "ptu static", "dynamic", "control"]
    assert gap_ms <= airfuel.DYNAMIC_MAX_ms
