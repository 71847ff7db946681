# SPDX-License-Identifier: MIT
"""PURE: the structures of which the bytes of an advert consist (Core 5.0, Vol 3, Part C, 11)."""

from collections.abc import Iterator

MANUFACTURER = 0xFF


def structures(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (type, value) of each complete structure; a length of zero ends the data early."""
    at = 0
    while at + 1 < len(data) and data[at]:
        end = at + 1 + data[at]
        if end > len(data):
            return
        yield data[at + 1], data[at + 2 : end]
        at = end


def manufacturer_data(data: bytes, company_id: int) -> bytes | None:
    """Return what that company's structure holds; None if there is none."""
    mark = company_id.to_bytes(2, "little")
    for kind, value in structures(data):
        if kind == MANUFACTURER and value[:2] == mark:
            return value[2:]
    return None
