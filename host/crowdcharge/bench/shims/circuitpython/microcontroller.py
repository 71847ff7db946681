# SPDX-License-Identifier: MIT
# ruff: noqa: SIM115, PTH123 - the dialect is MicroPython's
"""CircuitPython's `microcontroller`: processor, reset, watchdog, non-volatile memory.

The memory is flash in two pages of 4 KiB; an assignment erases and rewrites each page it touches
as a whole, as on nRF52840, also when nothing changes. The hub may cut the supply in the middle.
"""

import os
import struct

import machine
from _hardware import call
from watchdog import WatchDogMode

_PAGE = 4096
_ERASED = b"\xff" * 256


class ResetReason:
    POWER_ON = "microcontroller.ResetReason.POWER_ON"
    BROWNOUT = "microcontroller.ResetReason.BROWNOUT"
    SOFTWARE = "microcontroller.ResetReason.SOFTWARE"
    RESET_PIN = "microcontroller.ResetReason.RESET_PIN"
    WATCHDOG = "microcontroller.ResetReason.WATCHDOG"
    UNKNOWN = "microcontroller.ResetReason.UNKNOWN"


_REASONS = {
    machine.PWRON_RESET: ResetReason.POWER_ON,
    machine.HARD_RESET: ResetReason.RESET_PIN,
    machine.WDT_RESET: ResetReason.WATCHDOG,
    6: ResetReason.SOFTWARE,  # bench/board/silicon.py
}


class _Processor:
    @property
    def reset_reason(self):
        return _REASONS.get(machine.reset_cause(), ResetReason.UNKNOWN)

    @property
    def uid(self):
        return bytearray(machine.unique_id())


class _Memory:
    def __init__(self, path):
        self._file = open(path, "r+b")
        self._file.seek(0)
        self._bytes = bytearray(self._file.read())

    def __len__(self):
        return len(self._bytes)

    def __getitem__(self, index):
        return self._bytes[index]

    def __setitem__(self, index, value):
        first = index.start if isinstance(index, slice) else index
        length = len(value) if isinstance(index, slice) else 1
        if isinstance(index, slice) and index.stop - first != length:
            raise ValueError("Slice and value different lengths.")
        data = bytes(value) if isinstance(index, slice) else bytes((value,))
        for i in range(length):  # in place, because no board spends heap on a copy
            self._bytes[first + i] = data[i]
        for page in range(first // _PAGE, (first + length - 1) // _PAGE + 1):
            self._rewrite(page * _PAGE)

    def _rewrite(self, at):
        for kind in (b"e", b"w"):
            allowed = struct.unpack("<I", call("p", kind + struct.pack("<I", _PAGE)))[0]
            self._file.seek(at)
            if kind == b"w":
                self._file.write(memoryview(self._bytes)[at : at + allowed])
            else:
                for start in range(0, allowed, len(_ERASED)):
                    self._file.write(_ERASED[: allowed - start])
            self._file.flush()
            if allowed < _PAGE:
                call("P")  # the supply has failed


class _WatchDogTimer:
    def __init__(self):
        self._mode = None
        self._timer = None
        self.timeout = 5.0

    @property
    def mode(self):
        return self._mode

    @mode.setter
    def mode(self, mode):
        if self._mode == WatchDogMode.RESET != mode:
            raise RuntimeError("WatchDogTimer.mode cannot be changed once set to RESET")
        self._mode = mode
        if mode == WatchDogMode.RESET:
            self._timer = machine.WDT(timeout=int(self.timeout * 1000))

    def feed(self):
        if self._mode is None:
            raise ValueError("WatchDogTimer is not currently running")
        if self._timer is not None:
            self._timer.feed()


cpu = _Processor()
nvm = _Memory(os.getenv("CROWDCHARGE_NVM"))
watchdog = _WatchDogTimer()


def reset():
    machine.reset()
