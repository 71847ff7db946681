# SPDX-License-Identifier: MIT
"""The silicon of one ESP32 board on CPython, where `sys.settrace` can follow the real port files.

`machine`, `bluetooth`, `select`, MicroPython's part of `asyncio` and `time`, and the two ends of a
USB port. The chips are the bench's own models. Not modelled: anything of a radio but its calls
(the bench has an air), and real time: `World.run_pass` says how much of it goes by.
"""

import asyncio
import builtins
import functools
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING

from crowdcharge.bench.i2c.ina219 import Ina219
from crowdcharge.bench.i2c.max17048 import CellTruth, Max17048
from crowdcharge.bench.i2c.noise import Noise
from crowdcharge.bench.physics.breaks import Breaks, Surroundings
from crowdcharge.flash import firmware_tree

if TYPE_CHECKING:
    from collections.abc import Callable

TREE = firmware_tree.root()
PATHS = {
    path.stem: path
    for folder in ("micropython", "shared")
    for path in (TREE / "ports" / folder).glob("*.py")
} | {"boards.virtual": TREE / "boards" / "virtual.py"}
CELL_mV, LOAD_mA = 4000, 500
CELL = CellTruth(CELL_mV / 1000, 0.6, 0.0, 0.0)
CALM = Surroundings(cable=False, received_V=0.0, coil_C=25.0, cell_V=3.8)
TX_ENABLE, TX_PULSE = 11, 36
HOLD_s = 0.4


class Restarted(BaseException):
    """The board has reset itself."""


class Asleep(BaseException):
    """The chip is dark until its time is over or its input calls."""


class WouldWait(BaseException):
    """The call would block, which no guard may hide."""


class Hung(BaseException):
    """The call never returns: nothing of the program runs from here on."""


