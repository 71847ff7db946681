# SPDX-License-Identifier: MIT
# ruff: noqa: SIM115, PTH123 - the dialect is MicroPython's
"""CircuitPython's `microcontroller`: processor, reset, watchdog, non-volatile memory.

The memory is flash in two pages of 4 KiB; an assignment erases and rewrites each page it touches
as a whole, as on nRF52840, also when nothing changes. On an ESP32-S3 it is one entry of NVS, which
is erased before the new one is stored: a cut in between leaves nothing, which reads as zeros. The
hub may cut the supply in the middle. The program and the radio's host stand still meanwhile.
"""

import os
import struct
from time import stand_still

import machine
from _hardware import call, tell
from watchdog import WatchDogMode

_IS_BLOB = machine._board["nvm_is_blob"]
_PAGE = 8192 if _IS_BLOB else 4096
_ERASED = (b"\0" if _IS_BLOB else b"\xff") * 256


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
    7: ResetReason.BROWNOUT,
}


_ENDS = machine._board["watchdog_ends"]


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
            whole = kind == b"w" and allowed == _PAGE
            self._file.seek(at)
            if whole or (kind == b"w" and not _IS_BLOB):
                self._file.write(memoryview(self._bytes)[at : at + allowed])
            elif kind == b"e":
                gone = _PAGE if _IS_BLOB and allowed else allowed
                for start in range(0, gone, len(_ERASED)):
                    self._file.write(_ERASED[: gone - start])
            self._file.flush()
            if allowed < _PAGE:
                call("P")  # the supply has failed
        stand_still(machine._board["nvm_write_ms"])


class _WatchDogTimer:
    """An nRF52840's goes on through a soft reload, and then refuses another time. An ESP32-S3's
    ends with the program, by Ctrl-C too, but not by an exception.
    """

    def __init__(self):
        self._mode = WatchDogMode.RESET if machine._board["watchdog"] else None
        self._feed = lambda: tell("f")
        self._timeout = 5.0

    @property
    def timeout(self):
        return self._timeout

    @timeout.setter
    def timeout(self, timeout):
        if self._mode == WatchDogMode.RESET and not _ENDS:
            raise RuntimeError("timeout cannot be changed once mode is set to RESET")
        self._timeout = timeout

    @property
    def mode(self):
        return self._mode

    @mode.setter
    def mode(self, mode):
        if self._mode == WatchDogMode.RESET != mode:
            raise RuntimeError("WatchDogTimer.mode cannot be changed once set to RESET")
        self._mode = mode
        if mode == WatchDogMode.RESET:
            self._feed = machine.WDT(timeout=int(self._timeout * 1000)).feed

    def feed(self):
        if self._mode is None:
            raise ValueError("WatchDogTimer is not currently running")
        if self._mode == WatchDogMode.RESET:
            self._feed()

    def _program_has_ended(self, by_exception):
        if _ENDS and not by_exception:
            call("d", struct.pack("<I", 0))
            self._mode = None


cpu = _Processor()
nvm = _Memory(os.getenv("CROWDCHARGE_NVM"))
watchdog = _WatchDogTimer()


def reset():
    machine.reset()
