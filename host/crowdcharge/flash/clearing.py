# SPDX-License-Identifier: MIT
"""Clear one latched fault of one board. The board decides whether it may: errors.toml says how."""

from collections.abc import Iterable

from crowdcharge.boards import codes
from crowdcharge.errors import InputError
from crowdcharge.flash.by_radio import linked, obeyed
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.radio.base import Radio
from wptcore import wire


def latch_named(name: str) -> int:
    """Return the code of a fault that latches; InputError for any other name."""
    known = {codes.name(code): code for code in codes.CLEAR_BY}
    if name not in known:
        raise InputError(f"--fault {name}: faults that latch are {', '.join(known)}")
    return known[name]


def clear_by_console(line: SerialLine, name: str) -> None:
    """Clear over USB, as the person at the board. CommandRefused: the board wants another way."""
    latch_named(name)
    line.hello()
    standing = line.ask("status")["faults"].split(",")
    _must_stand(line.port, name, [each for each in standing if each != "none"])
    line.ask("clear", name)


async def clear_by_radio(radio: Radio, board_id: int, key: bytes, name: str) -> None:
    """Clear by radio; the board refuses a person's fault unless its button was just pressed."""
    code = latch_named(name)
    async with linked(radio, board_id, key) as link:
        standing = [codes.name(each) for each in await link.faults()]
        _must_stand(f"board {board_id}", name, standing)
        await obeyed(link, wire.CLEAR, code)


def _must_stand(board: str, name: str, standing: Iterable[str]) -> None:
    if name not in standing:
        shown = ", ".join(standing) or "none"
        raise InputError(f"{board}: {name} does not stand (standing: {shown})")
