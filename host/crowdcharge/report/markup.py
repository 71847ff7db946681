# SPDX-License-Identifier: MIT
"""The HTML of every report: one page, one table, and one escape that nothing gets round."""

import html
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crowdcharge.escaping import plain
from crowdcharge.report import marks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


class Markup(str):
    """Text that is HTML already and is not escaped again."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A cell of words, aligned left; all other cells hold numbers. `kind` is a CSS class."""

    content: object
    kind: str = ""


def escape(content: object) -> Markup:
    return content if isinstance(content, Markup) else Markup(html.escape(plain(content)))


def table(head: Sequence[object], rows: Iterable[Iterable[object]]) -> Markup:
    """Return a table of cells, each a Text or shown as a number; no `head`: no titles."""
    titles = _row("th", head) if head else ""
    body = "".join(_row("td", row) for row in rows)
    return Markup(f"<div class=wide tabindex=0><table>{titles}{body}</table></div>")


def _row(tag: str, cells: Iterable[object]) -> str:
    return "<tr>" + "".join(_cell(tag, cell) for cell in cells)


def _cell(tag: str, cell: object) -> str:
    if not isinstance(cell, Text):
        return f"<{tag}>{escape(cell)}"
    classes = f"'text {escape(cell.kind)}'" if cell.kind else "text"
    return f"<{tag} class={classes}>{escape(cell.content)}"


def figure(drawing: "Figure") -> Markup:
    """Return a plot as SVG inside the page, so that the page needs no other file."""
    vector = io.StringIO()
    drawing.savefig(vector, format="svg", transparent=True, metadata={"Date": None})
    svg = vector.getvalue().split('dtd">', 1)[-1]  # without the header of a file of its own
    return Markup(f"<figure>{marks.themed(svg)}</figure>")


def page(title: str, body: str) -> str:
    """Return a whole document; `body` is HTML."""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        "<meta name=color-scheme content='light dark'>"
        f"<style>{marks.css()}{_STYLE}</style><main>{body}</main></html>"
    )
