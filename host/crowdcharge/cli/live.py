# SPDX-License-Identifier: MIT
"""A live view of a run: boards and their charge, transfers and their power, the last events.

It is drawn on stderr, on a terminal only; elsewhere each notable event is one line there, with the
time of day and its zone before the boards' own time.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from crowdcharge.cli.event_log import Now, local_now, stamp
from crowdcharge.cli.sentences import detail, joules, sentence
from crowdcharge.escaping import plain
from crowdcharge.orchestrator.events import (
    BoardLost,
    BoardReading,
    BoardSeen,
    Event,
    FaultRaised,
    Progress,
    Refused,
    Settled,
    TransferEnded,
    Trouble,
)

_LINES_KEPT = 8
_ADDRESSES_KEPT = 256
_FLOOR_permille = 200
_BAR_WIDTH = 26  # so that a terminal of 80 columns has room for what a board does


@dataclass(slots=True)
class _BoardLine:
    """`doing`: by transfer, as a pad gives to several at once."""

    soc_permille: int | None = None
    doing: dict[int, str] = field(default_factory=dict)
    here: bool = True


class LiveView:
    """A view that takes events; `show()` draws it while the block runs.

    `verbose`: also events that only change the picture become lines.
    """

    def __init__(
        self,
        console: Console,
        title: str,
        quiet: bool = False,
        verbose: bool = False,
        now: Now = local_now,
    ) -> None:
        self._console = console
        self._title = title
        self._quiet = quiet
        self._verbose = verbose
        self._now = now
        self._addresses: dict[str, int] = {}
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
        line = self._line(event)
        if line is not None:
            self._said.append(Text(line, style=_style(event)))
            if self._live is None and not self._quiet:
                self.say(line)
        if self._live is not None:
            self._live.update(self.draw())

    def say(self, line: str) -> None:
        """Print one whole line on stderr; a reader that has gone does not end the run."""
        with suppress(OSError):
            text = Text(f"{stamp(self._now())} {line}")  # plain: no markup, no colours of numbers
            self._console.print(text, soft_wrap=True)

    def _line(self, event: Event) -> str | None:
        """Return the sentence about an event, with boards' numbers in the place of addresses."""
        line = sentence(event) or (detail(event) if self._verbose else None)
        if line is None:
            return None
        about = getattr(event, "board_id", None)
        for address, board_id in self._addresses.items():
            line = line.replace(address, "it" if board_id == about else f"board {board_id}")
        return plain(line)

    def draw(self) -> RenderableType:
        table = Table(title=self._title, title_justify="left", expand=False, box=None)
        for name in ("board", "charge", "", "now"):
            table.add_column(name, justify="right" if name == "board" else "left", min_width=6)
        for board_id, line in sorted(self._boards.items()):
            table.add_row(str(board_id), *_charge(line.soc_permille), self._doing(line))
        return Group(table, Text(""), *self._said)

    @staticmethod
    def _doing(line: _BoardLine) -> Text:
        doing = "\n".join(text for _, text in sorted(line.doing.items()))
        return Text(doing) if line.here else Text("out of sight", style="red")

    def _note(self, event: Event) -> None:
        if isinstance(event, BoardSeen | BoardLost):
            board_id = event.board_id if isinstance(event, BoardLost) else event.view.board_id
            self._board(board_id).here = isinstance(event, BoardSeen)
            if isinstance(event, BoardSeen):
                self._know(event.view.address, board_id)
        elif isinstance(event, BoardReading):
            self._board(event.board_id).soc_permille = event.soc_permille
        elif isinstance(event, Progress):
            self._note_progress(event)
        elif isinstance(event, TransferEnded):
            for board_id in (event.ptx, event.prx):
                self._board(board_id).doing.pop(event.transfer_id, None)

    def _note_progress(self, event: Progress) -> None:
        donor, receiver = self._board(event.ptx), self._board(event.prx)
        for line, soc_permille in (
            (donor, event.ptx_soc_permille),
            (receiver, event.prx_soc_permille),
        ):
            if soc_permille is not None:  # what was known once stays
                line.soc_permille = soc_permille
        sent, received = joules(event.sent_mJ), joules(event.received_mJ)
        sends = f"sends to {event.prx}: {event.sent_mW / 1000:.2f} W, {sent}"
        receives = f"receives from {event.ptx}: {event.received_mW / 1000:.2f} W, {received}"
        donor.doing[event.transfer_id], receiver.doing[event.transfer_id] = sends, receives

    def _know(self, address: str, board_id: int) -> None:
        """Remember whose address it is, and forget the oldest: anyone can invent addresses."""
        self._addresses.pop(address, None)
        self._addresses[address] = board_id
        if len(self._addresses) > _ADDRESSES_KEPT:
            del self._addresses[next(iter(self._addresses))]

    def _board(self, board_id: int) -> _BoardLine:
        return self._boards.setdefault(board_id, _BoardLine())


_STYLES = {Refused: "yellow", FaultRaised: "red", Trouble: "yellow", Settled: "green"}


def _style(event: Event) -> str:
    if isinstance(event, TransferEnded) and event.ept_ptx == "FLOOR":
        return "bold red"
    return _STYLES.get(type(event), "")


def _charge(soc_permille: int | None) -> tuple[RenderableType, RenderableType]:
    if soc_permille is None:
        return Text("unknown", style="red"), Text("")
    colour = "red" if soc_permille <= _FLOOR_permille else "green"
    bar = Bar(1000, 0, soc_permille, width=_BAR_WIDTH, color=colour, bgcolor="grey23")
    return bar, Text(f"{soc_permille / 10:5.1f} %")
