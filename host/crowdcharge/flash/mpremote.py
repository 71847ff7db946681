# SPDX-License-Identifier: MIT
"""Run mpremote, MicroPython's own tool for files and scripts on a board, as a subprocess."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from crowdcharge.errors import FlashError, LineError

_QUIET_s = 30.0
_ENTERS_RAW_REPL = "could not enter raw repl"
_REPLY = "crowdcharge "  # begins a line that `tell` prints
_TELL = f"""
import json, sys
def tell(value):
    print({_REPLY!r}, end='')
    json.dump(value, sys.stdout)
    print()
"""


class AnswerCutShort(LineError):
    """Part of a value is missing: a board gives up what a busy computer does not read in time."""


def run(
    port: str,
    *commands: list[str],
    on_line: Callable[[str], None] | None = None,
    quiet_s: float = _QUIET_s,
) -> Any:
    """Run `commands` one after another; return the last value that a script gave to `tell`.

    LineError: no MicroPython answers, or nothing for `quiet_s`; AnswerCutShort: ask again;
    FlashError: mpremote failed.

    The board is left in the raw REPL; begin a later call's commands with `resume`.
    """
    import_module("mpremote")  # without it the command line says what to install
    arguments = [sys.executable, "-m", "mpremote", "connect", port, *commands[0]]
    for command in commands[1:]:
        arguments += ["+", *command]
    value: Any = None
    last = ""
    with (
        subprocess.Popen(
            arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
        _Patience(process, quiet_s) as patience,
    ):
        assert process.stdout
        for line in process.stdout:
            patience.heard()
            last = line.strip() or last
            if line.startswith(_REPLY):
                value = _parsed(port, line.removeprefix(_REPLY))
            elif on_line:
                on_line(line.strip())
    if patience.ended:
        raise LineError(f"{port}: no MicroPython answers there: is the board on, and well?")
    if process.returncode:
        raise _error(port, last)
    return value


def _parsed(port: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise AnswerCutShort(f"{port}: what the board told was cut short: try again") from error


class _Patience:
    """Ends a process that is silent for too long, or whose caller is interrupted.

    mpremote itself waits for ever on a mute port.
    """

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
    """Return the command that runs `code` with `values` as variables; `tell(value)` returns data.

    The data is written piece by piece: a small heap has no block for the whole text of it.
    """
    given = "".join(f"{name}={value!r}\n" for name, value in values.items())
    return ["exec", _TELL + given + code]


def _error(port: str, last: str) -> Exception:
    if _ENTERS_RAW_REPL in last:
        return LineError(f"{port}: no MicroPython answers there: is it the right port?")
    if "in use" in last or "failed to access" in last:
        return LineError(f"{port} cannot be opened, or is in use by another program")
    return FlashError(f"{port}: mpremote failed: {last[-200:] or 'no output'}")
