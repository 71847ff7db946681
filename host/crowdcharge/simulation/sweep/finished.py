# SPDX-License-Identifier: MIT
"""What of a sweep is done: a file of JSON lines beside the table, so that a killed one goes on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crowdcharge.files import locked, read_parts, write_whole, writing
from crowdcharge.simulation.sweep.jobs import Figures, Job

PART_MAX_bytes = 1_000_000_000


class Finished:
    """The figures of finished runs by the key of the run; `keep` writes one more at once."""

    def __init__(self, path: Path, figures: dict[str, Figures]) -> None:
        self._path = path
        self.figures = figures

    def keep(self, job: Job, figures: Figures) -> None:
        line = json.dumps({"key": job.key, "run": str(job), "figures": figures})
        with writing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        self.figures[job.key] = json.loads(line)["figures"]  # the same, whoever has read it


@contextmanager
def opened(table: Path) -> Iterator[Finished]:
    """Open what is finished of a table; only one process at a time, or InputError."""
    part = part_of(table)
    with locked(table):
        figures = dict(_read(read_parts(part, '{"key": ', PART_MAX_bytes)))
        lines = (json.dumps({"key": key, "figures": each}) for key, each in figures.items())
        write_whole(part, "".join(f"{line}\n" for line in lines).encode())
        try:
            yield Finished(part, figures)
        finally:
            if not figures:
                part.unlink()


def part_of(table: Path) -> Path:
    return table.with_name(table.name + ".part")


def _read(text: str) -> Iterator[tuple[str, Figures]]:
    """Yield what whole lines say; a kill may have cut the last one short, which is run again."""
    for line in text.splitlines():
        try:
            said = json.loads(line)
            yield str(said["key"]), dict(said["figures"])
        except (ValueError, TypeError, KeyError):
            continue