class World:
    """Pins, buses, radio and port of the board; `pins` holds each output's level by number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder  # the board's file system
        self.pins: dict[int, int] = {}
        self.calls: list[str] = []  # every call into the periphery, in order
        self.fail: Callable[[str], None] = lambda _: None  # called with each; may raise
        self.now_us = 0
        self.breaks = Breaks(HOLD_s)
        self.sent = b""
        self.received = b""
        self.room = 10**9  # bytes that the USB port still takes
        self.watchdog_ms = 0
        self.cause = 1
        self.handler: Callable[[int, tuple], object] | None = None
        self.values: dict[int, bytes] = {}
        self.notified: list[tuple[int, int, bytes]] = []
        self.updates: list[tuple[int, bytes]] = []  # values that subscribers were sent
        self.adverts: list[tuple[bytes, bool]] = []
        self.response, self.advert_us = b"", 0
        self.silent = True  # nothing is advertised
        self.addresses: list[int] = []  # the modes of those that were drawn
        self.links: set[int] = set()
        self.links_max, self.asleep_ms = 3, 0
        self.wakes: dict[int, bool] = {}  # inputs that end a deep sleep, and their levels
        self.wrong_handles = False  # as BTstack's when its table is full
        noise = Noise(1)
        self.chips = {
            0x40: Ina219(0x40, self._tx, lambda: self.now_us, noise),
            0x41: Ina219(0x41, lambda: (0, 0), lambda: self.now_us, noise),
            0x36: Max17048(lambda: CELL, lambda: self.now_us),
        }

    @property
    def flows(self) -> bool:
        """Are both breaks of the transmit path closed?"""
        return self.breaks.transmits(self.now_us / 1e6, CALM)

    def _tx(self) -> tuple[int, int]:
        return (LOAD_mA * 100 if self.flows else 0, CELL_mV)

    def set_pin(self, number: int, level: int) -> None:
        self.pins[number] = level
        self.breaks.level = bool(self.pins.get(TX_ENABLE))
        self.breaks.pulse(bool(self.pins.get(TX_PULSE)), self.now_us / 1e6)

    def call(self, name: str) -> None:
        self.calls.append(name)
        self.now_us += 300
        self.fail(name)

    # What the port files import

    def modules(self) -> dict[str, types.ModuleType]:
        return {
            "machine": _module("machine", _machine(self)),
            "bluetooth": _module("bluetooth", _bluetooth(self)),
            "esp32": _module("esp32", _esp32(self)),
            "select": _module("select", {"poll": lambda: _Poll(self), "POLLIN": 1, "POLLOUT": 4}),
            "time": _module("time", _time(self)),
            "asyncio": _module("asyncio", _asyncio(self)),
            "os": _module("os", _os(self)),
        }


def _module(name: str, members: dict[str, object]) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(members)
    return module


def _machine(world: World) -> dict[str, object]:  # noqa: C901 - four parts of one module
    class Pin:
        IN, OUT, PULL_UP = 1, 3, 2

        def __init__(self, number, mode=-1, pull=-1, *, value=None):
            self.number = number
            if pull == self.PULL_UP:
                world.pins.setdefault(number, 1)
            if value is not None:
                self.value(value)

        def value(self, level=None):
            world.call("Pin.value" if level is None else "Pin.set")
            if level is None:
                return world.pins.get(self.number, 0)
            world.set_pin(self.number, level)
            return None

        __call__ = value

    class I2C:
        def __init__(self, number, *, sda, scl, freq, timeout):
            world.call("I2C")

        def writeto(self, address, data):
            world.call("I2C.writeto")
            _chip(world, address).write(bytes(data))

        def readfrom_into(self, address, buffer):
            world.call("I2C.readfrom_into")
            buffer[:] = _chip(world, address).read(len(buffer))

        def readfrom_mem_into(self, address, register, buffer, *, addrsize):
            world.call("I2C.readfrom_mem_into")
            chip = _chip(world, address)
            chip.write(register.to_bytes(addrsize // 8, "big"))
            buffer[:] = chip.read(len(buffer))

    class ADC:
        ATTN_11DB = 3

        def __init__(self, pin):
            world.call("ADC")

        def atten(self, attenuation):
            pass

        def read_uv(self):
            world.call("ADC.read_uv")
            return 1_650_000  # 25 C

    class WDT:
        def __init__(self, *, timeout):
            world.call("WDT")
            world.watchdog_ms = timeout

        def feed(self):
            world.call("WDT.feed")

    def reset():
        raise Restarted

    def deepsleep(time_ms):
        world.call("deepsleep")
        world.asleep_ms = time_ms
        raise Asleep

    return {
        "Pin": Pin, "I2C": I2C, "ADC": ADC, "WDT": WDT, "reset": reset, "deepsleep": deepsleep,
        "PWRON_RESET": 1, "HARD_RESET": 2, "WDT_RESET": 3, "reset_cause": lambda: world.cause,
    }  # fmt: skip


def _chip(world: World, address: int):
    if address not in world.chips:
        raise OSError(19)
    return world.chips[address]


def _esp32(world: World) -> dict[str, object]:
    def wake_on_ext0(pin, level):
        world.call("esp32.wake_on_ext0")
        world.wakes[pin.number] = level

    return {"WAKEUP_ALL_LOW": False, "WAKEUP_ANY_HIGH": True, "wake_on_ext0": wake_on_ext0}


def _bluetooth(world: World) -> dict[str, object]:  # noqa: C901 - one part, many calls
    class BLE:
        def active(self, on):
            world.call("BLE.active")

        def config(self, **values):
            world.call("BLE.config")
            if "addr_mode" in values:
                assert world.silent, "a controller refuses while it advertises"
                world.addresses.append(values["addr_mode"])

        def irq(self, handler):
            world.handler = handler

        def gatts_register_services(self, services):
            world.call("BLE.gatts_register_services")
            handles = iter([16] * 100 if world.wrong_handles else range(16, 1000, 3))
            return tuple(tuple(next(handles) for _ in rows) for _, rows in services)

        def gatts_set_buffer(self, handle, size):
            world.values[handle] = b""

        def gatts_read(self, handle):
            world.call("BLE.gatts_read")
            return world.values[handle]

        def gatts_write(self, handle, data, send=False):
            world.call("BLE.gatts_write")
            world.values[handle] = bytes(data, "ascii") if isinstance(data, str) else bytes(data)
            if send:
                world.updates.append((handle, world.values[handle]))

        def gatts_notify(self, link, handle, data):
            world.call("BLE.gatts_notify")
            world.notified.append((link, handle, bytes(data)))

        def gap_advertise(self, interval_us, advert=None, *, resp_data=None, connectable=True):
            world.call("BLE.gap_advertise")
            world.silent = interval_us is None
            if world.silent:
                return
            world.response = bytes(resp_data)
            if connectable and len(world.links) >= world.links_max:
                raise OSError(12)
            world.adverts.append((bytes(advert), connectable))
            world.advert_us = interval_us

        def gap_disconnect(self, link):
            world.call("BLE.gap_disconnect")
            return link in world.links

    return {
        "BLE": BLE, "UUID": lambda value: value,
        "FLAG_READ": 2, "FLAG_WRITE_NO_RESPONSE": 4, "FLAG_WRITE": 8, "FLAG_NOTIFY": 16,
        "FLAG_INDICATE": 32,
    }  # fmt: skip


class _Poll:
    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, stream, events):
        self._events = events

    def ipoll(self, timeout_ms):
        ready = bool(self._world.received) if self._events == 1 else self._world.room > 0
        return iter([(None, self._events)] if ready else [])


class _Stream:
    """`sys.stdin` and `sys.stdout` at once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.buffer = self

    def read(self, count):
        self._world.call("stdin.read")
        if count > len(self._world.received):
            raise WouldWait("stdin.read")
        data, self._world.received = (
            self._world.received[:count],
            self._world.received[count:],
        )
        return data

    def write(self, data):
        self._world.call("stdout.write")
        if len(data) > self._world.room:
            raise WouldWait("stdout.write")
        self._world.room -= len(data)
        self._world.sent += bytes(data)


