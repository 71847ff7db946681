# SPDX-License-Identifier: MIT
"""PURE: the numbers of transfers carry the site that opened them.

The upper 10 of a number's 32 bits are the site's number, the lower 22 count its transfers, so two
sites never give one number to two transfers, whatever they know of each other. Site 0 is a host
that knows of no other; it numbers as it likes.
"""

SITE_MAX = (1 << 10) - 1
BOOKS_PEERS = 1  # the site that books what boards agreed on among themselves
_COUNT_BITS = 22
_ID_BITS = 32


def ids_of(site_number: int) -> range:
    """Return the numbers that a site may give; never 0, which stands for no transfer."""
    if not site_number:
        return range(1, 1 << _ID_BITS)
    return range(site_number << _COUNT_BITS, (site_number + 1) << _COUNT_BITS)
