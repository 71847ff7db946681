# SPDX-License-Identifier: MIT
"""PURE: does a row make sense by itself and by the rows before it?

What no board signs can be invented, but it must not be out of range or contradict the ledger.
"""

from collections.abc import Iterator
from dataclasses import fields

from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.numbers import SITE_MAX

_U16, _U32 = 0xFFFF, 0xFFFF_FFFF
_RANGES = {
    "board_id": (1, _U16),
    "ptx": (1, _U16),
    "prx": (0, _U16),
    "peer": (0, _U16),
    "epoch": (0, _U16),
    "transfer_id": (0, _U32),
    "head_id": (0, _U32),
    "group_id": (0, _U16),
    "role": (1, 2),
    "energy_max_mJ": (1, _U32),
    "allowance_mJ": (0, _U32),
    "power_max_mW": (0, _U32),
    "power_mW": (0, _U32),
    "sent_mJ": (0, _U32),
    "received_mJ": (0, _U32),
    "capacity_mJ": (0, _U32),
    "from_mJ": (0, _U32),
    "to_mJ": (0, _U32),
    "soc_permille": (0, _U16),
    "coil_dC": (-0x8000, 0x7FFF),
    "bus_mV": (0, _U16),
    "current_mA": (-0x8000, 0x7FFF),
    "code": (0, 0xFF),
    "number": (1, SITE_MAX),
    "t_ms": (0, 1 << 63),
    "started_unix_s": (0, 1 << 63),
}


def out_of_range(content: kinds.Content) -> Iterator[str]:
    """Find numbers that nothing can have sent or counted."""
    for name in (field.name for field in fields(content) if field.name in _RANGES):
        least, most = _RANGES[name]
        value = getattr(content, name)
        if value is not None and not least <= value <= most:
            yield f"gives {name} {value}, which is not within {least} and {most}"


def contradictions(book: Book, content: kinds.Content) -> Iterator[str]:
    """Find what the rows before, already in the book, do not allow."""
    match content:
        case kinds.Open() if content.ptx == content.prx:
            yield f"lets board {content.ptx} charge itself"
        case kinds.Refusal():
            boards = book.boards_of(content.transfer_id)
            if boards and content.board_id not in boards:
                yield f"is of board {content.board_id}, which has no part in that transfer"
        case kinds.Fault():
            standing = book.faults.get(content.board_id, frozenset())
            if content.raised and content.code in standing:
                yield "raises a fault that stands already"
            if not content.raised and content.code not in standing:
                yield "clears a fault that does not stand"
        case kinds.Payment():
            transfer = book.transfers.get(content.transfer_id)
            if transfer and content.received_mJ != transfer.received_mJ:
                yield f"is for {content.received_mJ} mJ, but {transfer.received_mJ} were received"
            if not content.amount_u:
                yield "pays nothing"


def oddities(book: Book, content: kinds.Content) -> Iterator[str]:
    """Find what is no fault of the ledger's keeper, but worth a word."""
    if isinstance(content, kinds.ReceiptRow):
        boards = book.boards_of(content.transfer_id)
        if boards and content.board_id not in boards:
            yield (
                f"is of board {content.board_id} for transfer {content.transfer_id}, which is "
                f"between {' and '.join(map(str, boards))}"
            )
    elif isinstance(content, kinds.State) and content.state == "disputed":
        yield f"transfer {content.transfer_id} is disputed: its receipts contradict each other"
