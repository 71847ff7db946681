# SPDX-License-Identifier: MIT
"""PURE: text that others wrote, made harmless for a terminal and for a spreadsheet.

Ledgers, recordings and adverts may come from anyone. For HTML, see report/markup.py.
"""

import re

# C0 and C1 controls start a terminal's commands; the others reorder or hide what is around them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_SHOWN_MAX = 60  # characters of what somebody wrote that a message repeats
_FORMULA = ("=", "+", "-", "@")


def plain(content: object) -> str:
    """One line in which every character shows: a control is written as its escape, `\\x1b`."""
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], str(content))


def shown(value: object, most: int = _SHOWN_MAX) -> str:
    """Return a value as a message repeats it: as Python writes it, on one line, cut where long."""
    return shortened(plain(repr(value)), most)


def shortened(text: str, most: int = _SHOWN_MAX) -> str:
    return text if len(text) <= most else text[:most] + "..."


def csv_cell(content: object) -> object:
    """Return a cell that no spreadsheet takes for a formula or two rows; numbers stay numbers."""
    if not isinstance(content, str):
        return content
    text = plain(content)
    return "'" + text if text.lstrip().startswith(_FORMULA) or text != content else text
