# SPDX-License-Identifier: MIT
"""The rows that the compiled world works on, and the arrays that hold them."""

from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crowdcharge.policy.rule import NUMBERS, Keeps, Tables
from crowdcharge.simulation.city.queue_kernels import Queue, queue_of

Rows = NDArray[Any]

# A board: the fields of SimulatedBoard, and what the world and the rules keep of it.
BOARD = np.dtype(
    [
        (name, "f8")
        for name in (
            "energy_J", "now_s", "tx_W", "rx_W", "cord_W", "load_W", "capacity_J", "floor_J",
            "sent_J", "received_J", "used_J", "cord_J", "outage_s", "weight", "coil_C",
            "booked_sent_J", "booked_received_J", "arrives_s", "leaves_s", "level_J",
        )
    ]
    + [
        (name, np.int32)
        for name in (
            "deal", "waiting", "kind", "outages", "sessions", "cords", "level", "next_ready",
        )
    ]
    + [(name, np.int8) for name in ("present", "starved", "ready", "gives_on_cable")],
    align=True,
)  # fmt: skip
# A transfer that runs, in the row of its transmitter.
DEAL = np.dtype(
    [
        ("number", np.int64), ("prx", np.int32), ("meeting", np.int32), ("offered_J", "f8"),
        ("start_s", "f8"), ("done_s", "f8"), ("sent_before_J", "f8"), ("received_before_J", "f8"),
        ("contact_start_s", "f8"), ("contact_end_s", "f8"), ("a_gives", np.int64),
    ]
)  # fmt: skip
# A contact that has begun. While it waits, it is in the lists of both boards: entry 2 m is meeting
# m in the list of its board a, 2 m + 1 in that of its board b. `free` and `chosen` are no fields
# of a meeting, but two lists of meetings that lie in these rows.
MEETING = np.dtype(
    [
        ("number", np.int64), ("deal", np.int64), ("start_s", "f8"), ("end_s", "f8"),
        ("a", np.int32), ("b", np.int32), ("ptx", np.int32), ("next_a", np.int32),
        ("next_b", np.int32), ("before_a", np.int32), ("before_b", np.int32), ("free", np.int32),
        ("chosen", np.int32), ("waits", np.int8), ("is_chosen", np.int8),
    ],
    align=True,
)  # fmt: skip
LOGGED = np.dtype(
    [
        ("number", np.int64), ("ptx", np.int32), ("prx", np.int32), ("start_s", "f8"),
        ("end_s", "f8"), ("offered_J", "f8"), ("sent_J", "f8"), ("received_J", "f8"),
        ("contact_start_s", "f8"), ("contact_end_s", "f8"), ("a_gives", np.int32),
        ("why", np.int32),
    ]
)  # fmt: skip
# What the scenario sets a time for; `in_cord`: the board arrives while it is on the cord.
PLANNED = np.dtype(
    [("time_s", "f8"), ("order", np.int32), ("board", np.int32), ("in_cord", np.int64)]
)
# What is the same in the whole run, and what goes on with it.
FACTS = [
    (name, "f8")
    for name in (
        "power_W", "efficiency", "start_J", "end_s", "cord_W", "below_pct", "until_pct",
    )
]  # fmt: skip
COUNTS = [
    (name, np.int64)
    for name in (
        "contact", "begun", "planned", "free", "ready", "chosen", "asked", "started", "logged",
        "every",
    )
]  # fmt: skip
STATE = np.dtype([*FACTS, ("now_s", "f8"), *COUNTS])
# What a policy keeps of each board, what it was told, and how it is asked.
KEEPS = np.dtype(
    [(each.name, "f8" if each.type is float else np.int32) for each in fields(Keeps)], align=True
)
TOLD = np.dtype([(name, "f8") for name in NUMBERS])
ASKED = np.dtype(
    [
        ("rule", np.int64), ("looks", np.int64), ("flips_coins", np.int64), ("coin", np.int64),
        ("is_served", np.int64), ("ptx", np.int64), ("prx", np.int64), ("offered_J", "f8"),
    ]
)  # fmt: skip
REASONS = ("done", "bound", "parted", "floor", "full", "left", "cord", "end")
LOG_MAX = 1 << 18  # transfers that are kept one by one; of more, every 2nd, 4th, ...


class Mind(NamedTuple):
    """The policy as the compiled world asks it; `coins` are those drawn beforehand."""

    asked: Rows
    told: Rows
    keeps: Rows
    tables: Tables
    coins: NDArray[np.int8]


class City(NamedTuple):
    """All that the compiled world works on."""

    state: Rows
    boards: Rows
    deals: Rows
    planned: Rows
    power_W: NDArray[np.float64]  # from a kind of board to another; 0: they exchange nothing
    log: Rows
    queue: Queue
    meetings: Rows


def with_room(city: City, size: int) -> City:
    """Return the city with room for so many contacts at once; it has less before."""
    had, state = len(city.meetings), city.state[0]
    queue = queue_of(2 * len(city.boards) + size)
    for new, old in zip(queue, city.queue, strict=True):
        new[: len(old)] = old
    meetings = longer(city.meetings, size)
    added = size - had
    meetings["free"][state["free"] : state["free"] + added] = np.arange(size - 1, had - 1, -1)
    state["free"] += added
    return city._replace(queue=queue, meetings=meetings)


def longer(rows: Rows, size: int) -> Rows:
    made = np.zeros(size, rows.dtype)
    made[: len(rows)] = rows
    return made
