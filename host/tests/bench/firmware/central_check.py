# SPDX-License-Identifier: MIT
"""Runs on the VM: the central role as NimBLE has it, against the board that runs echo.py."""

import asyncio
import os
import sys

import bluetooth
from bluetooth import UUID

SERVICE = UUID("6e400001-b5a3-f393-e0a9-e50e24dcca9e")
PEER = bytes.fromhex(os.getenv("PEER"))
ENODEV, EIO, ENOMEM, EBUSY, ENOTCONN, EALREADY = 19, 5, 12, 16, 107, 114
events = []
news = asyncio.Event()


def irq(event, data):
    """Copy everything, because views and their bytes are gone afterwards."""
    if event != 5 or bytes(data[1]) == PEER:
        copied = tuple(bytes(each) if isinstance(each, memoryview) else each for each in data)
        events.append((event, copied))
        news.set()


async def until(event):
    """Return what came with the event, and drops all that came before it."""
    while True:
        while events:
            number, data = events.pop(0)
            if number == event:
                return data
        news.clear()
        await asyncio.wait_for(news.wait(), 10)


def error_of(function, *args):
    try:
        function(*args)
    except OSError as error:
        return error.errno
    return 0


async def meet():
    ble = bluetooth.BLE()
    assert error_of(ble.gap_scan, 0) == ENODEV
    ble.active(True)
    ble.irq(irq)

    # A scan that ends by itself, and one that is asked to.
    ble.gap_scan(200, 30000, 30000)
    assert error_of(ble.gap_scan, 100) == EALREADY
    await until(6)
    ble.gap_scan(0, 30000, 30000)
    kind, address, advert_type, rssi_dBm, advert = await until(5)
    assert (kind, address, advert_type) == (0, PEER, 0) and -100 < rssi_dBm < 0 and advert

    # Nobody answers: event 8 with no link. A connection attempt ends the scan within the call.
    ble.gap_connect(0, b"\x01\x02\x03\x04\x05\x06", 200)
    assert events[-1][0] == 6
    assert error_of(ble.gap_scan, 0) == EBUSY
    assert error_of(ble.gap_connect, 0, PEER) == EALREADY
    assert await until(8) == (65535, 255, bytes(6))
    assert error_of(ble.gap_connect, None) == EALREADY
    ble.gap_connect(0, b"\x01\x02\x03\x04\x05\x06", 9000)
    ble.gap_connect(None)
    assert await until(8) == (65535, 255, bytes(6))

    ble.gap_connect(0, PEER, 5000, 7500, 15000)
    link, kind, address = await until(7)
    assert (kind, address) == (0, PEER)
    assert error_of(ble.gap_connect, 0, PEER) == EIO
    ble.gattc_exchange_mtu(link)
    assert error_of(ble.gattc_exchange_mtu, link) == EALREADY
    await until(21)

    ble.gattc_discover_services(link, UUID(0x1234))
    assert await until(10) == (link, 0)  # an unknown service is only an end
    ble.gattc_discover_services(link, SERVICE)
    _, start, end, uuid = await until(9)
    assert uuid == SERVICE and await until(10) == (link, 0)
    ble.gattc_discover_characteristics(link, start, end)
    found = []
    while not events or events[0][0] != 12:
        if events:
            found.append(events.pop(0)[1])
        else:
            await asyncio.sleep_ms(10)
    assert len(found) >= 2 and all(each[0] == link for each in found)
    await until(12)
    readable = [each[2] for each in found if each[3] & 2]
    ble.gattc_read(link, readable[0])
    assert (await until(15))[:2] == (link, readable[0])
    assert await until(16) == (link, readable[0], 0)
    ble.gattc_read(link, 0x7FFF)
    assert await until(16) == (link, 0x7FFF, 257)  # ATT: no such handle
    for _ in range(4):
        ble.gattc_read(link, readable[0])
    assert error_of(ble.gattc_read, link, readable[0]) == ENOMEM
    for _ in range(4):
        await until(16)

    assert ble.gap_disconnect(link)
    assert (await until(8))[0] == link
    assert error_of(ble.gattc_read, link, readable[0]) == ENOTCONN
    sys.stdout.write("done\n")


asyncio.run(meet())
