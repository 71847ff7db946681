# SPDX-License-Identifier: MIT
"""PURE: a market of peers and one lane, and the checks on what a user wrote.

Every peer has the cost a E^2 + b E (Nguyen, lane paper, equations (3)-(4)). Energies are signed
as the paper signs them: with `charge` an EV's energy lies in [0, e_max] and the lane's in
[e_min, 0]; with `discharge` both intervals are mirrored at zero and nothing else changes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.escaping import shown

Array = NDArray[np.float64]
Mode = Literal["charge", "discharge"]
Peer = tuple[str] | tuple[str, int]  # its place in a document: ("lane",) or ("evs", 3)
MODES = ("charge", "discharge")

_FLAT = 1e-12  # share of b below which floats cannot tell a peer's marginal prices apart
_FLAT_RULE = "must let the marginal price b + 2 a E rise visibly up to the bound of E"


@dataclass(frozen=True, slots=True)
class Market:
    """One market; `a` (price/energy), `b` (price) and `e_max` (energy) have one element per EV.

    Units are the user's own, for example JPY/kWh and kWh.
    """

    a: Array
    b: Array
    e_max: Array
    lane_a: float
    lane_b: float
    lane_e_min: float
    mode: Mode = "charge"

    @property
    def low(self) -> Array:
        return np.zeros_like(self.e_max) if self.mode == "charge" else -self.e_max

    @property
    def high(self) -> Array:
        return self.e_max if self.mode == "charge" else np.zeros_like(self.e_max)

    @property
    def lane_bounds(self) -> tuple[float, float]:
        return (self.lane_e_min, 0.0) if self.mode == "charge" else (0.0, -self.lane_e_min)


def parse_market(document: object) -> Market:
    """Make the market of a MARKET.json document; InputError names the peer and the field."""
    if not isinstance(document, Mapping):
        raise InputError('a market is an object: {"evs": [...], "lane": {...}, "mode": "charge"}')
    evs = document.get("evs")
    if not isinstance(evs, Sequence) or isinstance(evs, str) or not evs:
        raise InputError(
            "evs: the market is empty; give at least one EV with a, b and e_max", ("evs",)
        )
    mode = document.get("mode")
    if mode not in MODES:
        raise InputError(f'mode: must be "charge" or "discharge", not {shown(mode)}', ("mode",))
    rows = [
        [number_of(ev, ("evs", i), field) for field in ("a", "b", "e_max")]
        for i, ev in enumerate(evs)
    ]
    a, b, e_max = np.array(rows).T.copy()
    lane = [number_of(document.get("lane"), ("lane",), field) for field in ("a", "b", "e_min")]
    market = Market(a, b, e_max, lane[0], lane[1], lane[2], mode)
    check_market(market)
    return market


def check_market(market: Market) -> None:
    """Raise InputError for the first peer whose numbers cannot be used."""
    if market.a.size == 0:
        raise InputError("evs: the market is empty; give at least one EV with a, b and e_max")
    for field, values in (("a", market.a), ("b", market.b)):
        _refuse_first(field, values, values > 0, "must be above 0")
    _refuse_first("e_max", market.e_max, market.e_max >= 0, "must not be negative")
    with np.errstate(over="ignore"):  # refused on the next line
        moves = 2 * market.a * market.e_max
    seen = (market.e_max == 0) | ((moves >= _FLAT * market.b) & (moves < np.inf))
    _refuse_first("a", market.a, seen, _FLAT_RULE)
    for field, value in (("a", market.lane_a), ("b", market.lane_b)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"lane: {field} must be above 0, not {value:g}", ("lane", field))
    if not (math.isfinite(market.lane_e_min) and market.lane_e_min < 0):
        raise InputError(
            f"lane: e_min must be below 0 (what the lane trades, signed), "
            f"not {market.lane_e_min:g}",
            ("lane", "e_min"),
        )
    moves_lane = -2 * market.lane_a * market.lane_e_min
    if not _FLAT * market.lane_b <= moves_lane < math.inf:
        raise InputError(f"lane: a {_FLAT_RULE}, not {market.lane_a:g}", ("lane", "a"))


def refuse_without_trade(market: Market) -> None:
    """Raise InputError if no price makes any EV trade, so that (18) has no solution."""
    charging = market.mode == "charge"
    nearest = int(market.b.argmin() if charging else market.b.argmax())
    if market.e_max[nearest] == 0:
        able = np.flatnonzero(market.e_max > 0)
        if able.size == 0:
            raise InputError("no feasible price: e_max of every EV is 0", ("evs",))
        b = market.b[able]
        nearest = int(able[b.argmin() if charging else b.argmax()])
    best = market.b[nearest]
    side = "below" if charging else "above"
    if not (best < market.lane_b if charging else best > market.lane_b):
        raise InputError(
            f"no feasible price: b of ev {nearest} ({best:g}) is the nearest and is not {side} "
            f"b of the lane ({market.lane_b:g}), so nobody would trade in mode {market.mode}",
            ("evs", nearest, "b"),
        )


def peer_error(peer: Peer, what: str, field: str = "") -> InputError:
    """Make an error that names the peer, with the place of its field."""
    name = f"ev {peer[1]}" if len(peer) > 1 else peer[0]
    return InputError(f"{name}: {what}", (*peer, field) if field else peer)


def number_of(record: object, peer: Peer, field: str) -> float:
    """Return a finite number of a peer's record; InputError names the peer and the field."""
    if not isinstance(record, Mapping):
        raise peer_error(peer, f"must be an object with its numbers, {field} among them")
    if field not in record:
        raise peer_error(peer, f"{field} is missing")
    value: Any = record[field]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise peer_error(peer, f"{field} must be a number, not {shown(value)}", field)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise peer_error(peer, f"{field} must be finite, not {number}", field)
    return number


def _refuse_first(field: str, values: Array, good: NDArray[np.bool_], rule: str) -> None:
    good = good & np.isfinite(values)
    if not good.all():
        first = int(good.argmin())
        raise peer_error(("evs", first), f"{field} {rule}, not {values[first]:g}", field)
