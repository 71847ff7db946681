# SPDX-License-Identifier: MIT
"""How a row of a ledger is altered, left out, doubled, added: each returns a forger of drafts."""

from copy import deepcopy
from typing import Any

from crowdcharge.ledger.bodies import canonical

Drafts = list[tuple[str, Any]]  # a kind, and a body as object or as text


def at(drafts: Drafts, kind: str, number: int = 0, **fields) -> int:
    """Where the row of a kind with these fields is."""
    found = [
        place
        for place, (each, body) in enumerate(drafts)
        if each == kind and fields.items() <= body.items()
    ]
    return found[number]


def change(kind, changes, number=0, **fields):
    def forge(drafts):
        drafts[at(drafts, kind, number, **fields)][1].update(changes)

    return forge


def without(kind, number=0, **fields):
    def forge(drafts):
        del drafts[at(drafts, kind, number, **fields)]

    return forge


def twice(kind, number=0, **fields):
    def forge(drafts):
        place = at(drafts, kind, number, **fields)
        drafts.insert(place, deepcopy(drafts[place]))

    return forge


def after(kind, *rows, number=-1, **fields):
    def forge(drafts):
        place = at(drafts, kind, number, **fields) + 1
        drafts[place:place] = [(each, dict(body)) for each, body in rows]

    return forge


def rewritten(kind, old, new, number=0):
    """Alter the text of a body, so that it says the same or two things."""

    def forge(drafts):
        place = at(drafts, kind, number)
        text = canonical(drafts[place][1])
        assert old in text
        drafts[place] = (kind, text.replace(old, new, 1))

    return forge


def swap(kind, number=0, **fields):
    def forge(drafts):
        place = at(drafts, kind, number, **fields)
        drafts[place], drafts[place + 1] = drafts[place + 1], drafts[place]

    return forge


def no_transfer(number):
    """Take out all that tells of a transfer."""

    def forge(drafts):
        drafts[:] = [each for each in drafts if each[1].get("transfer_id") != number]

    return forge
