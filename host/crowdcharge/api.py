# SPDX-License-Identifier: MIT
"""The front door: what `import crowdcharge` offers, as functions with typed results.

Each function imports what it needs when it is called, so that `import crowdcharge` stays quick.
Every mistake of the caller is an `InputError` whose text is one line.
"""

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from crowdcharge.errors import InputError
from crowdcharge.escaping import shown
from crowdcharge.files.arrow import arrow_table, columns_of, one_of, pandas_frame
from crowdcharge.files.numbers import real, whole
from crowdcharge.ledger.settlement import TransferRecord

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from crowdcharge.bench.runs.demo import Demo
    from crowdcharge.market import Clearing, Market
    from crowdcharge.planner import Plan, Problem


Kind = TypeVar("Kind")
DOUBLINGS_MAX = 20


@dataclass(frozen=True, slots=True)
class BoardRecord:
    """One board over a run, by its own readings; None where its charge is unknown."""

    board_id: int
    soc_before_pct: float | None
    soc_after_pct: float | None
    sent_mJ: int
    received_mJ: int
    balance_mJ: int  # of its account in the ledger: received less sent
    capacity_mJ: int
    epoch: int  # changes at each reboot


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a ledger says of a run.

    `transfers` are those between two boards, in the order in which they were opened; the sums
    also hold the short fields that only look for a receiver. `efficiency` is received over sent,
    battery to battery, 0 to 1, over the settled transfers alone; None if they sent nothing. The
    sums hold what is booked for the others too, and `unsettled` counts these by their states. The
    imbalance is the total variation distance of the boards' charge from the uniform distribution,
    0 to 1.
    """

    policy: str | None
    seed: int | None
    transfers: list[TransferRecord]
    boards: list[BoardRecord]
    sent_mJ: int
    received_mJ: int
    loss_mJ: int
    efficiency: float | None
    unsettled: dict[str, int]  # by state: open, one-sided, disputed
    imbalance_before: float
    imbalance_after: float
    floor_cutoffs: int  # transfers that ended because the donor reached its floor
    refusals: int

    def to_arrow(self, table: Literal["transfers", "boards"] = "transfers") -> "pyarrow.Table":
        """Make a table of the transfers or of the boards, a column for each of their fields.

        Needs the extra `data`.
        """
        tables: dict[str, tuple[type, list[Any]]] = {
            "transfers": (TransferRecord, self.transfers),
            "boards": (BoardRecord, self.boards),
        }
        kind, records = one_of(tables, table)
        return arrow_table(columns_of(kind), map(asdict, records))

    def to_pandas(self, table: Literal["transfers", "boards"] = "transfers") -> "pandas.DataFrame":
        """Make a data frame as `to_arrow` makes a table. Needs pandas too."""
        return pandas_frame(self.to_arrow(table))


class VirtualBench:
    """A virtual bench as `open_bench` gives it."""

    def __init__(self, demo: "Demo", folder: Path) -> None:
        self._demo = demo
        self._folder = folder

    async def run(self, policy: str) -> RunRecord:
        """Let the boards meet under `policy` until a tenth of their imbalance is left.

        Each run starts the same boards anew with the same charge, so that runs can be compared.
        Raises InputError for an unknown policy and BenchError if the bench fails.
        """
        from crowdcharge.bench.runs import demo
        from crowdcharge.orchestrator.run_folder import LEDGER

        await demo.run(replace(self._demo, policy=policy), self._folder, lambda _event: None)
        return open_ledger(self._folder / LEDGER)


@asynccontextmanager
async def open_bench(
    boards: int = 4,
    *,
    seed: int = 1,
    speed: float | None = None,
    port: Literal["micropython", "circuitpython", "mixed"] = "micropython",
    out: Path | str | None = None,
) -> AsyncIterator[VirtualBench]:
    """Open a virtual bench of 2 to 100 boards, each a real MicroPython VM with the real firmware.

    `seed` draws the charge of every board after the fourth and the losses on the air. `speed` is
    board time over real time, 0.1 to 10; None takes what so many boards bear on two cores. The
    files of the newest run (ledger, keys, report) go to `out`, or are removed with the block.
    Raises InputError for a value out of range or where there is no MicroPython VM.
    """
    from crowdcharge.bench.board import micropython
    from crowdcharge.bench.runs.demo import Demo

    pace = None if speed is None else real("speed", speed)
    demo = Demo(boards=whole("boards", boards), seed=whole("seed", seed), speed=pace, port=port)
    if demo.seed < 0:
        raise InputError(f"seed must not be negative, not {seed!r}")
    if not isinstance(out, Path | str | None):
        raise InputError(f"out must be the path of a folder, not {shown(out)}")
    micropython.binary()
    with tempfile.TemporaryDirectory(prefix="crowdcharge-") as scratch:
        yield VirtualBench(demo, Path(out or scratch))


def open_ledger(path: Path | str) -> RunRecord:
    """Read a ledger, which may be in use, without changing it: a file, or a database's URL.

    Raises InputError if there is no ledger at `path`, LedgerError if it is damaged. It does not
    check hashes and signatures: `crowdcharge ledger verify` does.
    """
    from crowdcharge.ledger.place import place_of
    from crowdcharge.ledger.store import Store
    from crowdcharge.report.summary import summarise

    if not isinstance(path, Path | str):
        raise InputError(f"a ledger is a path or a URL, not {shown(path)}")
    with Store.read(place_of(path) if isinstance(path, str) else path) as store:
        book = store.load()
    summary = summarise(book)
    same = RunRecord.__dataclass_fields__.keys() - {"transfers", "boards", "unsettled"}
    return RunRecord(
        transfers=[book.transfers[each["transfer_id"]] for each in summary["transfers"]],
        boards=[BoardRecord(**board) for board in summary["boards"]],
        unsettled=summary["unsettled"]["states"],
        **{name: summary[name] for name in same},
    )


def plan_problem(
    problem: "Problem | Path | str", method: Literal["lal", "lay"] = "lay", max_doublings: int = 3
) -> "Plan":
    """Plan who charges whom over known contacts; `problem` is one, or its JSON file.

    `lay` loses the least energy, `lal` takes the shortest time as if nothing were lost. Horizons
    are the cycle, doubled up to `max_doublings` times. The plan's energies are in the unit of the
    problem, J in this project. See docs/explanation/planner.md for the papers. A target out of
    reach is no error: the plan then says why. Raises InputError for a file that is wrong and
    WptError if no solver could decide.
    """
    from crowdcharge import planner

    solve = one_of({"lal": planner.lal, "lay": planner.lay}, method, "method")
    doublings = whole("max_doublings", max_doublings)
    if not 0 <= doublings <= DOUBLINGS_MAX:
        raise InputError(f"max_doublings must be 0 to {DOUBLINGS_MAX}, not {doublings}")
    return solve(given_or_read(problem, planner.Problem, planner.Problem.from_json), doublings)


def clear_market(market: "Market | Path | str") -> "Clearing":
    """Clear a market of n peers and a lane; `market` is one, or its JSON file.

    The result has the price, n signed energies (shape (n,), above 0 buys in a charging market)
    and the lane's energy: the optimum of Nguyen's lane paper with every bound honoured, see
    docs/explanation/market.md. Energies and prices are in the units of the market. Raises
    InputError for a file that is wrong and where no price makes anybody trade.
    """
    from crowdcharge import market as markets

    return markets.clear(given_or_read(market, markets.Market, markets.parse_market))


def given_or_read(
    given: Kind | Path | str, kind: type[Kind], parse: Callable[[Any], Kind]
) -> Kind:
    """Return what was given, or what its JSON file holds."""
    from crowdcharge.files import read_json_as

    if isinstance(given, Path | str):
        return read_json_as(Path(given), parse)
    if not isinstance(given, kind):
        raise InputError(f"a {kind.__name__} or the path of its file, not {shown(given)}")
    return given