def _time(world: World) -> dict[str, object]:
    return {
        "ticks_ms": lambda: world.now_us // 1000,
        "ticks_diff": lambda end, start: end - start,
        "sleep_ms": lambda _: None,
        "sleep": lambda _: None,
    }


def _os(world: World) -> dict[str, object]:
    def rename(old, new):
        world.call("os.rename")
        (world.folder / old).rename(world.folder / new)

    def remove(name):
        world.call("os.remove")
        (world.folder / name).unlink()

    return {
        "rename": rename, "remove": remove, "urandom": lambda size: bytes(range(size)),
        "sync": lambda: world.call("os.sync"),
    }  # fmt: skip


def _asyncio(world: World) -> dict[str, object]:
    class Flag:
        def set(self):
            world.call("ThreadSafeFlag.set")

        async def wait(self):
            pass

    @types.coroutine
    def wait_for_ms(waited, time_ms):
        waited.close()
        world.now_us += time_ms * 1000
        yield

    def run(coroutine):
        """Run until something ends it: this is where MicroPython's own loop polls."""
        while True:
            coroutine.send(None)
            world.call("asyncio poll")

    return {
        "ThreadSafeFlag": Flag, "wait_for_ms": wait_for_ms, "run": run,
        "TimeoutError": asyncio.TimeoutError,
    }  # fmt: skip


@functools.cache
def _code(name: str) -> types.CodeType:
    return compile(PATHS[name].read_text(), str(PATHS[name]), "exec")


class Port:
    """The port's own files, imported against a world's silicon; `python` needs no patching."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._modules = world.modules()
        stream = _Stream(world)
        self._modules["gc"] = _module("gc", {"collect": lambda: None})  # else all of pytest's heap
        shown = {"implementation": sys.implementation, "modules": sys.modules}
        self._modules["sys"] = _module("sys", {"stdin": stream, "stdout": stream, **shown})
        self._builtins = {**vars(builtins), "__import__": self._import, "open": self._open}

    def load(self, name: str) -> types.ModuleType:
        """Import a port's file; "main" runs the board until something ends it."""
        if name not in self._modules:
            module = types.ModuleType(name)
            module.__builtins__ = self._builtins
            self._modules[name] = module
            exec(_code(name), vars(module))
        return self._modules[name]

    def _import(self, name, globals_=None, locals_=None, fromlist=(), level=0):
        if name.startswith("boards."):
            self._boards.virtual = self.load(name)
            return self._boards
        if name in PATHS and name not in self._modules:
            self.world.call(f"import {name}")
        if name in PATHS or name in self._modules:
            return self.load(name)
        return builtins.__import__(name, globals_, locals_, fromlist, level)

    _boards = types.ModuleType("boards")

    def _open(self, name, mode="r"):
        self.world.call("open")
        return (self.world.folder / name).open(mode)
