# SPDX-License-Identifier: MIT
"""The rows that the compiled world works on, and the arrays that hold them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crowdcharge.simulation.city.queue_kernels import Queue, queue_of

Rows = NDArray[Any]

# A board: the fields of SimulatedBoard, and what the world, the rules and the policy keep of it.
BOARD = np.dtype(
    [
        (name, "f8")
        for name in (
            "energy_J", "now_s", "tx_W", "rx_W", "cord_W", "load_W", "capacity_J", "floor_J",
            "sent_J", "received_J", "used_J", "cord_J", "outage_s", "weight", "total",
            "booked_sent_J", "booked_received_J", "arrives_s", "leaves_s",
            "level_J",
        )
    ]
    + [
        (name, np.int32)
        for name in (
            "deal", "waiting", "met", "kind", "outages", "sessions", "first_cord", "cords", "level",
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
        ("contact_start_s", "f8"), ("contact_end_s", "f8"),
    ]
)  # fmt: skip
# A contact that has begun.
MEETING = np.dtype(
    [
        ("number", np.int64), ("deal", np.int64), ("start_s", "f8"), ("end_s", "f8"),
        ("a", np.int32), ("b", np.int32), ("ptx", np.int32), ("waits", np.int8),
        ("chosen", np.int8),
    ],
    align=True,
)  # fmt: skip
LOGGED = np.dtype(
    [
        ("number", np.int64), ("ptx", np.int32), ("prx", np.int32), ("start_s", "f8"),
        ("end_s", "f8"), ("offered_J", "f8"), ("sent_J", "f8"), ("received_J", "f8"),
        ("contact_start_s", "f8"), ("contact_end_s", "f8"), ("why", np.int64),
    ]
)  # fmt: skip
PLANNED = np.dtype([("time_s", "f8"), ("order", np.int32), ("board", np.int32)])
STATE = np.dtype(
    [("now_s", "f8")]
    + [
        (name, np.int64)
        for name in ("contact", "begun", "planned", "free", "ready", "started", "logged", "every")
    ]
)
FACTS = np.dtype(
    [
        (name, "f8")
        for name in (
            "power_W", "efficiency", "start_J", "end_s", "cord_W", "below_pct", "until_pct",
            "quantum_J",
        )
    ]
    + [("rule", np.int64)]
)  # fmt: skip
CORD = np.dtype([("from_s", "f8"), ("to_s", "f8")])
REASONS = ("done", "bound", "parted", "floor", "full", "left", "cord", "end")
LOG_MAX = 1 << 20  # transfers that are kept one by one; of more, every 2nd, 4th, ...


class City(NamedTuple):
    """All that the compiled world works on; `waits_*` are lists of meetings, by board.

    A meeting m is in two lists, of its board a as entry 2 m and of its board b as 2 m + 1.
    """

    facts: Rows
    state: Rows
    boards: Rows
    deals: Rows
    cords: Rows
    planned: Rows
    may_give: NDArray[np.bool_]
    ready: NDArray[np.int32]
    log: Rows
    queue: Queue
    meetings: Rows
    free: NDArray[np.int32]
    chosen: NDArray[np.int32]
    waits_next: NDArray[np.int32]
    waits_before: NDArray[np.int32]


def with_room(city: City, meetings: int) -> City:
    """Return the city with room for so many contacts at once; it has less before."""
    n, had = len(city.boards), len(city.meetings)
    queue = queue_of(2 * n + meetings)
    for new, old in zip(queue, city.queue, strict=True):
        new[: len(old)] = old
    free = np.zeros(meetings, np.int32)
    free[: city.state[0]["free"]] = city.free[: city.state[0]["free"]]
    free[city.state[0]["free"] :][: meetings - had] = np.arange(meetings - 1, had - 1, -1)
    city.state[0]["free"] += meetings - had
    return city._replace(
        queue=queue,
        meetings=longer(city.meetings, meetings),
        free=free,
        chosen=np.zeros(meetings, np.int32),
        waits_next=longer(city.waits_next, 2 * meetings),
        waits_before=longer(city.waits_before, 2 * meetings),
    )


def longer(rows: Rows, size: int) -> Rows:
    made = np.zeros(size, rows.dtype)
    made[: len(rows)] = rows
    return made
