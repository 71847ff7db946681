# SPDX-License-Identifier: MIT
"""A passport as one page, with a code that says whose signature it carries."""

import io
from datetime import UTC, datetime
from typing import Any

from crowdcharge.passport.document import TITLES
from crowdcharge.report import markup
from crowdcharge.report.markup import Markup, escape

# unit of the document -> what a person reads, and how many of the former make one of the latter
_SHOWN = {
    "mJ": ("Wh", 3_600_000),
    "uOhm": ("mOhm", 1000),
    "dC": ("C", 10),
    "s": ("h", 3600),
    "1": ("", 1),
}
_SHARES = {"fade": ("%", 10), "charge": ("%", 10), "full_cycles": ("", 1000)}


def page(document: dict[str, Any]) -> str:
    """Return the page of a signed passport."""
    board, ledger, proof = document["board_id"], document["ledger"], document["proof"]
    cards = "".join(_card(name, document["figures"][name]) for name in TITLES)
    period = f"{_day(ledger['started_unix_s'])} to {_day(ledger['ended_unix_s'])}"
    body = (
        f"<h1>Battery passport of board {escape(board)}</h1><p>{escape(document['notice'])}</p>"
        f"<p>{escape(period)}; {escape(ledger['rows'])} rows of a ledger, receipts: "
        f"{escape(ledger['receipts'])}. Intervals bound about 95 %.</p>"
        f"<div class=plots>{cards}</div>"
        "<h2>Check it</h2><p>Signed with Ed25519; the code holds the key and the signature of the"
        " JSON document, which <code>crowdcharge passport --verify FILE</code> checks.</p>"
        f"<figure>{_code(proof)}</figure><p style='overflow-wrap:anywhere'>key "
        f"{escape(proof['public_key'])}, signature {escape(proof['signature'])}</p>"
    )
    return markup.page(f"battery passport of board {board}", body)


def _card(name: str, figure: dict[str, Any]) -> str:
    unit, divisor = _SHARES.get(name) or _SHOWN[figure["unit"]]
    value, low, high = (_number(figure[each], divisor) for each in ("value", "low", "high"))
    shown = "unknown" if figure["value"] is None else f"{value} {unit}"
    between = "" if figure["low"] is None else f" ({low} to {high})"
    mark = "" if figure["mark"] is None else f"{figure['mark']}: "
    return (
        f"<div class=card><span>{escape(TITLES[name])}</span><b>{escape(shown)}{between}</b>"
        f"<span>{escape(mark)}{escape(figure['how'])}</span></div>"
    )


def _number(value: int | None, divisor: int) -> str:
    if value is None:
        return "-"
    return str(value) if divisor == 1 else f"{value / divisor:.4g}"


def _day(unix_s: int | None) -> str:
    if unix_s is None:
        return "a day that was not noted"
    try:
        return datetime.fromtimestamp(unix_s, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return f"{unix_s} s after 1970"


def _code(proof: dict[str, str]) -> Markup:
    """Return a QR code as SVG, black on white; it needs the package segno."""
    import segno  # noqa: PLC0415 - belongs to an extra

    out = io.BytesIO()
    text = f"crowdcharge-passport 1 {proof['public_key']} {proof['signature']}"
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True,
        svgclass=None, lineclass=None, title="key and signature",
    )  # fmt: skip
    sized = "<svg style='max-width:260px;min-width:0'"
    return Markup(out.getvalue().decode().replace("<svg", sized))
