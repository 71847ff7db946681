# SPDX-License-Identifier: MIT
"""A ledger of millions of rows: filled, copied into a PostgreSQL, and verified in one pass each.

    python host/benchmarks/books_large.py FILE [ROWS] [--url URL] [--samples N]

FILE is made, with ROWS rows (default 10^6): transfers of 100 boards with signed receipts and
N samples each (default 90, what a transfer of 30 s leaves). URL is an empty site of a database
that `crowdcharge ledger create` has made ready; the rows go there as `crowdcharge ledger copy`
writes them. Each verification, with every signature, is a process of its own, for its memory.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from itertools import count, islice
from pathlib import Path

from crowdcharge.boards.models import Receipt
from crowdcharge.ledger import kinds
from crowdcharge.ledger.keeping import catch_up
from crowdcharge.ledger.place import BooksUrl, Place, place_of
from crowdcharge.ledger.postgres_rows import PostgresRows
from crowdcharge.ledger.rows import FIRST_HASH, Row, chained, receipt_row
from crowdcharge.ledger.settlement import TransferRecord, settlement
from crowdcharge.ledger.sqlite_rows import SqliteRows
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import judge
from wptcore import auth, ept, wire

KEYS = {number: bytes([number]) * 32 for number in range(1, 101)}
_SENT_mJ, _RECEIVED_mJ, _BATCH_ROWS = 60_000, 36_000, 5000


class Ledger:
    """What is written in a ledger without end; the first half of the boards gives to the other."""

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._odometers_mJ = dict.fromkeys(KEYS, 0)

    def contents(self) -> Iterator[kinds.Content]:
        yield kinds.Run("oblivious-share", 1, None)
        half = len(KEYS) // 2
        for transfer_id in count(1):
            ptx = 1 + transfer_id % half
            yield from self._transfer(transfer_id, ptx, ptx + half)

    def _transfer(self, transfer_id: int, ptx: int, prx: int) -> Iterator[kinds.Content]:
        t_ms = transfer_id * 30_000
        opened = kinds.Open(transfer_id, ptx, prx, _SENT_mJ, 2000, t_ms)
        yield opened
        for number in range(self._samples):
            board_id, role = ((ptx, wire.PTX), (prx, wire.PRX))[number % 2]
            at_ms, energy_mJ = t_ms + 333 * number, number * 600
            yield kinds.Sample(transfer_id, board_id, role, at_ms, 2000, energy_mJ, 500, 301)
        sent = self._receipt(ptx, transfer_id, wire.PTX, prx, _SENT_mJ)
        received = self._receipt(prx, transfer_id, wire.PRX, ptx, _RECEIVED_mJ)
        yield receipt_row(sent)
        yield receipt_row(received)
        record = TransferRecord(transfer_id, ptx, prx, _SENT_mJ, t_ms)
        yield from settlement(record, sent, received)
        yield kinds.Reading(ptx, 1, 500, self._odometers_mJ[ptx], 0, 100_000, t_ms)
        yield kinds.Reading(prx, 1, 500, 0, self._odometers_mJ[prx], 100_000, t_ms)

    def _receipt(
        self, board_id: int, transfer_id: int, role: int, peer: int, energy_mJ: int
    ) -> Receipt:
        self._odometers_mJ[board_id] += energy_mJ
        why, told = ept.ENERGY_BUDGET, (500, 490, self._odometers_mJ[board_id])
        body = wire.pack_receipt(
            board_id, 1, transfer_id, role, peer, energy_mJ, 30_000, 2000, 301, why, *told
        )
        return Receipt.unpack(body + auth.receipt_tag(sha256, KEYS[board_id], body))


def _rows(contents: Iterator[kinds.Content], most: int) -> Iterator[Row]:
    previous = FIRST_HASH
    for seq in range(1, most + 1):
        row = chained(seq, previous, next(contents))
        previous = row.hash
        yield row


def _fill(path: Path, most: int, samples: int) -> None:
    with closing(SqliteRows.write(path)) as file:
        rows = _rows(Ledger(samples).contents(), most)
        while batch := list(islice(rows, _BATCH_ROWS)):
            file.insert(batch)


def _copy(path: Path, url: BooksUrl) -> None:
    with closing(SqliteRows.read(path)) as file, closing(PostgresRows.write(url)) as database:
        catch_up(file, database)


def _verify(place: Place) -> dict[str, float | str]:
    before_MB = _peak_MB()
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    with Store.read(place) as store:
        verdict = judge(store.rows(), KEYS)
    assert not verdict.is_wrong, verdict.findings[:3]
    return {
        "rows": verdict.rows,
        "s": time.perf_counter() - began_s,
        "cpu_s": time.process_time() - began_cpu_s,
        "rose_MB": _peak_MB() - before_MB,
    }


def _peak_MB() -> float:
    """Return this program's own peak; getrusage would count the parent's before it began."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def _verify_alone(place: str) -> None:
    command = [sys.executable, __file__, "--verify", place]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    rate_hz, cpu_us = found["rows"] / found["s"], 1e6 * found["cpu_s"] / found["rows"]
    where = "database" if "://" in place else "file"
    print(
        f"verify {where}: {found['rows']:,} rows, {rate_hz:,.0f}/s, {cpu_us:.1f} us of processor"
        f" time each, {found['rose_MB']:.0f} MB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("place", metavar="FILE")
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--url")
    parser.add_argument("--samples", type=int, default=90)
    parser.add_argument("--verify", action="store_true", help="verify a place, and print JSON")
    given = parser.parse_args()
    if given.verify:
        print(json.dumps(_verify(place_of(given.place))))
        return
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    path = Path(given.place)
    steps = {"fill file": lambda: _fill(path, given.rows, given.samples)}
    if given.url:
        steps["copy into database"] = lambda: _copy(path, BooksUrl(given.url))
    for what, work in steps.items():
        began_s = time.perf_counter()
        work()
        print(f"{what}: {given.rows / (time.perf_counter() - began_s):,.0f}/s", flush=True)
    print(f"file: {path.stat().st_size / given.rows:.0f} bytes a row")
    for place in filter(None, (given.place, given.url)):
        _verify_alone(place)


if __name__ == "__main__":
    main()
