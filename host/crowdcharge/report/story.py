# SPDX-License-Identifier: MIT
"""PURE: the ledger's rows as series to draw, for the whole ledger and for each of its runs.

Times are seconds since the first event. A run counts from 0 on the boards' clock; the time of day
at which it started puts it in its place among the others. A run that did not note it follows the
one before, and so does one whose clock was set back. Between two runs a series has a value of nan.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.rows import LOSS, Row, account_of
from crowdcharge.ledger.settlement import SETTLED, TransferRecord

Series = list[tuple[float, float]]

_APART_s = 1.0  # two runs, at least
_UNIX_MAX_s = 4_000_000_000  # the year 2096


@dataclass(slots=True)
class Period:
    """One run: what the host noted at its start, and what happened until the next start."""

    run: kinds.Run | None
    begins_s: float
    ends_s: float
    first_ms: int | None = None
    transfers: set[int] = field(default_factory=set)
    markets: set[int] = field(default_factory=set)
    first_reading: dict[int, kinds.Reading] = field(default_factory=dict)
    last_reading: dict[int, kinds.Reading] = field(default_factory=dict)


@dataclass(slots=True)
class Story:
    """`soc_pct` by board; `sent_W` and `received_W` by transfer.

    `begins_unix_s` is the time of day at time 0, None if a run did not note it.
    """

    book: Book
    begins_unix_s: float | None = None
    periods: list[Period] = field(default_factory=list)
    soc_pct: dict[int, Series] = field(default_factory=lambda: defaultdict(list))
    sent_W: dict[int, Series] = field(default_factory=lambda: defaultdict(list))
    received_W: dict[int, Series] = field(default_factory=lambda: defaultdict(list))
    refusals: list[tuple[float, int, str]] = field(default_factory=list)
    faults: list[tuple[float, int, str, bool]] = field(default_factory=list)

    @property
    def transfers(self) -> list[TransferRecord]:
        """Transfers between two boards; pings, which have no receiver, are left out."""
        return [transfer for transfer in self.book.transfers.values() if transfer.prx]

    @property
    def metered(self) -> list[TransferRecord]:
        return [transfer for transfer in self.transfers if transfer.sent_mJ]

    @property
    def settled(self) -> list[TransferRecord]:
        """Those of which both meters are known and agree."""
        return [transfer for transfer in self.metered if transfer.state == SETTLED]

    def flows_J(self) -> dict[tuple[int, int], float]:
        flows: dict[tuple[int, int], float] = defaultdict(float)
        for transfer in self.metered:
            flows[transfer.ptx, transfer.prx] += transfer.sent_mJ / 1000
        return dict(flows)

    def of(self, period: Period) -> "Story":
        """Return the story of one run, with times since its own start."""
        cut = {name: _cut(getattr(self, name), period) for name in _SERIES}
        return Story(
            _book_of(self.book, period, len(_within(self.refusals, period))),
            _started_unix_s(period.run),
            [period],
            **cut,
            refusals=_within(self.refusals, period),
            faults=_within(self.faults, period),
        )


_SERIES = ("soc_pct", "sent_W", "received_W")


def tell(rows: Iterable[Row]) -> Story:
    """Read all rows once and sort what can be drawn into series."""
    rows = list(rows)
    story = Story(Book.of(rows))
    for row in rows:
        content = row.content()
        if isinstance(content, kinds.Run):
            _begin(story, content)
            continue
        if not story.periods:
            _begin(story, None)
        _add(story, content, _time_s(story.periods[-1], content))
    starts = [_started_unix_s(period.run) for period in story.periods]
    if None not in starts:
        story.begins_unix_s = next(iter(starts), None)
    return story


def _started_unix_s(run: kinds.Run | None) -> float | None:
    """Return the time of day of a start; None if not noted, or noted by a clock that is off."""
    started_unix_s = None if run is None else run.started_unix_s
    good = started_unix_s is not None and 0 <= started_unix_s < _UNIX_MAX_s
    return started_unix_s if good else None


def _begin(story: Story, run: kinds.Run | None) -> None:
    begins_s = 0.0
    if story.periods:
        first, last = story.periods[0], story.periods[-1]
        begins_s = last.ends_s + _APART_s
        first_s, this_s = _started_unix_s(first.run), _started_unix_s(run)
        if first_s is not None and this_s is not None:
            begins_s = max(begins_s, this_s - first_s)
        for series in story.soc_pct.values():
            if series and not math.isnan(series[-1][1]):
                series.append((begins_s - _APART_s / 2, math.nan))
    story.periods.append(Period(run, begins_s, begins_s))


def _time_s(period: Period, content: kinds.Content) -> float:
    """Return the time of a row; one that notes none is as late as the latest so far."""
    t_ms: int | None = getattr(content, "t_ms", None)
    if t_ms is None:
        return period.ends_s
    if period.first_ms is None:
        period.first_ms = t_ms
    time_s = period.begins_s + max(t_ms - period.first_ms, 0) / 1000
    period.ends_s = max(period.ends_s, time_s)
    return time_s


def _add(story: Story, content: kinds.Content, time_s: float) -> None:
    period = story.periods[-1]
    match content:
        case kinds.Open():
            period.transfers.add(content.transfer_id)
        case kinds.MarketRow():
            period.markets.add(content.market_id)
        case kinds.Reading():
            period.first_reading.setdefault(content.board_id, content)
            period.last_reading[content.board_id] = content
            _add_soc(story, content, time_s)
        case kinds.Sample():
            _add_soc(story, content, time_s)
            transfer = story.book.transfers[content.transfer_id]
            side = story.sent_W if content.board_id == transfer.ptx else story.received_W
            side[content.transfer_id].append((time_s, content.power_mW / 1000))
        case kinds.Refusal():
            story.refusals.append((time_s, content.board_id, content.name))
        case kinds.Fault():
            story.faults.append((time_s, content.board_id, content.name, content.raised))


def _add_soc(story: Story, said: kinds.Reading | kinds.Sample, time_s: float) -> None:
    if said.soc_permille is not None:
        story.soc_pct[said.board_id].append((time_s, said.soc_permille / 10))


def _cut(series: dict[int, Series], period: Period) -> dict[int, Series]:
    cut = {key: _within(each, period) for key, each in series.items()}
    return {key: each for key, each in cut.items() if each}


def _within(entries: list, period: Period) -> list:  # type: ignore[type-arg]  # tuples whose first is a time
    return [
        (entry[0] - period.begins_s, *entry[1:])
        for entry in entries
        if period.begins_s <= entry[0] <= period.ends_s
    ]


def _book_of(book: Book, period: Period, refusals: int) -> Book:
    """Return the part of a book that belongs to one run: a transfer to the run that opened it."""
    transfers = {key: book.transfers[key] for key in sorted(period.transfers)}
    balances_mJ: dict[str, int] = defaultdict(int)
    for transfer in transfers.values():
        balances_mJ[LOSS] += transfer.loss_mJ
        balances_mJ[account_of(transfer.ptx)] -= transfer.sent_mJ
        if transfer.prx:
            balances_mJ[account_of(transfer.prx)] += transfer.received_mJ
    return replace(
        book,
        transfers=transfers,
        balances_mJ=dict(balances_mJ),
        first_reading=period.first_reading,
        last_reading=period.last_reading,
        runs=[period.run] if period.run else [],
        markets={key: book.markets[key] for key in sorted(period.markets)},
        bargains={key: each for key, each in book.bargains.items() if key in transfers},
        payments=[each for each in book.payments if each.transfer_id in transfers],
        refusals=refusals,
    )
