# SPDX-License-Identifier: MIT
"""`report.html`: figures and tables on one page that needs no other file."""

from datetime import datetime
from pathlib import Path
from typing import Any

from crowdcharge.boards.codes import NAMES, text
from crowdcharge.flash import records
from crowdcharge.ledger.settlement import SETTLED, UNSETTLED_BECAUSE
from crowdcharge.ledger.store import Store
from crowdcharge.report import accuracy, markup, prediction
from crowdcharge.report.markup import Markup, Text, escape, table
from crowdcharge.report.plots import PLOTS
from crowdcharge.report.story import Period, Story, tell
from crowdcharge.report.summary import summarise

_CODES = {name: code for code, name in NAMES.items()}
_PAGES_MAX = 5  # a page takes seconds on a Pi, and a service starts often in its life


def write_report(
    ledger: Path, folder: Path, compared: prediction.Document | None = None
) -> list[Path]:
    """Write report.html, a page for each run if there are several, and a PNG of each plot.

    Return their paths, report.html first. `compared` adds what had been predicted for this run. A
    calibration.json beside the ledger says how good the meters are.
    """
    with Store.read(ledger) as store:
        story = tell(store.rows())
    drawings = {name: draw(story) for name, draw in PLOTS.items()}
    meters = records.Records(ledger.with_name(records.FILE)).corrections()
    more = accuracy.section(story.book, meters)
    more += prediction.section(compared) if compared else ""
    figures = [markup.figure(drawing) for drawing in drawings.values()]
    body = _body(story, figures, _links(story) + more)
    written = [_write(folder / "report.html", "crowdcharge report", body)]
    for name, drawing in drawings.items():
        path = folder / f"{name}.png"
        drawing.savefig(path, dpi=130, facecolor="white")
        written.append(path)
    return written + [_run_page(story, number, folder) for number in _numbers(story)]


def _numbers(story: Story) -> list[int]:
    """Return the runs that get pages of their own: the newest, and none if there is only one."""
    count = len(story.periods)
    return list(range(max(1, count - _PAGES_MAX + 1), count + 1)) if count > 1 else []


def _run_page(story: Story, number: int, folder: Path) -> Path:
    part = story.of(story.periods[number - 1])
    figures = [markup.figure(draw(part)) for draw in PLOTS.values()]
    back = Markup(f"<p>Run {number} of {len(story.periods)}. <a href=report.html>All runs</a></p>")
    title = f"crowdcharge report, run {number}"
    return _write(folder / f"report-run-{number}.html", title, back + _body(part, figures, ""))


def _write(path: Path, title: str, body: str) -> Path:
    path.write_text(markup.page(title, body), encoding="utf-8")
    return path


def _links(story: Story) -> Markup:
    """Return a table of the runs, newest first."""
    numbers = _numbers(story)
    if not numbers:
        return Markup("")
    head = (Text("run"), Text("started"), Text("policy"), "transfers")
    rows = (
        (Text(Markup(f"<a href=report-run-{number}.html>run {number}</a>")), *_run_row(period))
        for number, period in zip(numbers, story.periods[numbers[0] - 1 :], strict=True)
    )
    older = len(story.periods) - len(numbers)
    note = f"<p>{older} older runs have no page of their own.</p>" if older else ""
    return Markup(f"<h2>Runs</h2>{table(head, reversed(list(rows)))}{note}")


def _run_row(period: Period) -> tuple[object, ...]:
    policy = period.run.policy if period.run else "-"
    return Text(_started(period)), Text(policy), len(period.transfers)


