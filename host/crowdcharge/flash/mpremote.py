# SPDX-License-Identifier: MIT
"""The real mpremote as a subprocess: MicroPython's own tool for files and scripts on a board."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self

from crowdcharge.errors import FlashError, InputError, LineError

_QUIET_s = 30.0
_ENTERS_RAW_REPL = "could not enter raw repl"
_REPLY = "crowdcharge "  # begins the line that a script of ours prints for us


def run(
    port: str,
    *commands: list[str],
    on_line: Callable[[str], None] | None = None,
    quiet_s: float = _QUIET_s,
) -> Any:
    """Runs `commands` one after another; what a script told by `tell`, or None.

    LineError: no MicroPython there, or silence for `quiet_s`; FlashError: mpremote failed.

    The board is left in the raw REPL; begin a later call's commands with `resume`.
    """
    if find_spec("mpremote") is None:
        raise InputError("flashing needs mpremote: pip install 'crowdcharge[flash]'")
    arguments = [sys.executable, "-m", "mpremote", "connect", port, *commands[0]]
    for command in commands[1:]:
        arguments += ["+", *command]
    told: Any = None
    last = ""
    with (
        subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
        _Patience(process, quiet_s) as patience,
    ):
        assert process.stdout
        for line in process.stdout:
            patience.heard()
            last = line.strip() or last
            if line.startswith(_REPLY):
                told = json.loads(line.removeprefix(_REPLY))
            elif on_line:
                on_line(line.strip())
    if patience.ended:
        raise LineError(f"{port}: no MicroPython answers there: is the board on, and well?")
    if process.returncode:
        raise _error(port, last)
    return told


class _Patience:
    """Ends a process that says nothing for too long (mpremote waits for ever on a mute port), or
    whose caller is interrupted."""

    def __init__(self, process: "subprocess.Popen[str]", quiet_s: float) -> None:
        self._process = process
        self._quiet_s = quiet_s
        self._timer = threading.Timer(quiet_s, self._end)
        self.ended = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        error: type[BaseException] | None,
        _value: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if error:
            self._process.kill()
        self._process.wait()
        self._timer.cancel()

    def heard(self) -> None:
        self._timer.cancel()
        self._timer = threading.Timer(self._quiet_s, self._end)
        self._timer.start()

    def _end(self) -> None:
        self.ended = True
        self._process.kill()


def script(code: str, **values: object) -> list[str]:
    """An `exec` of `code` with `values` as its variables; `tell(value)` hands back JSON."""
    given = "".join(f"{name}={value!r}\n" for name, value in values.items())
    tell = f"import json\ndef tell(value): print({_REPLY!r} + json.dumps(value))\n"
    return ["exec", tell + given + code]


def _error(port: str, last: str) -> Exception:
    if _ENTERS_RAW_REPL in last:
        return LineError(f"{port}: no MicroPython answers there: is it the right port?")
    if "in use" in last or "failed to access" in last:
        return LineError(f"{port} cannot be opened, or is in use by another program")
    return FlashError(f"{port}: mpremote failed: {last[-200:] or 'no output'}")
