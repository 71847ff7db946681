# SPDX-License-Identifier: MIT
"""Clear one latched fault of one board. The board decides whether it may: errors.toml says how."""

import asyncio
import secrets
from collections.abc import Iterable

from crowdcharge.boards import codes
from crowdcharge.boards.link import BoardLink
from crowdcharge.boards.models import Beacon
from crowdcharge.clock import BoardClock
from crowdcharge.errors import BoardUnreachable, GrantRefused, InputError
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.radio.base import Advert, Radio
from wptcore import ept, wire

LISTEN_s = 10.0


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
    address = await _heard(radio, board_id)
    link = await BoardLink.open(radio, address, board_id, key, secrets.token_bytes, BoardClock())
    try:
        standing = [codes.name(each) for each in await link.faults()]
        _must_stand(f"board {board_id}", name, standing)
        ack = await link.command(wire.CLEAR, code)
    finally:
        await link.close()
    if ack.code != ept.NONE:
        raise GrantRefused(board_id, ack.code, codes.text(ack.code))


def _must_stand(board: str, name: str, standing: Iterable[str]) -> None:
    if name not in standing:
        shown = ", ".join(standing) or "none"
        raise InputError(f"{board}: {name} does not stand (standing: {shown})")


async def _heard(radio: Radio, board_id: int) -> str:
    """Listen until the board is heard and return its address."""
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_advert(advert: Advert) -> None:
        try:
            if Beacon.unpack(advert.data).board_id == board_id and not found.done():
                found.set_result(advert.address)
        except ValueError:
            return

    await radio.start_scan(on_advert)
    try:
        async with asyncio.timeout(LISTEN_s):
            return await found
    except TimeoutError:
        raise BoardUnreachable(board_id, f"not heard within {LISTEN_s:g} s") from None
    finally:
        await radio.stop_scan()
