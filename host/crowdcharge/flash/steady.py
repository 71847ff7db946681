# SPDX-License-Identifier: MIT
"""Turn a ledger's samples into pairs of powers at one instant, as the board's check sees them."""

from bisect import bisect_left
from collections import defaultdict
from itertools import pairwise

from crowdcharge.ledger.book import Book
from crowdcharge.ledger.kinds import Sample
from crowdcharge.ledger.place import Place
from crowdcharge.ledger.store import Store

_STEADY_mW = 250  # the same as in wptcore/fod.py
_FLOWING_mW = 100
_APART_MAX_ms = 3000

Samples = list[tuple[int, int]]  # (t_ms, power_mW)


def steady_pairs(
    ledger: Place, donor: int, receiver: int | None = None
) -> list[tuple[float, float]]:
    """Return pairs (sent_mW, received_mW) while both were steady. InputError: no such ledger.

    Of transfers from `donor`; only those to `receiver`, if there is one.
    """
    sent: dict[int, Samples] = defaultdict(list)
    received: dict[int, Samples] = defaultdict(list)
    with Store.read(ledger) as store:
        rows = list(store.rows())
    transfers = Book.of(rows).transfers
    for row in rows:
        sample = row.content()
        if not isinstance(sample, Sample):
            continue
        transfer = transfers[sample.transfer_id]
        if transfer.ptx == donor and receiver in {None, transfer.prx}:
            side = sent if sample.board_id == donor else received
            side[transfer.transfer_id].append((sample.t_ms, sample.power_mW))
    return [
        pair for number, samples in sent.items() for pair in _paired(samples, received[number])
    ]


def _paired(sent: Samples, received: Samples) -> list[tuple[float, float]]:
    found = []
    for (_, before_mW), (t_ms, power_mW) in pairwise(sent):
        neighbours = _neighbours(received, t_ms)
        if neighbours is None or abs(power_mW - before_mW) >= _STEADY_mW:
            continue
        (t0_ms, p0_mW), (t1_ms, p1_mW) = neighbours
        if min(p0_mW, p1_mW) < _FLOWING_mW or abs(p1_mW - p0_mW) >= _STEADY_mW:
            continue
        share = (t_ms - t0_ms) / (t1_ms - t0_ms) if t1_ms > t0_ms else 0.0
        found.append((float(power_mW), p0_mW + share * (p1_mW - p0_mW)))
    return found


def _neighbours(samples: Samples, t_ms: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return the samples just before and after an instant, if both are near."""
    after = bisect_left(samples, (t_ms, 0))
    if not 0 < after < len(samples):
        return None
    before, behind = samples[after - 1], samples[after]
    return (before, behind) if behind[0] - before[0] <= _APART_MAX_ms else None
