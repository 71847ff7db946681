# SPDX-License-Identifier: MIT
"""Scans and connections under a backend that answers as BlueZ does: InProgress, late, or not.

The backend stands where bleak's own for BlueZ stands, so bleak and our radio are the real ones. It
models StartDiscovery and StopDiscovery of one client as org.bluez.Adapter.rst has them, no adverts
and no connections.
"""

import asyncio
from contextlib import suppress

import pytest
from bleak import BleakScanner
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakDBusError, BleakError

from crowdcharge.radio import bluez, mtu
from crowdcharge.radio.bluez_errors import IN_PROGRESS
from wptcore import wire

NOT_READY = BleakDBusError("org.bluez.Error.NotReady", ["Resource Not Ready"])
BUSY = BleakDBusError(IN_PROGRESS, ["Operation already in progress"])


class Discovery:
    """What bluetoothd knows of us; `refusals` are the answers to the next calls, in order."""

    def __init__(self) -> None:
        self.scanning = False
        self.start_refusals: list[Exception] = []
        self.stop_refusals: list[Exception] = []

    def backend(self) -> type[BaseBleakScanner]:
        state = self

        class Backend(BaseBleakScanner):
            def __init__(self, callback, uuids, *args, **kwargs):
                super().__init__(callback, uuids)

            async def start(self):
                await asyncio.sleep(0)
                if state.start_refusals:
                    raise state.start_refusals.pop(0)
                if state.scanning:
                    raise BUSY
                state.scanning = True

            async def stop(self):
                await asyncio.sleep(0)
                if state.stop_refusals:
                    raise state.stop_refusals.pop(0)
                state.scanning = False

        return Backend


@pytest.fixture
def discovery(monkeypatch):
    monkeypatch.setattr(bluez, "_RETRY_s", 0.001)
    return Discovery()


def scan_of(discovery):
    return bluez.Scan(BleakScanner(lambda _device, _data: None, backend=discovery.backend()))


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_a_busy_bluez_is_waited_for(discovery):
    discovery.start_refusals = [BUSY, BUSY]
    scan = scan_of(discovery)
    await scan.start()
    assert discovery.scanning
    discovery.stop_refusals = [BUSY]
    await scan.stop()
    assert not discovery.scanning


async def test_a_bluez_that_stays_busy_is_not_waited_for_without_end(discovery, monkeypatch):
    monkeypatch.setattr(bluez, "PATIENCE_s", 0.01)
    discovery.start_refusals = [BUSY] * 100_000
    with pytest.raises(BleakDBusError):
        await bluez.patiently(BleakScanner(backend=discovery.backend()).start, 0.01)


@pytest.mark.parametrize("refusal", [BUSY, NOT_READY, BleakError("odd"), OSError("bus is gone")])
async def test_a_stop_that_fails_keeps_nobody_from_connecting(discovery, refusal):
    scan = scan_of(discovery)
    await scan.start()
    discovery.stop_refusals = [refusal]
    async with scan.paused():
        pass
    discovery.scanning = False  # bluetoothd ended its session, or the next start says InProgress
    await until(lambda: discovery.scanning)


@pytest.mark.parametrize("refusal", [BUSY, NOT_READY, BleakError("odd"), OSError("bus is gone")])
async def test_the_scan_comes_back_however_often_it_is_refused(discovery, refusal):
    scan = scan_of(discovery)
    await scan.start()
    with suppress(ZeroDivisionError):
        async with scan.paused():
            assert not discovery.scanning
            discovery.start_refusals = [refusal] * 7
            raise ZeroDivisionError  # the connection failed
    await until(lambda: discovery.scanning)
    await scan.stop()
    assert not discovery.scanning


async def test_a_stopped_scan_does_not_come_back(discovery):
    scan = scan_of(discovery)
    await scan.start()
    discovery.start_refusals = [NOT_READY] * 1_000_000
    async with scan.paused():
        pass
    await asyncio.sleep(0.01)
    await scan.stop()
    discovery.start_refusals = []
    await asyncio.sleep(0.02)
    assert not discovery.scanning


async def test_of_two_pauses_the_longer_counts(discovery):
    scan = scan_of(discovery)
    await scan.start()
    async with scan.paused():
        async with scan.paused():
            pass
        await asyncio.sleep(0.02)
        assert not discovery.scanning
    await until(lambda: discovery.scanning)


async def test_an_mtu_that_comes_late_is_waited_for():
    told = iter([23] * 5)
    async with asyncio.timeout(10):
        await mtu.settled_mtu(lambda: next(told, wire.MTU_MIN), lambda: False)
    assert next(told, None) is None


async def test_an_mtu_that_never_comes_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(mtu, "MTU_WAIT_s", 0.1)
    async with asyncio.timeout(10):
        await mtu.settled_mtu(lambda: 23, lambda: False)
        await mtu.settled_mtu(lambda: 23, lambda: True)
