# SPDX-License-Identifier: MIT
"""One example for each shape of the interface, shown in its document."""

from typing import Any

Shown = dict[str, Any]

FAULT: Shown = {
    "code": 143, "name": "FOREIGN_OBJECT", "text": "something other than the receiver takes power",
    "way_out": "Take whatever lies between the coils away.", "clear_by": "button", "stops": True,
}  # fmt: skip
BOARD: Shown = {
    "board_id": 1, "soc_pct": 54.4, "state": "POWER", "faults": [], "floor_pct": 20,
    "resume_pct": 25, "has_key": True, "capacity_mJ": 100_000, "power_max_mW": 5000,
    "power_allowed_mW": 5000, "contacts": [3], "age_s": 0.2, "lost": False, "forbidden": False,
    "sent_mJ": 1100, "received_mJ": 0, "coil_C": 25.4, "rssi_dBm": -55, "radio": None,
    "waits": None, "group_id": None,
}  # fmt: skip
TRANSFER: Shown = {
    "transfer_id": 5, "ptx": 1, "prx": 3, "state": "open", "started_s": 1_790_000_000.0,
    "ended_s": None, "energy_max_mJ": 20_000, "sent_mW": 3966, "sent_age_s": 0.1,
    "received_mW": 2512, "received_age_s": 0.3, "sent_mJ": 31_600, "received_mJ": 18_600,
    "loss_mJ": None, "ept_ptx": None, "ept_prx": None, "text": None, "group_id": None,
    "group_rule": None,
}  # fmt: skip
GROUP: Shown = {
    "group_id": 7, "group_rule": "need", "ptx": 1, "prxs": [2, 3], "transfers": [7, 8],
    "running": True, "sent_mW": 2860, "received_mW": 1820, "sent_mJ": 8600, "received_mJ": 5400,
    "loss_mJ": None,
}  # fmt: skip
ROW: Shown = {
    "seq": 4, "kind": "refusal", "hash": "9b" * 32,
    "body": {"transfer_id": 7, "board_id": 3, "code": 129, "name": "FLOOR", "t_ms": 27_500},
}  # fmt: skip
NEXT: Shown = {"ptx": 4, "prx": 2, "energy_J": 7.5, "says": "Board 4 has 88 %, board 2 9 %."}
POLICY: Shown = {"name": "online-average", "options": {}, "says": "The fuller one gives."}
TOTALS: Shown = {
    "transfers": 5, "settled": 4, "sent_mJ": 6000, "received_mJ": 3900, "loss_mJ": 2100,
    "efficiency": 0.65, "imbalance_first": 0.35, "imbalance_now": 0.3, "floor_cutoffs": 1,
    "refusals": 0,
}  # fmt: skip
RUN: Shown = {
    "name": "desk", "site": "lab", "mode": "run", "state": "running", "speed": 1.0, "seed": 1,
    "lease_s": 5.0, "version": "0.1.0", "actions": True, "started_s": 1_789_999_980.0,
    "policy": POLICY,
}  # fmt: skip
EXAMPLES: dict[str, Shown] = {
    "Problem": {
        "type": "about:blank", "title": "Conflict", "status": 409,
        "detail": "board 1 is busy; try again", "busy": True,
    },
    "Fault": FAULT,
    "Board": BOARD,
    "Transfer": TRANSFER,
    "Group": GROUP,
    "Contact": {"boards": [1, 3]},
    "Row": ROW,
    "Page": {"rows": [ROW], "next": None},
    "Policy": POLICY | {"next": [NEXT], "names": ["oblivious-share", "online-average"]},
    "Snapshot": {
        "seq": 1_790_000_000_123, "time_s": 1_790_000_023.8, "run": RUN, "boards": [BOARD],
        "transfers": [TRANSFER], "groups": [], "totals": TOTALS, "next": [NEXT],
    },
    "Access": {"watch": True, "act": False},
    "Classroom": {"link": "http://192.0.2.7:8722/#view=TOKEN", "qr_svg": "<svg/>"},
    "Anything": {"state": "paused"},
}  # fmt: skip
EVENTS = (
    'event: snapshot\nid: 1790000000123\ndata: {"seq": 1790000000123, "boards": []}\n\n'
    'event: event\nid: 1790000000124\ndata: {"event": "BoardReading", "time_s": 1790000024.0, '
    '"board_id": 1, "soc_permille": 543, "seq": 1790000000124}\n\n'
    'event: tick\ndata: {"time_s": 1790000025.0, "seq": 1790000000124}\n\n'
)
METRICS = (
    "# HELP crowdcharge_received_joules_total Energy that receivers metered, settled.\n"
    "# TYPE crowdcharge_received_joules_total counter\ncrowdcharge_received_joules_total 3.9\n"
)
