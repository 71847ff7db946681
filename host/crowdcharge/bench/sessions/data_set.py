# SPDX-License-Identifier: MIT
"""Write the data set: sessions played on all cores, four tables, and a card that says what is in
them. The same seed, number and format give the same bytes.
"""

import csv
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from crowdcharge.bench.sessions.card import BEGINNING, CARD, card
from crowdcharge.bench.sessions.plan import draw
from crowdcharge.bench.sessions.session import Played, play
from crowdcharge.bench.sessions.tables import TABLES
from crowdcharge.errors import InputError
from crowdcharge.files.arrow import columns_of, write_parquet
from crowdcharge.files.whole import folder_for, leftovers, replaced, write_whole
from crowdcharge.simulation.workers import deaf, end_with_parent

Format = Literal["parquet", "csv"]
_ALONE_MAX = 4  # so few sessions are played here: other processes take longer to start


@dataclass(frozen=True, slots=True)
class DataSet:
    """`version` of the program that makes it goes into the card."""

    seed: int
    sessions: int
    format: Format
    version: str

    def write(self, out: Path, done: Callable[[int], None]) -> list[Path]:
        """Play the sessions and write tables and card into the folder `out`; return the files.

        `done` is told how many are played. InputError if `out` may not be written, or if it holds
        anything but a data set of this format, which is replaced.
        """
        folder_for(out, "OUT_DIR")
        paths = [out / f"{name}.{self.format}" for name in TABLES]
        _refuse_strange(out, {path.name for path in paths})
        if self.format == "parquet":
            import pyarrow  # noqa: F401, PLC0415 - that it is missing shows before any work
        rows: dict[str, list[Any]] = {name: [] for name in TABLES}
        with _mapping(self.sessions) as mapped:
            every = mapped(partial(_played, self.seed), range(self.sessions))
            for number, played in enumerate(every, 1):
                for name in TABLES:
                    rows[name] += getattr(played, name)
                done(number)
        write_whole(out / CARD, BEGINNING + b"\n---\n\nNot finished: make it again.\n")
        for path, (kind, _), found in zip(paths, TABLES.values(), rows.values(), strict=True):
            _WRITERS[self.format](path, kind, found)
        counts = {name: len(found) for name, found in rows.items()}
        write_whole(out / CARD, card(asdict(self), counts, paths).encode())
        return [*paths, out / CARD]


def _refuse_strange(out: Path, tables: set[str]) -> None:
    """Raise InputError if a file would be lost, or be mistaken for one of this data set.

    A table is one of ours where a card of ours is, which is therefore written first, too.
    """
    is_ours = (out / CARD).is_file() and (out / CARD).read_bytes().startswith(BEGINNING)
    known = {CARD, *tables} if is_ours else set()
    left = {each for name in known for each in leftovers(out / name)}
    if strange := sorted({each.name for each in out.iterdir() if each not in left} - known):
        raise InputError(f"{out} holds {strange[0]}: a data set wants a folder of its own")


def _played(seed: int, session: int) -> Played:
    return play(draw(seed, session))


@contextmanager
def _mapping(sessions: int) -> Iterator[Callable[..., Iterable[Played]]]:
    """Yield what maps over the sessions in their order: here, or on all cores."""
    workers = len(os.sched_getaffinity(0))
    if sessions <= _ALONE_MAX or workers == 1:
        yield map
        return
    spawning = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawning, end_with_parent)

    def mapped(work: Callable[[int], Played], sessions: range) -> Iterable[Played]:
        with deaf():
            return pool.map(work, sessions, chunksize=2)

    try:
        yield mapped
    finally:
        pool.shutdown(cancel_futures=True)


def _write_parquet(path: Path, kind: type, rows: list[Any]) -> None:
    write_parquet(path, columns_of(kind), map(asdict, rows))


def _write_csv(path: Path, kind: type, rows: list[Any]) -> None:
    with replaced(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns_of(kind))
        writer.writerows(map(astuple, rows))


_WRITERS: dict[Format, Callable[[Path, type, list[Any]], None]] = {
    "parquet": _write_parquet,
    "csv": _write_csv,
}
