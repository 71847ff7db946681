# SPDX-License-Identifier: MIT
"""A long figure in parts: each is kept as soon as it is there, so that a stopped command goes on.

The file has a JSON line for each part and is readable at any time. Parts of other code, or of the
other sample size, are never taken: both are in a part's key.
"""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from crowdcharge.files import read_parts, write_whole, writing

Key = TypeVar("Key")
Report = Callable[[int, int, float | None], None]  # done, of how many, seconds left if known

PARTS_MAX_bytes = 100_000_000


class Parts:
    """What of one figure is there; without a file nothing is kept."""

    def __init__(
        self,
        file: Path | None = None,
        made_by: str = "",
        report: Report = lambda _done, _total, _left_s: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`made_by` names the code and the sample size; what else is in the file is dropped."""
        self._file, self._made_by, self._report, self._clock = file, made_by, report, clock
        text = "" if file is None else read_parts(file, '{"made_by": ', PARTS_MAX_bytes)
        self._kept = dict(filter(None, map(self._read, text.splitlines())))
        if file is not None:
            lines = (self._line(key, value) for key, value in self._kept.items())
            write_whole(file, "".join(lines).encode())

    @property
    def there(self) -> int:
        return len(self._kept)

    def of(self, keys: Iterable[Key], compute: Callable[[Key], Any]) -> list[Any]:
        """Compute a JSON-able part for each key, or take what is kept; equal keys are one part."""
        wanted = list(keys)
        missing = [key for key in wanted if repr(key) not in self._kept]
        start_s, made, left_s = self._clock(), 0, None
        for done, key in enumerate(wanted):
            self._report(done, len(wanted), left_s)
            if repr(key) in self._kept:
                continue
            self._keep(repr(key), compute(key))
            made += 1
            left_s = (self._clock() - start_s) / made * (len(missing) - made)
        self._report(len(wanted), len(wanted), 0.0)
        return [self._kept[repr(key)] for key in wanted]

    def _keep(self, key: str, value: Any) -> None:
        line = self._line(key, value)
        self._kept[key] = json.loads(line)["value"]  # the same, whoever has read it
        if self._file is not None:
            with writing(self._file), self._file.open("a", encoding="utf-8") as file:
                file.write(line)

    def _line(self, key: str, value: Any) -> str:
        return json.dumps({"made_by": self._made_by, "part": key, "value": value}) + "\n"

    def _read(self, line: str) -> tuple[str, Any] | None:
        """Read a line; a kill may have cut the last one short, which is made again."""
        try:
            said = json.loads(line)
            return (said["part"], said["value"]) if said["made_by"] == self._made_by else None
        except (ValueError, TypeError, KeyError):
            return None
