# SPDX-License-Identifier: MIT
"""One MicroPython VM process on a terminal of its own, which dies with the hub in any case.

On Ctrl-C a board raises KeyboardInterrupt between two bytecodes. The unix VM raises it in its
signal handler, wherever the program is: in malloc, whose lock then stays taken, or in littlefs,
whose caches are then wrong. So the signal is sent only while the VM sleeps.
"""

import asyncio
import ctypes
import os
import platform
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from crowdcharge.bench.board import micropython

SHIMS = Path(__file__).parents[1] / "shims"
MODELS = Path(__file__).parents[1] / "i2c"
_PR_SET_PDEATHSIG = 1
# The system calls in which a VM sleeps: poll, select, nanosleep and their kin.
_SLEEPS = {"x86_64": (7, 23, 35, 230, 270, 271), "aarch64": (72, 73, 101, 115)}
_WRITES = {"x86_64": "1", "aarch64": "64"}
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class VmOptions:
    """What one board's VM is started with; `modules` are the shims that replace its silicon."""

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
        self.frozen = False
        binary = micropython.binary()
        environment = {  # no HOME: a user's ~/.micropython must not reach a board
            **{name: value for name, value in os.environ.items() if name != "HOME"},
            **options.environment,
            "CROWDCHARGE_MODULES": " ".join(options.modules),
            "CROWDCHARGE_MODELS": str(MODELS),
            "CROWDCHARGE_MAIN": options.main,
            "CROWDCHARGE_RUN_MAIN": str(int(run_main)),
            "CROWDCHARGE_STORAGE": options.storage,
        }
        # A second way to the terminal, on which a write never waits: usb_cdc's with no timeout.
        at_once = os.open(os.ttyname(terminal), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        environment["CROWDCHARGE_WRITES_AT_ONCE"] = str(at_once)
        boot = str(SHIMS / "_boot.py")
        self._process = subprocess.Popen(
            [str(binary), "-X", f"heapsize={options.heap_kB}K", "-i", boot],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=environment,
            pass_fds=(at_once,),
            start_new_session=True,
            preexec_fn=_die_with_the_hub,  # noqa: PLW1509 - the hub has no threads
        )
        os.close(at_once)
        self._pidfd = os.pidfd_open(self._process.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._exited)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def at_prompt(self) -> bool:
        """True at the REPL, where Ctrl-C is a character; running code lets the VM catch SIGINT."""
        caught = self._proc("status").partition("SigCgt:")[2].split()[0]
        return not int(caught, 16) >> (signal.SIGINT - 1) & 1

    @property
    def writes(self) -> bool:
        """True while the VM is in a write; False if processor or kernel do not say."""
        try:
            return self._proc("syscall").split()[0] == _WRITES.get(platform.machine())
        except OSError:
            return False

    @property
    def waited_s(self) -> float:
        """How long the process has been ready to run while the machine ran others."""
        return waited_s(self.pid)

    def interrupt(self, anywhere: bool = False) -> bool:
        """Send Ctrl-C if the code sleeps, or `anywhere` if so asked; False if it was not sent."""
        self.freeze()
        sent = not self.at_prompt and (anywhere or self._sleeps())
        if sent:
            self._signal(signal.SIGINT)
        self.thaw()
        return sent

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)
        os.waitid(os.P_PIDFD, self._pidfd, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        self.frozen = True

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)
        self.frozen = False

    def kill(self) -> None:
        """End the process at once; `on_exit` is not called."""
        self._forget()
        self._process.kill()
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        signal.pidfd_send_signal(self._pidfd, number)

    def _sleeps(self) -> bool:
        """Tell whether the process stopped in a sleep, or processor and kernel do not say."""
        numbers = _SLEEPS.get(platform.machine())
        try:
            return numbers is None or self._proc("syscall").split()[0] in map(str, numbers)
        except OSError:  # Yama's ptrace_scope
            return True

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text(encoding="ascii")

    def _exited(self) -> None:
        self._forget()
        self._on_exit(self._process.wait())

    def _forget(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)


def waited_s(process: int | str) -> float:
    """Return that time of a process, by number or "self"; 0 if the kernel does not say."""
    try:
        ns = Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0.0
    return int(ns) / 1e9


def _die_with_the_hub() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
