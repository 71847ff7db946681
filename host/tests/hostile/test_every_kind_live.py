# SPDX-License-Identifier: MIT
"""On a board of each port: each latch clears in its declared way and in no other, over reboots,
and a command that was withheld, replayed or relayed does nothing after its expiry.

The core's tests (firmware/tests/test_latches.py, test_wire_2.py) are exhaustive; here are ports,
consoles and buttons.
"""

import asyncio
import binascii
import contextlib
import secrets
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.boards import codes
from crowdcharge.boards.link import BoardLink
from crowdcharge.clock import BoardClock
from crowdcharge.errors import CommandRefused, WptError
from crowdcharge.flash.clearing import clear_by_console
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.radio.bleak_radio import BleakLink, BleakRadio
from wptcore import ept, wire
from wptcore.declared import BY_HOST, BY_PERSON, BY_REPAIR, CLEAR_BY
from wptcore.journal import Saved, pack_record

pytestmark = [
    pytest.mark.bench,
    pytest.mark.long,  # two minutes: pytest -m long host/tests/hostile/test_every_kind_live.py
    pytest.mark.timeout(400),
    pytest.mark.asyncio(loop_scope="module"),
]
KEY = bytes([9]) * 32
KINDS = {
    "virtual": "micropython",
    "feather_nrf52840": "circuitpython",
    "feather_esp32s3_cp": "circuitpython",
}
GRANT = (wire.GRANT, 77, wire.PTX, 2, 0, 0, 900, 5000, 4000, 0, 2000, 0)


class Hand:
    """The radio, the console and the finger of whoever has the key of board 1."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.radio = BleakRadio(*backends(bench.transport))
        self._link: BoardLink | None = None

    async def link(self) -> BoardLink:
        """Return a link to the board once it measures; it may have restarted."""
        for _ in range(200):
            with contextlib.suppress(WptError):
                if self._link is None or self._link.closed:
                    self._link = await BoardLink.open(
                        self.radio,
                        self.bench.addresses[1],
                        1,
                        KEY,
                        secrets.token_bytes,
                        BoardClock(),
                    )
                if not await self._link.faults() & {ept.SELF_TEST, ept.SOC_UNKNOWN}:
                    return self._link
            await asyncio.sleep(0.1)
        raise AssertionError("the board does not come back")

    async def faults(self) -> set[int]:
        return {code for code in await (await self.link()).faults() if code in CLEAR_BY}

    async def by_key(self, code: int) -> int:
        return (await (await self.link()).command(wire.CLEAR, code)).code

    async def at_console(self, code: int) -> bool:
        """Clear over USB; return whether the board did."""

        def ask() -> None:
            with SerialLine(self.bench.serial_ports[1]) as line:
                clear_by_console(line, codes.name(code))

        try:
            await asyncio.to_thread(ask)
        except CommandRefused:
            return False
        return True

    async def press(self) -> None:
        await self.bench.control.fault("button", 1)
        await asyncio.sleep(1.0)
        await self.bench.control.fault("button", 1, down=False)
        await asyncio.sleep(0.5)

    async def restart(self, between: Callable[[], None]) -> None:
        await self.bench.control.fault("kill", 1)
        between()
        await self.bench.control.fault("power-on", 1)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def hand(request, tmp_path_factory) -> AsyncIterator[Hand]:
    board = BoardConfig(1, 70.0, key=KEY.hex(), board=request.param, port=KINDS[request.param])
    async with launch(BenchConfig((board,)), tmp_path_factory.mktemp("bench")) as bench:
        hand = Hand(bench)
        heard = asyncio.Event()
        await hand.radio.start_scan(lambda _advert: heard.set())
        await asyncio.wait_for(heard.wait(), 30)
        yield hand
        await hand.radio.close()


def latch_all(folder: Path, port: str) -> None:
    """Put a record with every latch into the board's memory, as of a board that had them all."""
    saved = Saved()
    saved.latches = bytes(CLEAR_BY)
    record = pack_record(10_000, saved, binascii.crc32)
    if port == "micropython":
        (folder / "flash" / "journal0.bin").write_bytes(record)
        return
    path = folder / "nvm.image"
    image = bytearray(path.read_bytes())
    head = struct.pack("<HI", len(record), binascii.crc32(record))
    image[: len(head) + len(record)] = head + record
    path.write_bytes(image)


def cleared_by(who: int) -> list[int]:
    return [code for code, by in CLEAR_BY.items() if by == who]


async def test_each_latch_clears_in_its_declared_way_and_in_no_other(hand):
    folder = hand.bench.folder / "board-1"
    await hand.restart(lambda: latch_all(folder, hand.bench.config.boards[0].port))
    standing = set(CLEAR_BY)
    assert await hand.faults() == standing
    assert (await (await hand.link()).command(*GRANT)).code == ept.LATCHED

    for code in cleared_by(BY_HOST):
        assert not await hand.at_console(code)
        assert await hand.by_key(code) == ept.NONE
        standing.remove(code)
    for code in standing:
        assert await hand.by_key(code) == ept.NEEDS_PERSON
    assert await hand.faults() == standing

    first, *others = cleared_by(BY_PERSON)
    assert await hand.at_console(first)
    standing.remove(first)
    await hand.restart(lambda: None)
    assert await hand.faults() == standing, "what was cleared stays so, and the rest stands"

    await hand.bench.control.fault("load", 1, current_mA=500.0)  # power flows where none may
    await hand.press()
    for code in cleared_by(BY_REPAIR):
        assert not await hand.at_console(code)
        assert await hand.by_key(code) == code
    await hand.bench.control.fault("load", 1)
    await asyncio.sleep(0.5)
    for code in (*others, *cleared_by(BY_REPAIR)):
        assert await hand.by_key(code) == ept.NONE, codes.name(code)
        standing.remove(code)
    assert standing == await hand.faults() == set()
    assert (await (await hand.link()).command(*GRANT)).code == ept.NONE
    await (await hand.link()).command(wire.STOP, GRANT[1])


@pytest.mark.parametrize("way", ["withheld", "replayed", "relayed on another link"])
async def test_a_command_does_nothing_after_its_expiry(hand, monkeypatch, way):
    """A relay keeps a Grant back until it has expired; the host goes on meanwhile, or has gone."""
    kept: list[bytes] = []
    write = BleakLink.write
    number = secrets.randbits(30) | 1
    link = await hand.link()

    async def relay(self, uuid: str, data: bytes) -> None:
        is_grant = uuid == wire.COMMAND_UUID and data[1] == wire.GRANT
        if is_grant:
            kept.append(data)
        if not is_grant or way == "replayed":
            await write(self, uuid, data)

    monkeypatch.setattr(BleakLink, "write", relay)
    with contextlib.suppress(WptError):
        await link.command(wire.GRANT, number, *GRANT[2:])
    if way == "replayed":
        await link.command(wire.STOP, number)
    await asyncio.sleep(wire.EXPIRY_MAX_ms / 1000 + 0.5)
    assert kept
    monkeypatch.setattr(BleakLink, "write", write)
    since_s = (await hand.bench.control.status())["time_s"]
    if way != "withheld" or link.closed:
        link = await hand.link()
    if way == "relayed on another link":
        await link.close()
        link = await hand.link()
    with contextlib.suppress(WptError):
        await link._link.write(wire.COMMAND_UUID, kept[-1])
    await asyncio.sleep(1.0)
    seen = await hand.bench.control.witness(since_s=since_s, board=1)
    assert not [edge for edge in seen["changes"] if edge["on"]], seen
    assert await hand.faults() == set()