def _started(period: Period) -> str:
    """Return the time of day at which the run started, with its zone."""
    unix_s = period.run.started_unix_s if period.run else None
    if unix_s is None:
        return "at a time that was not noted"
    try:
        return datetime.fromtimestamp(unix_s).astimezone().isoformat(sep=" ", timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return f"{unix_s} s after 1970"


def _body(story: Story, figures: list[Markup], more: str) -> str:
    summary = summarise(story.book)
    started = _started(story.periods[-1]) if story.periods else "never"
    which = "The newest run started" if len(story.periods) > 1 else "Started"
    return (
        "<h1>Crowd charge report</h1>"
        f"<p>{which} {escape(started)}. Policy {escape(summary['policy'])}, seed "
        f"{escape(summary['seed'])}, boards on {escape(summary['vm'] or 'real hardware')}. "
        "Every figure comes from the ledger.</p>"
        f"<div class=cards>{_cards(summary)}</div><h2>What happened</h2>"
        f"<div class=plots>{''.join(figures)}</div><h2>Transfers</h2>{_transfers(summary)}"
        f"{_unsettled(summary)}<h2>Boards</h2>{_boards(summary)}{more}{_markets(summary)}{_notes(story)}"
    )


def _cards(summary: dict[str, Any]) -> str:
    share = summary["efficiency"]
    cards = (
        ("transfers", len(summary["transfers"])),
        ("sent", f"{summary['sent_mJ'] / 1000:.2f} J"),
        ("received", f"{summary['received_mJ'] / 1000:.2f} J"),
        ("lost", f"{summary['loss_mJ'] / 1000:.2f} J"),
        ("link efficiency", "-" if share is None else f"{100 * share:.1f} %"),
        ("imbalance before", f"{summary['imbalance_before']:.3f}"),
        ("imbalance after", f"{summary['imbalance_after']:.3f}"),
        ("cut off at the floor", summary["floor_cutoffs"]),
        ("refused", summary["refusals"]),
    )
    return "".join(
        f"<div class=card><b>{escape(value)}</b><span>{name}</span></div>" for name, value in cards
    )


def _transfers(summary: dict[str, Any]) -> Markup:
    numbers = ("transfer", "from", "to", "sent J", "received J", "efficiency")
    words = (Text("donor ended"), Text("receiver ended"), Text("state"))
    return table((*numbers, *words), map(_transfer, summary["transfers"]))


def _unsettled(summary: dict[str, Any]) -> str:
    """Say which transfers are in no efficiency, and why; empty if all are settled."""
    unsettled = summary["unsettled"]
    if not unsettled["states"]:
        return ""
    reasons = "; ".join(
        f"{count} {escape(state)} ({UNSETTLED_BECAUSE.get(state, 'not a state of ours')})"
        for state, count in unsettled["states"].items()
    )
    return (
        f"<p>Not settled, and so in no efficiency: {reasons}. Booked for them are "
        f"{unsettled['sent_mJ'] / 1000:.3f} J sent and "
        f"{unsettled['received_mJ'] / 1000:.3f} J received.</p>"
    )


def _transfer(row: dict[str, Any]) -> tuple[object, ...]:
    counts = row["sent_mJ"] and row["state"] == SETTLED
    share = f"{100 * row['received_mJ'] / row['sent_mJ']:.1f} %" if counts else "-"
    return (
        row["transfer_id"],
        row["ptx"],
        row["prx"],
        f"{row['sent_mJ'] / 1000:.3f}",
        f"{row['received_mJ'] / 1000:.3f}",
        share,
        Text(_words(row["ept_ptx"]), "cut" if row["ept_ptx"] == "FLOOR" else ""),
        Text(_words(row["ept_prx"])),
        Text(row["state"], row["state"]),
    )


def _boards(summary: dict[str, Any]) -> Markup:
    head = ("board", "charge before", "charge after", "sent J", "received J", "boots")
    return table(head, map(_board, summary["boards"]))


def _board(board: dict[str, Any]) -> tuple[object, ...]:
    return (
        board["board_id"],
        _percent(board["soc_before_pct"]),
        _percent(board["soc_after_pct"]),
        f"{board['sent_mJ'] / 1000:.2f}",
        f"{board['received_mJ'] / 1000:.2f}",
        board["epoch"],
    )


def _markets(summary: dict[str, Any]) -> str:
    return "".join(_market(market) for market in summary["markets"])


def _market(market: dict[str, Any]) -> str:
    title = f"<h2>Market {escape(market['market_id'])}</h2>"
    if market["void"]:
        return f"{title}<p>Void: {escape(market['void'])}</p>"
    doubt = "" if market["confirmed"] else ", not confirmed: a board vanished after it was found"
    lane = escape(market["lane"])
    head = ("transfer", "seller", "buyer", "bought J", "received J", "credits paid")
    bargains = table((*head, Text("outcome")), map(_bargain, market["bargains"]))
    accounts = ", ".join(
        f"{escape(board)} {amount:+.6f}" for board, amount in market["accounts"].items()
    )
    return (
        f"{title}<p>{market['price_per_Wh']:.6g} credits/Wh with lane {lane}{doubt}.</p>"
        f"{bargains}<p>Accounts by board, in credits: {accounts}</p>"
    )


def _bargain(row: dict[str, Any]) -> tuple[object, ...]:
    return (
        row["transfer_id"],
        row["seller"],
        row["buyer"],
        f"{row['energy_mJ'] / 1000:.2f}",
        f"{row['received_mJ'] / 1000:.2f}",
        f"{row['paid']:.6f}",
        Text(row["outcome"]),
    )


def _notes(story: Story) -> str:
    """Refusals, then faults: when, which board, and what it said."""
    notes = [(time_s, board_id, "refused", name) for time_s, board_id, name in story.refusals]
    notes += [
        (time_s, board_id, "fault" if raised else "cleared", name)
        for time_s, board_id, name, raised in story.faults
    ]
    if not notes:
        return ""
    rows = (
        (f"{time_s:.1f} s", board_id, Text(Markup(f"{what}: {_words(name)}")))
        for time_s, board_id, what, name in notes
    )
    head = ("time", "board", Text("what it said"))
    return f"<h2>Refusals and faults</h2>{table(head, rows)}"


def _words(name: str | None) -> Markup:
    """Return an EPT name in small letters, with its plain meaning as a hint."""
    if name is None:
        return Markup("-")
    meaning = escape(text(_CODES[name]) if name in _CODES else "")
    return Markup(f"<span title='{meaning}'>{escape(name.lower().replace('_', ' '))}</span>")


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f} %"
