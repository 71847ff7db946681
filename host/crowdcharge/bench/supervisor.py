# SPDX-License-Identifier: MIT
"""One board's life: power, resets, soft reboots, and its serial port across all of them.

The unix VM ends on Ctrl-D where a board reboots softly. So the port that the outside opens is
bridged to the VM's terminal and outlives the process: a VM that ends is started again, in raw
REPL mode if the port was in it, as mpremote expects.
"""

from collections.abc import Callable
from pathlib import Path

from crowdcharge.bench.serial_port import Pty
from crowdcharge.bench.vm import Vm, VmOptions

PWRON_RESET, HARD_RESET, WDT_RESET, _, SOFT_RESET = range(1, 6)  # machine.reset_cause()
_RAW_REPL, _FRIENDLY_REPL = b"\x01", b"\x02"
_PROMPT = b">>> "


class Supervisor:
    """`on_crash(reason)` is called when the VM dies by itself; a soft reboot needs no one."""

    def __init__(self, options: VmOptions, log: Path, on_crash: Callable[[str], None]) -> None:
        self._options = options
        self._on_crash = on_crash
        self._log = log.open("ab", buffering=0)
        self._vm: Vm | None = None
        self._raw = False
        self._swallowed: bytearray | None = None  # after a soft reboot in raw mode: the banner
        self._held = b""  # input for a VM that has not booted
        self._booted = False
        self._last = b""
        self.on_soft_reboot: Callable[[], None] = lambda: None
        self.port = Pty(self._from_port)
        self._console = Pty(self._from_vm)

    @property
    def running(self) -> bool:
        return self._vm is not None

    @property
    def pid(self) -> int | None:
        return self._vm.pid if self._vm else None

    def start(self, run_main: bool = True) -> None:
        self._booted = False
        self._console.close()
        self._console = Pty(self._from_vm)
        self._console.signal_keys()
        self._vm = Vm(self._options, self._console.slave, run_main, self._exited)

    def kill(self) -> None:
        """No power: the port stays, mute. Harmless when it is off."""
        if self._vm:
            self._vm.kill()
            self._vm = None
            self._console.drain()  # what it had written has left the board
        self._raw = False
        self._swallowed = None
        self._held = b""

    def freeze(self) -> None:
        if self._vm:
            self._vm.freeze()

    def thaw(self) -> None:
        if self._vm:
            self._vm.thaw()

    def booted(self) -> None:
        """The VM has its file system; a raw REPL waits for the prompt as well."""
        self._booted = True
        if self._swallowed is None:
            self._release()

    def close(self) -> None:
        self.kill()
        self.port.close()
        self._console.close()
        self._log.close()

    def _release(self) -> None:
        held, self._held = self._held, b""
        if held:
            self._console.write(held)

    def _from_port(self, data: bytes) -> None:
        if _RAW_REPL in data or _FRIENDLY_REPL in data:
            self._raw = data.rfind(_RAW_REPL) > data.rfind(_FRIENDLY_REPL)
        if self._booted and self._swallowed is None:
            self._console.write(data)
        elif self._vm:
            self._held += data

    def _from_vm(self, data: bytes) -> None:
        if self._swallowed is not None:
            self._swallowed += data
            if not self._swallowed.endswith(_PROMPT):
                return
            self._swallowed = None
            self._console.write(_RAW_REPL)
            self._release()
            return
        self._out(data)

    def _out(self, data: bytes) -> None:
        """Programs end lines with LF; a board's port says CR LF."""
        cooked = (self._last + data).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        self._last = data[-1:] if data.endswith(b"\r") else b""
        if self._last:
            cooked = cooked[:-1]
        self._log.write(cooked)
        self.port.write(cooked)

    def _exited(self, code: int) -> None:
        self._console.drain()
        self._vm = None
        if code < 0:
            self._on_crash(f"signal {-code}")
            return
        self._out(b"MPY: soft reboot\r\n")
        self._swallowed = bytearray() if self._raw else None
        self.on_soft_reboot()
        self.start(run_main=not self._raw)
