# SPDX-License-Identifier: MIT
"""PURE: the ledger's rows as series to draw. Times: seconds of board time since the first."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.rows import Row
from crowdcharge.ledger.settlement import TransferRecord

Series = list[tuple[float, float]]


@dataclass(slots=True)
class Story:
    """`soc_pct` by board; `sent_W` and `received_W` by transfer; `flows_J` by (ptx, prx)."""

    book: Book
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

    def flows_J(self) -> dict[tuple[int, int], float]:
        flows: dict[tuple[int, int], float] = defaultdict(float)
        for transfer in self.metered:
            flows[transfer.ptx, transfer.prx] += transfer.sent_mJ / 1000
        return dict(flows)


def tell(rows: Iterable[Row]) -> Story:
    """Read all rows once and sort what can be drawn into series."""
    rows = list(rows)
    story = Story(Book.of(rows))
    contents = [row.content() for row in rows]
    start_ms = min((each.t_ms for each in contents if hasattr(each, "t_ms")), default=0)
    for content in contents:
        _add(story, content, (getattr(content, "t_ms", start_ms) - start_ms) / 1000)
    return story


def _add(story: Story, content: kinds.Content, time_s: float) -> None:
    match content:
        case kinds.Reading():
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
