# SPDX-License-Identifier: MIT
"""`report.html`: figures and tables on one page that needs no other file."""

import io
from html import escape
from pathlib import Path
from typing import Any

from crowdcharge.boards.codes import NAMES, text
from crowdcharge.flash import records
from crowdcharge.ledger.store import Store
from crowdcharge.report import accuracy, prediction
from crowdcharge.report.plots import PLOTS
from crowdcharge.report.story import Story, tell
from crowdcharge.report.summary import summarise

_STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
_ENERGY_COLUMNS = ("transfer", "from", "to", "sent J", "received J", "efficiency")


def write_report(
    ledger: Path, folder: Path, compared: prediction.Document | None = None
) -> list[Path]:
    """Writes report.html and a PNG a plot into `folder`; returns their paths.

    `compared` adds what had been predicted for this run. A calibration.json beside the ledger
    says how good the meters are.
    """
    with Store.read(ledger) as store:
        story = tell(store.rows())
    written = []
    drawings = []
    for name, draw in PLOTS.items():
        figure = draw(story)
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=130)
        written.append(path)
        vector = io.StringIO()
        figure.savefig(vector, format="svg", metadata={"Date": None})
        drawings.append(vector.getvalue().split("?>", 1)[-1].split('dtd">', 1)[-1])
    page = folder / "report.html"
    meters = records.Records(ledger.with_name(records.FILE)).corrections()
    more = accuracy.section(story.book, meters)
    more += prediction.section(compared) if compared else ""
    page.write_text(_page(story, summarise(story.book), drawings, more), encoding="utf-8")
    return [page, *written]


def _page(story: Story, summary: dict[str, Any], drawings: list[str], more: str) -> str:
    figures = "".join(f"<figure>{drawing}</figure>" for drawing in drawings)
    policy = escape(str(summary["policy"]))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>crowdcharge report</title>"
        f"<style>{_STYLE}</style><main><h1>Crowd charge report</h1>"
        f"<p>Policy {policy}, seed {escape(str(summary['seed']))}, boards on "
        f"{escape(str(summary['vm'] or 'real hardware'))}. Every figure comes from the ledger.</p>"
        f"<div class=cards>{_cards(summary)}</div><h2>What happened</h2>"
        f"<div class=plots>{figures}</div><h2>Transfers</h2>{_transfers(summary)}"
        f"<h2>Boards</h2>{_boards(summary)}{more}{_markets(summary)}{_notes(story)}</main></html>"
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
        f"<div class=card><b>{value}</b><span>{name}</span></div>" for name, value in cards
    )


def _transfers(summary: dict[str, Any]) -> str:
    head = "".join(f"<th>{name}" for name in _ENERGY_COLUMNS)
    head += "<th class=text>donor ended<th class=text>receiver ended<th class=text>state"
    return f"<table><tr>{head}{''.join(_transfer(row) for row in summary['transfers'])}</table>"


def _markets(summary: dict[str, Any]) -> str:
    return "".join(_market(market) for market in summary["markets"])


def _market(market: dict[str, Any]) -> str:
    head = f"<h2>Market {market['market_id']}</h2>"
    if market["void"]:
        return f"{head}<p>Void: {escape(market['void'])}</p>"
    doubt = "" if market["confirmed"] else ", not confirmed: a board vanished after it was found"
    columns = "".join(f"<th>{name}" for name in ("transfer", "seller", "buyer", "bought J"))
    columns += "<th>received J<th>credits paid<th class=text>outcome"
    rows = "".join(
        f"<tr><td>{row['transfer_id']}<td>{row['seller']}<td>{row['buyer']}"
        f"<td>{row['energy_mJ'] / 1000:.2f}<td>{row['received_mJ'] / 1000:.2f}"
        f"<td>{row['paid']:.6f}<td class=text>{row['outcome']}"
        for row in market["bargains"]
    )
    accounts = ", ".join(f"{board} {amount:+.6f}" for board, amount in market["accounts"].items())
    return (
        f"{head}<p>{market['price_per_Wh']:.6g} credits/Wh with lane {market['lane']}{doubt}.</p>"
        f"<table><tr>{columns}{rows}</table><p>Accounts by board, in credits: {accounts}</p>"
    )


def _transfer(row: dict[str, Any]) -> str:
    share = f"{100 * row['received_mJ'] / row['sent_mJ']:.1f} %" if row["sent_mJ"] else "-"
    cut = "cut" if row["ept_ptx"] == "FLOOR" else ""
    return (
        f"<tr><td>{row['transfer_id']}<td>{row['ptx']}<td>{row['prx']}"
        f"<td>{row['sent_mJ'] / 1000:.3f}<td>{row['received_mJ'] / 1000:.3f}<td>{share}"
        f"<td class='text {cut}'>{_words(row['ept_ptx'])}<td class=text>{_words(row['ept_prx'])}"
        f"<td class='text {escape(row['state'])}'>{escape(row['state'])}"
    )


def _boards(summary: dict[str, Any]) -> str:
    head = "<th>board<th>charge before<th>charge after<th>sent J<th>received J<th>boots"
    rows = "".join(
        f"<tr><td>{board['board_id']}<td>{_percent(board['soc_before_pct'])}"
        f"<td>{_percent(board['soc_after_pct'])}<td>{board['sent_mJ'] / 1000:.2f}"
        f"<td>{board['received_mJ'] / 1000:.2f}<td>{board['epoch']}"
        for board in summary["boards"]
    )
    return f"<table><tr>{head}{rows}</table>"


def _notes(story: Story) -> str:
    lines = [
        f"<tr><td>{time_s:.1f} s<td>{board_id}<td class=text>refused: {_words(name)}"
        for time_s, board_id, name in story.refusals
    ]
    lines += [
        f"<tr><td>{time_s:.1f} s<td>{board_id}<td class=text>"
        f"{'fault' if raised else 'cleared'}: {_words(name)}"
        for time_s, board_id, name, raised in story.faults
    ]
    if not lines:
        return ""
    head = "<th>time<th>board<th class=text>what it said"
    return f"<h2>Refusals and faults</h2><table><tr>{head}{''.join(lines)}</table>"


def _words(name: str | None) -> str:
    """An EPT name with its plain meaning."""
    known_codes = {known: code for code, known in NAMES.items()}
    if name is None:
        return "-"
    meaning = text(known_codes[name]) if name in known_codes else ""
    return f"<span title='{escape(meaning)}'>{escape(name.lower().replace('_', ' '))}</span>"


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f} %"
