# SPDX-License-Identifier: MIT
"""Brings a mandate to its board, by cable or by radio. Nobody needs a key for that."""

import asyncio

from crowdcharge.boards import codes
from crowdcharge.boards.keys import Keys
from crowdcharge.boards.listening import address_of
from crowdcharge.errors import BoardUnreachable, GrantRefused, LineError
from crowdcharge.flash.joining import board_on
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.radio.base import Radio
from wptcore import auth, mandate, wire

_ANSWER_s = 3.0
_TRIES = 3


def adopt(line: SerialLine, key: bytes) -> None:
    """Store the key that the board shares with its owner."""
    with line.maintenance():
        line.ask("owner", key.hex())


def by_cable(line: SerialLine, signed: bytes) -> bytes:
    """Return the board's proof for its owner; LineError says why it refuses."""
    board_id, found = mandate.board_of(signed), board_on(line)
    if found != board_id:
        raise LineError(f"{line.port} is board {found}, and the mandate is for board {board_id}")
    return bytes.fromhex(line.ask("mandate", signed.hex())["proof"])


async def by_radio(radio: Radio, signed: bytes, keys: Keys) -> bytes:
    """Return the proof, which only the owner can check; GrantRefused if the board refuses.

    `keys`: with that of the board it is found though it is hidden.
    """
    board_id = mandate.board_of(signed)
    address = await address_of(radio, board_id, keys)
    replies: asyncio.Queue[bytes] = asyncio.Queue()
    link = await radio.connect(address, lambda: None)
    try:
        await link.subscribe(wire.REPLY_UUID, replies.put_nowait)
        for counter in range(1, _TRIES + 1):
            frame = wire.pack_frame(wire.MANDATE, counter, 0, signed) + bytes(auth.TAG_SIZE)
            await link.write(wire.COMMAND_UUID, frame)
            try:
                async with asyncio.timeout(_ANSWER_s):
                    return _proof(board_id, await replies.get())
            except TimeoutError:
                continue
    finally:
        await link.close()
    raise BoardUnreachable(board_id, "it does not answer to a mandate")


def _proof(board_id: int, reply: bytes) -> bytes:
    try:
        fields = wire.unpack_body(reply)
        frame_type = wire.unpack_header(reply)[1]
    except ValueError as error:
        raise BoardUnreachable(board_id, f"an answer that is none: {error}") from None
    if frame_type == wire.ACK:
        raise GrantRefused(board_id, fields[1], codes.text(fields[1]))
    proof: bytes = fields[1]
    return proof
