# SPDX-License-Identifier: MIT
"""One board's life: power, resets, soft reboots, and its serial port across all of them.

The unix VM ends on Ctrl-D, where a board reboots softly. So the port that others open is bridged
to the VM's terminal and outlives the process: a VM that ends is started again, in raw REPL mode
if the port was in it, as mpremote expects.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from crowdcharge.bench.board.serial_port import Pty
from crowdcharge.bench.board.usb_port import Backpressure, UsbPort
from crowdcharge.bench.board.vm import Vm, VmOptions

_RAW_REPL, _FRIENDLY_REPL, _CTRL_C = b"\x01", b"\x02", b"\x03"
_RETRY_s = 0.002
_TRIES = 100  # after that many, Ctrl-C is sent to a loop that never sleeps
_PROMPT = b">>> "


class Supervisor:
    """A board's VM and its port; `on_crash(reason)` is called if the VM dies by itself."""

    def __init__(
        self, options: VmOptions, log: Path, on_crash: Callable[[str], None], block_s: float
    ) -> None:
        """`block_s`: how long the port's writer waits for a holder that does not read."""
        self._options = options
        self._on_crash = on_crash
        self._log = log.open("ab", buffering=0)
        self._vm: Vm | None = None
        self._raw = False
        self._swallowed: bytearray | None = None  # after a soft reboot in raw mode: the banner
        self._held = b""  # input for a VM that has not booted, never sleeps, or is frozen
        self._tries = 0  # to deliver the Ctrl-C at its head
        self._retry: asyncio.TimerHandle | None = None
        self._booted = False
        self._waited_s = self._waited_before_s = 0.0
        self._last = b""
        self.on_soft_reboot: Callable[[], None] = lambda: None
        self.port = UsbPort(self._from_port)
        self._flow = Backpressure(self.port, block_s)
        self._console = Pty(self._from_vm)

    @property
    def running(self) -> bool:
        return self._vm is not None

    @property
    def pid(self) -> int | None:
        return self._vm.pid if self._vm else None

    @property
    def waited_s(self) -> float:
        """How long the machine has kept its VMs waiting."""
        if self._vm:
            self._waited_s = self._waited_before_s + self._vm.waited_s
        return self._waited_s

    @property
    def frozen(self) -> bool:
        return self._vm is not None and self._vm.frozen

    def start(self, run_main: bool = True) -> None:
        self._waited_before_s = self._waited_s
        self._booted = False
        self._console.close()
        self._console = Pty(self._from_vm)
        self._vm = Vm(self._options, self._console.slave, run_main, self._exited)
        self._flow.attach(self._vm, self._console.slave)

    def kill(self) -> None:
        """Cuts the power; the port stays open and mute. Does nothing if the power is off."""
        if self._vm:
            self._flow.detach()
            self._vm.kill()
            self._vm = None
            self._console.drain()  # what the VM had written still reaches the port
        self._raw = False
        self._swallowed = None
        self._forget_input()

    def freeze(self) -> None:
        if self._vm:
            self._vm.freeze()

    def thaw(self) -> None:
        if self._vm:
            self._vm.thaw()
            self._release()

    def booted(self) -> None:
        """Accept input: the VM has its file system. A raw REPL still waits for its prompt."""
        self._booted = True
        self._release()

    def close(self) -> None:
        self.kill()
        self.port.close()
        self._console.close()
        self._log.close()

    def _release(self) -> None:
        """Pass the held input on, in order, as far as the VM can take it."""
        ready = self._booted and self._swallowed is None
        while self._held and ready and self._vm and not self.frozen and not self._retry:
            text, ctrl_c, rest = self._held.partition(_CTRL_C)
            self._console.write(text)
            self._held = ctrl_c + rest
            if ctrl_c:
                self._interrupt(self._vm)

    def _interrupt(self, vm: Vm) -> None:
        """Delivers the Ctrl-C at the head of the held input, or tries again soon."""
        if vm.at_prompt:
            self._console.write(_CTRL_C)
        elif not vm.interrupt(anywhere=self._tries >= _TRIES):
            self._tries += 1
            self._retry = asyncio.get_running_loop().call_later(_RETRY_s, self._try_again)
            return
        self._tries = 0
        self._held = self._held[1:]

    def _try_again(self) -> None:
        self._retry = None
        self._release()

    def _forget_input(self) -> None:
        self._held, self._tries = b"", 0
        if self._retry:
            self._retry.cancel()
            self._retry = None

    def _from_port(self, data: bytes) -> None:
        if _RAW_REPL in data or _FRIENDLY_REPL in data:
            self._raw = data.rfind(_RAW_REPL) > data.rfind(_FRIENDLY_REPL)
        if self._vm:
            self._held += data
            self._release()

    def _from_vm(self, data: bytes) -> None:
        if self._swallowed is not None:
            self._swallowed += data
            if not self._swallowed.endswith(_PROMPT):
                return
            self._swallowed = None
            self._console.write(_RAW_REPL)
            self._release()
            return
        if not self._flow.discards:
            self._out(data)
        self._flow.wrote()

    def _out(self, data: bytes) -> None:
        """Pass output on: programs end lines with LF, a board's port with CR LF."""
        cooked = (self._last + data).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        self._last = data[-1:] if data.endswith(b"\r") else b""
        if self._last:
            cooked = cooked[:-1]
        self._log.write(cooked)
        self.port.write(cooked)

    def _exited(self, code: int) -> None:
        self._flow.detach()
        self._console.drain()
        self._vm = None
        if code < 0:
            self._on_crash(f"signal {-code}")
            return
        self._out(b"MPY: soft reboot\r\n")
        self._swallowed = bytearray() if self._raw else None
        self.on_soft_reboot()
        self.start(run_main=not self._raw)
