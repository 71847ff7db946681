# SPDX-License-Identifier: MIT
"""A recording of adverts, one JSON object per line, and a radio that plays it back.

The radio hears each advert at its recorded time. It does not model connections: `connect` fails.
"""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path

from crowdcharge.clock import Clock
from crowdcharge.errors import InputError, RadioError
from crowdcharge.radio.base import Advert, Link, OnAdvert, OnClosed

Recorded = tuple[float, Advert]  # seconds since the start of the recording


def dump(time_s: float, advert: Advert) -> str:
    """Formats one line of a recording."""
    return json.dumps(
        {
            "t_s": round(time_s, 3),
            "address": advert.address,
            "rssi_dBm": advert.rssi_dBm,
            "data": advert.data.hex(),
        }
    )


def load(path: Path) -> list[Recorded]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"recording {path}: {error}") from None
    recorded = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            advert = Advert(
                str(entry["address"]), int(entry["rssi_dBm"]), bytes.fromhex(entry["data"])
            )
            recorded.append((float(entry["t_s"]), advert))
        except (ValueError, KeyError, TypeError):
            raise InputError(f"recording {path}: line {number} is not an advert") from None
    return recorded


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
        start_s = self._clock.now_s()
        for time_s, advert in self._recorded:
            await self._clock.sleep(start_s + time_s - self._clock.now_s())
            on_advert(advert)
