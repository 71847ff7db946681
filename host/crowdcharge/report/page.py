# SPDX-License-Identifier: MIT
"""`report.html`: figures and tables on one page that needs no other file."""

from pathlib import Path
from typing import Any

from crowdcharge.boards.codes import NAMES, text
from crowdcharge.flash import records
from crowdcharge.ledger.store import Store
from crowdcharge.report import accuracy, markup, prediction
from crowdcharge.report.markup import Markup, Text, escape, table
from crowdcharge.report.plots import PLOTS
from crowdcharge.report.story import Story, tell
from crowdcharge.report.summary import summarise

_CODES = {name: code for code, name in NAMES.items()}


def write_report(
    ledger: Path, folder: Path, compared: prediction.Document | None = None
) -> list[Path]:
    """Write report.html and a PNG of each plot into `folder`; return their paths.

    `compared` adds what had been predicted for this run. A calibration.json beside the ledger
    says how good the meters are.
    """
    with Store.read(ledger) as store:
        story = tell(store.rows())
    written = []
    figures = []
    for name, draw in PLOTS.items():
        drawing = draw(story)
        path = folder / f"{name}.png"
        drawing.savefig(path, dpi=130)
        written.append(path)
        figures.append(markup.figure(drawing))
    page = folder / "report.html"
    meters = records.Records(ledger.with_name(records.FILE)).corrections()
    more = accuracy.section(story.book, meters)
    more += prediction.section(compared) if compared else ""
    body = _body(story, summarise(story.book), figures, more)
    page.write_text(markup.page("crowdcharge report", body), encoding="utf-8")
    return [page, *written]


def _body(story: Story, summary: dict[str, Any], figures: list[Markup], more: str) -> str:
    return (
        "<h1>Crowd charge report</h1>"
        f"<p>Policy {escape(summary['policy'])}, seed {escape(summary['seed'])}, boards on "
        f"{escape(summary['vm'] or 'real hardware')}. Every figure comes from the ledger.</p>"
        f"<div class=cards>{_cards(summary)}</div><h2>What happened</h2>"
        f"<div class=plots>{''.join(figures)}</div><h2>Transfers</h2>{_transfers(summary)}"
        f"<h2>Boards</h2>{_boards(summary)}{more}{_markets(summary)}{_notes(story)}"
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


def _transfer(row: dict[str, Any]) -> tuple[object, ...]:
    share = f"{100 * row['received_mJ'] / row['sent_mJ']:.1f} %" if row["sent_mJ"] else "-"
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
    title = f"<h2>Market {market['market_id']}</h2>"
    if market["void"]:
        return f"{title}<p>Void: {escape(market['void'])}</p>"
    doubt = "" if market["confirmed"] else ", not confirmed: a board vanished after it was found"
    head = ("transfer", "seller", "buyer", "bought J", "received J", "credits paid")
    bargains = table((*head, Text("outcome")), map(_bargain, market["bargains"]))
    accounts = ", ".join(f"{board} {amount:+.6f}" for board, amount in market["accounts"].items())
    return (
        f"{title}<p>{market['price_per_Wh']:.6g} credits/Wh with lane {market['lane']}{doubt}.</p>"
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
    """An EPT name in small letters, with its plain meaning as a hint."""
    if name is None:
        return Markup("-")
    meaning = escape(text(_CODES[name]) if name in _CODES else "")
    return Markup(f"<span title='{meaning}'>{escape(name.lower().replace('_', ' '))}</span>")


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f} %"
