# SPDX-License-Identifier: MIT
"""The real mpremote as a subprocess: MicroPython's own tool for files and scripts on a board."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from crowdcharge.errors import FlashError, InputError, LineError

_TIMEOUT_s = 600.0
_ENTERS_RAW_REPL = "could not enter raw repl"
_REPLY = "crowdcharge "  # begins the line that a script of ours prints for us


def run(port: str, *commands: list[str], on_line: Callable[[str], None] | None = None) -> Any:
    """Runs `commands` one after another; what a script told by `tell`, or None.

    The board is left in the raw REPL; begin a later call's commands with `resume`.
    """
    if find_spec("mpremote") is None:
        raise InputError("flashing needs mpremote: pip install 'crowdcharge[flash]'")
    arguments = [sys.executable, "-m", "mpremote", "connect", port]
    for command in commands:
        arguments += ["+", *command] if command is not commands[0] else command
    told: Any = None
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        last = ""
        try:
            for line in process.stdout:
                last = line.strip() or last
                if line.startswith(_REPLY):
                    told = json.loads(line.removeprefix(_REPLY))
                elif on_line:
                    on_line(line.strip())
            code = process.wait(_TIMEOUT_s)
        except BaseException:
            process.kill()
            raise
    if code:
        raise _error(port, last)
    return told


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
