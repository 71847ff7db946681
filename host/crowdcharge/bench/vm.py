# SPDX-License-Identifier: MIT
"""One MicroPython VM process on a terminal of its own. It dies with the hub, however that dies."""

import asyncio
import ctypes
import fcntl
import os
import signal
import subprocess
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from crowdcharge.bench import micropython

SHIMS = Path(__file__).parent / "shims"
MODELS = Path(__file__).parent / "i2c"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class VmOptions:
    """What one board's VM is started with; `modules` are the shims that stand for its silicon."""

    modules: tuple[str, ...]
    main: str
    storage: str  # "folder:PATH" or "littlefs:PATH"
    heap_kB: int
    environment: Mapping[str, str]


class Vm:
    """A running process; `on_exit(return code)` is called once, negative for a signal."""

    def __init__(
        self, options: VmOptions, terminal: int, run_main: bool, on_exit: Callable[[int], None]
    ) -> None:
        self._on_exit = on_exit
        binary = micropython.binary()
        environment = {
            **os.environ,
            **options.environment,
            "CROWDCHARGE_MODULES": " ".join(options.modules),
            "CROWDCHARGE_MODELS": str(MODELS),
            "CROWDCHARGE_MAIN": options.main,
            "CROWDCHARGE_RUN_MAIN": str(int(run_main)),
            "CROWDCHARGE_STORAGE": options.storage,
        }
        boot = str(SHIMS / "_boot.py")
        self._process = subprocess.Popen(
            [str(binary), "-X", f"heapsize={options.heap_kB}K", "-i", boot],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=environment,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - the hub has no threads
        )
        self._pidfd = os.pidfd_open(self._process.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._exited)

    @property
    def pid(self) -> int:
        return self._process.pid

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Power off, at once; `on_exit` is not called."""
        self._forget()
        self._process.kill()
        self._process.wait()

    def _exited(self) -> None:
        self._forget()
        self._on_exit(self._process.wait())

    def _forget(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)


def _take_terminal() -> None:
    """In the child: Ctrl-C of this terminal is ours, and we do not outlive the hub."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
