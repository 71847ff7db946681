# SPDX-License-Identifier: MIT
"""How many rows a second a ledger takes in a file and in a PostgreSQL on the same machine.

    python host/benchmarks/books.py URL [ROWS]      (default 20000)

URL is an empty site of a database that `crowdcharge ledger create` has made ready. Samples, as a
run has most of them: in batches as the forwarder writes them, and one at a time.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from crowdcharge.ledger import kinds
from crowdcharge.ledger.place import BooksUrl
from crowdcharge.ledger.store import Store

_BATCH_ROWS, _ALONE_ROWS = 500, 500


def _sample(number: int) -> kinds.Sample:
    return kinds.Sample(7, 1, 1, number, 2500, number, soc_permille=500, coil_dC=301)


def _rate_hz(count: int, work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return count / (time.perf_counter() - began_s)


def _measure(store: Store, count: int) -> dict[str, float]:
    samples = [_sample(number) for number in range(count)]
    batches = [samples[i : i + _BATCH_ROWS] for i in range(0, count, _BATCH_ROWS)]
    alone = samples[:_ALONE_ROWS]
    return {
        "batches": _rate_hz(count, lambda: [store.append(batch) for batch in batches]),
        "one at a time": _rate_hz(len(alone), lambda: [store.append([each]) for each in alone]),
        "read": _rate_hz(count + len(alone), lambda: list(store.rows())),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", type=BooksUrl)
    parser.add_argument("rows", type=int, nargs="?", default=20_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        with Store.create(Path(scratch, "ledger.sqlite")) as store:
            file = _measure(store, given.rows)
        with Store.create(given.url) as store:
            database = _measure(store, given.rows)
    for what, rate_hz in file.items():
        ratio = database[what] / rate_hz
        print(f"{what}: file {rate_hz:.0f}/s, database {database[what]:.0f}/s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
