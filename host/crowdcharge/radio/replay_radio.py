# SPDX-License-Identifier: MIT
"""A recording of adverts, one JSON object per line, and a radio that plays it back.

The radio hears the first advert at once and the others as much later as they were recorded. It
does not model connections: `connect` fails.
"""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from crowdcharge.clock import Clock
from crowdcharge.errors import InputError, RadioError
from crowdcharge.files import parsed_line, read_text
from crowdcharge.radio.base import Advert, Link, OnAdvert, OnClosed

RECORDING_MAX_bytes = 200_000_000
TIME_MAX_s = 1e9
ADDRESS_MAX = 64  # a Mac gives a UUID of 36 characters
DATA_MAX = 255  # bytes, of an extended advert
Recorded = tuple[float, Advert]  # seconds since the start of the recording


def dump(time_s: float, advert: Advert) -> str:
    """Format one line of a recording."""
    return json.dumps(
        {
            "t_s": round(time_s, 3),
            "address": advert.address,
            "rssi_dBm": advert.rssi_dBm,
            "data": advert.data.hex(),
        }
    )


def load(path: Path) -> list[Recorded]:
    """Read a recording, in the order of its times; InputError names the line that is no advert."""
    lines = enumerate(read_text(path, RECORDING_MAX_bytes).split("\n"), 1)
    recorded = [_entry(path, number, line) for number, line in lines if line.strip()]
    return sorted(recorded, key=lambda entry: entry[0])


def _entry(path: Path, number: int, line: str) -> Recorded:
    entry = parsed_line(line, str(path), number)
    try:
        return _parsed(entry)
    except (ValueError, KeyError, TypeError) as error:
        why = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path}, line {number}: is not an advert: {why}") from None


def _parsed(entry: Any) -> Recorded:
    if not isinstance(entry, dict):
        raise TypeError("it is not a JSON object")
    time_s, address, rssi_dBm = entry["t_s"], entry["address"], entry["rssi_dBm"]
    if type(time_s) not in {int, float} or not 0 <= time_s <= TIME_MAX_s:
        raise ValueError(f"t_s must be 0 to {TIME_MAX_s:g}")
    if not isinstance(address, str) or not 0 < len(address) <= ADDRESS_MAX:
        raise ValueError(f"address must be a text of at most {ADDRESS_MAX} characters")
    if type(rssi_dBm) is not int or not -128 <= rssi_dBm <= 127:
        raise ValueError("rssi_dBm must be a whole number from -128 to 127")
    data = entry["data"]
    if not isinstance(data, str) or len(data) > 2 * DATA_MAX:
        raise ValueError(f"data must be at most {DATA_MAX} bytes in hex")
    return float(time_s), Advert(address, rssi_dBm, bytes.fromhex(data))


class ReplayRadio:
    def __init__(self, recorded: Iterable[Recorded], clock: Clock) -> None:
        self._recorded = list(recorded)
        self._clock = clock
        self._player: asyncio.Task[None] | None = None

    async def start_scan(self, on_advert: OnAdvert) -> None:
        self._player = asyncio.create_task(self._play(on_advert))

    async def stop_scan(self) -> None:
        if self._player is not None:
            self._player.cancel()
            self._player = None

    async def connect(self, address: str, _on_closed: OnClosed) -> Link:
        raise RadioError(f"{address} is a recording; nothing can connect to it")

    async def close(self) -> None:
        await self.stop_scan()

    async def _play(self, on_advert: OnAdvert) -> None:
        first_s = self._recorded[0][0] if self._recorded else 0.0
        start_s = self._clock.now_s()
        for time_s, advert in self._recorded:
            await self._clock.sleep(start_s + time_s - first_s - self._clock.now_s())
            on_advert(advert)
