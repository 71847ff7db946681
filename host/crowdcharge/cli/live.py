# SPDX-License-Identifier: MIT
"""A live view of a run: boards and their charge, transfers and their power, the last events.

It is drawn on stderr, on a terminal only; elsewhere each notable event is one line there.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from crowdcharge.boards import codes
from crowdcharge.orchestrator.events import (
    BoardLost,
    BoardReading,
    BoardSeen,
    Event,
    FaultCleared,
    FaultRaised,
    MarketAsked,
    MarketCleared,
    Paid,
    Progress,
    Refused,
    Settled,
    TransferEnded,
    TransferStarted,
    Trouble,
)

_LINES_KEPT = 8
_FLOOR_permille = 200


@dataclass(slots=True)
class _BoardLine:
    soc_permille: int | None = None
    doing: str = ""
    here: bool = True


class LiveView:
    """A view that takes events; `show()` draws it while the block runs."""

    def __init__(self, console: Console, title: str, quiet: bool = False) -> None:
        self._console = console
        self._title = title
        self._quiet = quiet
        self._boards: dict[int, _BoardLine] = {}
        self._said: deque[Text] = deque(maxlen=_LINES_KEPT)
        self._live: Live | None = None

    @contextmanager
    def show(self) -> Iterator["LiveView"]:
        if self._quiet or not self._console.is_terminal:
            yield self
            return
        with Live(self.draw(), console=self._console, refresh_per_second=8) as self._live:
            yield self
        self._live = None

    def on_event(self, event: Event) -> None:
        self._note(event)
        line = sentence(event)
        if line is not None:
            self._said.append(Text(line, style=_style(event)))
            if self._live is None and not self._quiet:
                self._console.print(line, highlight=False)
        if self._live is not None:
            self._live.update(self.draw())

    def draw(self) -> RenderableType:
        table = Table(title=self._title, title_justify="left", expand=False, box=None)
        for name in ("board", "charge", "", "now"):
            table.add_column(name, justify="right" if name == "board" else "left", min_width=6)
        for board_id, line in sorted(self._boards.items()):
            table.add_row(str(board_id), *_charge(line.soc_permille), self._doing(line))
        return Group(table, Text(""), *self._said)

    @staticmethod
    def _doing(line: _BoardLine) -> Text:
        return Text(line.doing) if line.here else Text("out of sight", style="red")

    def _note(self, event: Event) -> None:
        if isinstance(event, BoardSeen | BoardLost):
            board_id = event.board_id if isinstance(event, BoardLost) else event.view.board_id
            self._board(board_id).here = isinstance(event, BoardSeen)
        elif isinstance(event, BoardReading):
            self._board(event.board_id).soc_permille = event.soc_permille
        elif isinstance(event, Progress):
            self._note_progress(event)
        elif isinstance(event, TransferEnded):
            for board_id in (event.ptx, event.prx):
                self._board(board_id).doing = ""

    def _note_progress(self, event: Progress) -> None:
        donor, receiver = self._board(event.ptx), self._board(event.prx)
        donor.soc_permille = event.ptx_soc_permille
        receiver.soc_permille = event.prx_soc_permille
        donor.doing = f"sends to {event.prx}: {event.sent_mW / 1000:.2f} W, {_J(event.sent_mJ)}"
        receiver.doing = (
            f"receives from {event.ptx}: {event.received_mW / 1000:.2f} W, {_J(event.received_mJ)}"
        )

    def _board(self, board_id: int) -> _BoardLine:
        return self._boards.setdefault(board_id, _BoardLine())


def sentence(event: Event) -> str | None:
    """One line for a person, or None for an event that only changes the picture."""
    if isinstance(event, Settled) and not event.sent_mJ:
        return None  # refused or never begun, which was reported already
    for kind, text in _SENTENCES.items():
        if isinstance(event, kind):
            return f"{event.time_s:7.1f} s  {text(event)}"
    return None


def _started(event: TransferStarted) -> str:
    receiver = f"to {event.prx}" if event.prx else "to find who lies on it"
    return f"{event.ptx} {receiver}: transfer {event.transfer_id}, up to {_J(event.energy_max_mJ)}"


def _ended(event: TransferEnded) -> str:
    """Name the reason of the side that ended it; the other side only followed."""
    sides = ((event.ptx, event.ept_ptx), (event.prx, event.ept_prx))
    causes = [side for side in sides if side[1] != "PEER_ENDED"] or sides
    reasons = ", ".join(f"{_plain(name)} (board {board_id})" for board_id, name in causes)
    return f"transfer {event.transfer_id} ended: {reasons}"


def _settled(event: Settled) -> str:
    return (
        f"transfer {event.transfer_id} {event.state}: {_J(event.sent_mJ)} sent, "
        f"{_J(event.received_mJ)} received, {_J(event.loss_mJ)} lost"
    )


def _asked(event: MarketAsked) -> str:
    price = "" if event.price is None else f" at {event.price:.6g} credits/Wh"
    return f"market, question {event.round_no + 1}: what would you all trade{price}?"


def _cleared(event: MarketCleared) -> str:
    trades = ", ".join(
        f"{board_id} {'sells' if energy_mJ > 0 else 'buys'} {_J(abs(energy_mJ))}"
        for board_id, energy_mJ in event.energies_mJ.items()
    )
    return f"market cleared at {event.price:.6g} credits/Wh: {trades}"


_SENTENCES: dict[type, Callable[[Any], str]] = {
    BoardLost: lambda event: f"board {event.board_id} is out of sight",
    TransferStarted: _started,
    TransferEnded: _ended,
    Refused: lambda event: f"board {event.board_id} refused: {_plain(event.name)}",
    Settled: _settled,
    MarketAsked: _asked,
    MarketCleared: _cleared,
    Paid: lambda event: (
        f"transfer {event.transfer_id}: {event.payer} pays {event.payee} "
        f"{event.amount_u / 1e6:.6f} credits"
    ),
    FaultRaised: lambda event: f"board {event.board_id} fault: {_plain(event.name)}",
    FaultCleared: lambda event: f"board {event.board_id} cleared: {_plain(event.name)}",
    Trouble: lambda event: event.text,
}
_STYLES = {Refused: "yellow", FaultRaised: "red", Trouble: "yellow", Settled: "green"}
_CODES = {name: code for code, name in codes.NAMES.items()}


def _style(event: Event) -> str:
    if isinstance(event, TransferEnded) and event.ept_ptx == "FLOOR":
        return "bold red"
    return _STYLES.get(type(event), "")


def _plain(name: str | None) -> str:
    if name is None:
        return "could not be asked"
    return codes.text(_CODES[name]) if name in _CODES else name


def _J(energy_mJ: int) -> str:
    return f"{energy_mJ / 1000:.2f} J"


def _charge(soc_permille: int | None) -> tuple[RenderableType, RenderableType]:
    if soc_permille is None:
        return Text("unknown", style="red"), Text("")
    colour = "red" if soc_permille <= _FLOOR_permille else "green"
    bar = Bar(1000, 0, soc_permille, width=30, color=colour, bgcolor="grey23")
    return bar, Text(f"{soc_permille / 10:5.1f} %")
