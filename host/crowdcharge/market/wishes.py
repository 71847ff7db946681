# SPDX-License-Identifier: MIT
"""PURE: what owners say of batteries and prices, as the inputs of Algorithm 1 (lane.py)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.escaping import shown
from crowdcharge.market.lane import PricingRun, Wishes
from crowdcharge.market.problem import MODES, Mode, Peer, number_of, peer_error

EVS_MAX = 500  # the rounds grow with their number, and each round is kept
_PRICES = ("price_low", "price_high")


def parse_wishes(document: object) -> Wishes:
    """Make the inputs of a WISHES.json document; InputError names the peer and the field."""
    if not isinstance(document, Mapping):
        raise InputError('wishes are an object: {"evs": [...], "lane": {...}, "mode": "charge"}')
    evs = document.get("evs")
    if not isinstance(evs, Sequence) or isinstance(evs, str) or not 0 < len(evs) <= EVS_MAX:
        raise InputError(f"evs: must be a list of 1 to {EVS_MAX} vehicles", ("evs",))
    mode = document.get("mode")
    if mode not in MODES:
        raise InputError(f'mode: must be "charge" or "discharge", not {shown(mode)}', ("mode",))
    lane = document.get("lane")
    e_max = [_energy(ev, ("evs", i), mode) for i, ev in enumerate(evs)]
    ranges = [_range(lane, ("lane",)), *(_range(ev, ("evs", i)) for i, ev in enumerate(evs))]
    e_min = number_of(lane, ("lane",), "e_min")
    if e_min >= 0:
        what = f"e_min must be below 0 (what the lane trades), not {e_min:g}"
        raise peer_error(("lane",), what, "e_min")
    return Wishes(np.array(ranges), np.array(e_max), e_min, mode)


def market_document(run: PricingRun) -> dict[str, Any]:
    """Return the market that was agreed on, as `parse_market` reads it."""
    market = run.market
    terms = zip(market.a.tolist(), market.b.tolist(), market.e_max.tolist(), strict=True)
    return {
        "evs": [{"a": a, "b": b, "e_max": e_max} for a, b, e_max in terms],
        "lane": {"a": market.lane_a, "b": market.lane_b, "e_min": market.lane_e_min},
        "mode": market.mode,
    }


def _energy(ev: object, peer: Peer, mode: Mode) -> float:
    """Return the most that a vehicle buys, or sells: from its charge to the one it wants."""
    battery, soc_pct, until_pct = (
        number_of(ev, peer, name) for name in ("battery", "soc_pct", "until_pct")
    )
    if battery <= 0:
        raise peer_error(peer, f"battery must be above 0, not {battery:g}", "battery")
    for name, value in (("soc_pct", soc_pct), ("until_pct", until_pct)):
        if not 0 <= value <= 100:
            raise peer_error(peer, f"{name} must be 0 to 100, not {value:g}", name)
    way_pct = until_pct - soc_pct if mode == "charge" else soc_pct - until_pct
    if way_pct <= 0:
        side = "above" if mode == "charge" else "below"
        raise peer_error(peer, f"until_pct must be {side} soc_pct in mode {mode}", "until_pct")
    return battery * way_pct / 100


def _range(record: object, peer: Peer) -> list[float]:
    low, high = (number_of(record, peer, name) for name in _PRICES)
    if not 0 < low < high:
        raise peer_error(
            peer, f"needs 0 < price_low < price_high, not {low:g} and {high:g}", "price_low"
        )
    return [low, high]
