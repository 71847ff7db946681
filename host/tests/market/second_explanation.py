# SPDX-License-Identifier: MIT
"""A demonstration that shared sums keep their secret: other terms that look the same to all.

Given two peers that do not collude, finds other terms for both with the same sum of answers and
the same energies at the cleared price. Since the mask that the two agreed could be any number,
the relay, the lane and all other peers together see the same messages, the same price and the same
metered energies in both worlds: they cannot tell which of the two is true.
"""

from collections.abc import Iterator

from wptcore.market import FRACTION_BITS, Terms, divide, energy_mJ

_ONE = 1 << FRACTION_BITS
_TRIES = 4096


def second_explanation(one: Terms, other: Terms, price: int) -> tuple[Terms, Terms]:
    """Other terms for both; ValueError if either meets a bound at this price or none is found.

    The slope of `one` rises by a quarter of the smaller slope, that of `other` falls as much;
    rounding to fixed point leaves a small lattice to search.
    """
    if any(terms.answer(price)[1] == 0 for terms in (one, other)):
        raise ValueError("a peer at its bound shows that bound by the energy it takes")
    for a, other_a in _slopes(one, other):
        for b, other_b in _intercepts(one, other, a, other_a, price):
            first = Terms(a, b, one.low, one.high)
            second = Terms(other_a, other_b, other.low, other.high)
            if _same_energy(first, one, price) and _same_energy(second, other, price):
                return first, second
    raise ValueError("no second explanation on this lattice")


def _slopes(one: Terms, other: Terms) -> Iterator[tuple[int, int]]:
    """Pairs of a whose 1/a, rounded, have the old sum."""
    slope, other_slope = one.answer(None)[1], other.answer(None)[1]
    start = divide(_ONE * _ONE, slope + min(slope, other_slope) // 4)
    for a in range(start, start + _TRIES):
        wanted = slope + other_slope - divide(_ONE * _ONE, a)
        other_a = divide(_ONE * _ONE, wanted)
        if divide(_ONE * _ONE, other_a) == wanted:
            yield a, other_a


def _intercepts(
    one: Terms, other: Terms, a: int, other_a: int, price: int
) -> Iterator[tuple[int, int]]:
    """Pairs of b whose b/a, rounded, have the old sum, with the energy of `one` unchanged."""
    total = one.answer(None)[0] + other.answer(None)[0]
    start = price - divide(2 * a * one.energy(price), _ONE)
    for b in range(start, start + _TRIES):
        wanted = total - divide(b * _ONE, a)
        other_b = divide(wanted * other_a, _ONE)
        if divide(other_b * _ONE, other_a) == wanted:
            yield b, other_b


def _same_energy(new: Terms, old: Terms, price: int) -> bool:
    return energy_mJ(new.energy(price)) == energy_mJ(old.energy(price))
