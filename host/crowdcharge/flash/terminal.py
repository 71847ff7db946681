# SPDX-License-Identifier: MIT
"""The serial console for people: typed lines are framed and sent, answers are shown."""

import contextlib
import sys
from collections.abc import Callable, Sequence

from crowdcharge.errors import CommandRefused
from crowdcharge.flash.serial_line import Pairs, SerialLine

_STREAMS = "meter"
_SLOW_s = 5.0

Show = Callable[[str], object]


def one(line: SerialLine, words: Sequence[str], show: Show) -> None:
    """Send one command and show its answer. CommandRefused, NoAnswer, LineError."""
    if words[0] == _STREAMS:
        for pairs in line.stream(*words):
            show("  ".join(f"{name} {value}" for name, value in pairs.items()))
        return
    pairs = line.ask(*words, timeout_s=_SLOW_s)
    show("\n".join(_lines(pairs)) or "ok")


def talk(line: SerialLine, show: Show) -> None:
    """Send standard input line by line; a refusal does not end the session."""
    if sys.stdin.isatty():
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401, PLC0415 - the import gives input() a history
        show("help lists the commands, Ctrl-D ends.")
    while True:
        try:
            words = (input("> ") if sys.stdin.isatty() else input()).split()
        except EOFError:
            return
        try:
            if words:
                one(line, words, show)
        except CommandRefused as error:
            show(str(error))


def _lines(pairs: Pairs) -> list[str]:
    width = max((len(name) for name in pairs), default=0)
    return [
        f"{name.replace('_', ' ') if ' ' in name else name:<{width}}  {value.replace('_', ' ')}"
        for name, value in pairs.items()
    ]
