# SPDX-License-Identifier: MIT
"""PURE: a passport as one document of texts and whole numbers, before it is signed."""

from dataclasses import asdict
from typing import Any

from crowdcharge.passport import wear
from crowdcharge.passport.capacity import capacity_of
from crowdcharge.passport.history import History
from crowdcharge.passport.resistance import path_of
from crowdcharge.passport.values import DECLARED, ESTIMATED, NAMESPACE, Figure, missing

NOTICE = (
    "Voluntary: this is no battery passport of any regulation, and nobody but the holder of the "
    "key below vouches for it. What boards did outside of this ledger is not in it."
)
CONTEXT = {"@vocab": NAMESPACE}

# name -> what people read; the order is that of the page
TITLES = {
    "capacity_rated": "rated capacity",
    "capacity_remaining": "capacity that remains",
    "fade": "capacity lost",
    "charge": "state of charge",
    "resistance": "resistance of cell and leads",
    "full_cycles": "full cycles",
    "energy_given": "energy given",
    "energy_taken": "energy taken",
    "throughput": "energy given and taken",
    "energy_unexplained": "energy on no receipt",
    "coil_lowest": "coil, coldest",
    "coil_highest": "coil, hottest",
    "coil_hot_time": f"time with the coil above {wear.HOT_C:g} C",
    "battery_temperature": "temperature of the battery",
    "deep_discharges": f"times at or below {wear.DEEP:.0%} of charge",
    "deep_discharge_faults": "faults: cell too low",
    "over_temperature_faults": "faults: too hot",
    "other_faults": "other faults",
}


def figures(history: History) -> dict[str, Figure]:
    path, resistance = path_of(history.terminals, history.end_s)
    rated = _rated(history)
    remaining = capacity_of(history.discharges, history.quiet, path, history.end_s)
    coldest, hottest = wear.coil_extremes(history)
    sent_mJ, received_mJ = history.sent_mJ, history.received_mJ
    moved_s = history.given_s + history.taken_s
    found = {
        "capacity_rated": rated,
        "capacity_remaining": remaining,
        "fade": _fade(rated, remaining),
        "charge": _charge(history.charges),
        "resistance": resistance,
        "full_cycles": wear.full_cycles(history.charges),
        "energy_given": wear.energy(sent_mJ, history.given_s, "what it sent"),
        "energy_taken": wear.energy(received_mJ, history.taken_s, "what it received"),
        "throughput": wear.energy(sent_mJ + received_mJ, moved_s, "both"),
        "energy_unexplained": Figure(
            history.unexplained_mJ, "mJ", "measured", "gaps between the odometers of receipts"
        ),
        "coil_lowest": coldest,
        "coil_highest": hottest,
        "coil_hot_time": wear.hot_time(history.coil),
        "battery_temperature": missing("dC", "the rows of a ledger carry the coil's only"),
        **wear.events(history),
    }
    return {name: found[name] for name in TITLES}


def fade_of(history: History) -> Figure:
    """Return the share of capacity that was lost, without the other figures."""
    path, _ = path_of(history.terminals, history.end_s)
    remaining = capacity_of(history.discharges, history.quiet, path, history.end_s)
    return _fade(_rated(history), remaining)


def _rated(history: History) -> Figure:
    if not history.capacity_mJ:
        return missing("mJ", "the board is in no reading of this ledger")
    how = "what the board was set to when it was built"
    if history.cells > 1:
        how += (
            f"; it declared another before ({history.cells - 1} times): capacity and resistance "
            "are of the time since, all that is counted is of all the time"
        )
    return Figure(history.capacity_mJ, "mJ", DECLARED, how)


def _charge(charges: list[float]) -> Figure:
    if not charges:
        return missing("1/1000", "no charge is known")
    how = "the newest word of the board's fuel gauge"
    return Figure(round(1000 * charges[-1]), "1/1000", ESTIMATED, how)


def _fade(rated: Figure, remaining: Figure) -> Figure:
    """Return thousandths of the rated capacity; below 0 for a cell that is better than said."""
    if rated.value is None or remaining.value is None:
        return missing("1/1000", "the rated capacity or the one that remains is not known")
    assert remaining.low is not None
    assert remaining.high is not None
    value, low, high = (
        round(1000 * (1 - mJ / rated.value))
        for mJ in (remaining.value, remaining.high, remaining.low)
    )
    return Figure(value, "1/1000", ESTIMATED, "what remains against what was declared", low, high)


def document(history: History, signatures_checked: bool, linked: bool) -> dict[str, Any]:
    """Return the passport without its proof; `linked`: as JSON-LD."""
    head = {"@context": CONTEXT, "@type": "BatteryPassport"} if linked else {}
    return {
        **head,
        "format": "crowdcharge-passport",
        "version": 1,
        "notice": NOTICE,
        "board_id": history.board_id,
        "ledger": {
            "rows": history.rows,
            "last_hash": history.last_hash,
            "started_unix_s": history.first_unix_s,
            "ended_unix_s": None if history.first_unix_s is None else int(history.end_s),
            "receipts": "signatures checked" if signatures_checked else "signatures not checked",
        },
        "figures": {name: asdict(figure) for name, figure in figures(history).items()},
    }
