# SPDX-License-Identifier: MIT
"""The crowd in the text format of Prometheus, made anew from a snapshot for each scrape.

The totals are those of the ledger, in base units. A value that is not known has no sample.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from crowdcharge.service.window.flows import Snapshot, power_W
from crowdcharge.units import mJ_to_J

Sample = tuple[tuple[str, ...], float | None]  # values of the labels, and the sample's own
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Family(NamedTuple):
    """One metric: its name without `_total`, the kind that adds it, and where samples are."""

    name: str
    kind: type[CounterMetricFamily | GaugeMetricFamily]
    text: str
    labels: tuple[str, ...]
    samples: Callable[[Snapshot], Iterable[Sample]]


def exposition(snapshot: Snapshot) -> bytes:
    """Return what a scrape gets; its type is CONTENT_TYPE."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Crowd(snapshot))
    return generate_latest(registry)


class _Crowd(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES:
            metric = family.kind(family.name, family.text, labels=family.labels)
            for labels, value in family.samples(self._snapshot):
                if value is not None:
                    metric.add_metric(labels, value)
            yield metric


def _whole(value: Callable[[Snapshot], float | None]) -> Callable[[Snapshot], Iterable[Sample]]:
    return lambda snapshot: [((), value(snapshot))]


def _each_board(
    value: Callable[[dict[str, Any]], float | None],
) -> Callable[[Snapshot], Iterable[Sample]]:
    return lambda snapshot: [((str(b["board_id"]),), value(b)) for b in snapshot["boards"]]


def _flow(field: str) -> Callable[[Snapshot], Iterable[Sample]]:
    return lambda snapshot: [
        ((str(board["board_id"]),), power_W(snapshot, field, board["board_id"]))
        for board in snapshot["boards"]
    ]


def _energy(key: str) -> Callable[[Snapshot], Iterable[Sample]]:
    return _whole(lambda snapshot: _joules(snapshot["totals"][key]))


def _count(key: str) -> Callable[[Snapshot], Iterable[Sample]]:
    return _whole(lambda snapshot: snapshot["totals"][key])


def _joules(energy_mJ: int | None) -> float | None:
    return None if energy_mJ is None else mJ_to_J(energy_mJ)


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _info(snapshot: Snapshot) -> Iterable[Sample]:
    run = snapshot["run"]
    yield (str(run["site"] or ""), run["mode"], run["policy"]["name"], run["version"]), 1.0


def _states(snapshot: Snapshot) -> Iterable[Sample]:
    for board in snapshot["boards"]:
        if board["state"] is not None:
            yield (str(board["board_id"]), board["state"]), 1.0


def _faults(snapshot: Snapshot) -> Iterable[Sample]:
    for board in snapshot["boards"]:
        for fault in board["faults"]:
            yield (str(board["board_id"]), fault["name"]), 1.0


def _last_word(snapshot: Snapshot) -> Iterable[Sample]:
    for board in snapshot["boards"]:
        if board["age_s"] is not None:
            yield (str(board["board_id"]),), snapshot["time_s"] - board["age_s"]


_G, _C, _BOARD = GaugeMetricFamily, CounterMetricFamily, ("board",)
_RUN = ("site", "mode", "policy", "version")
FAMILIES = (
    Family("crowdcharge_run_info", _G, "What runs; always 1.", _RUN, _info),
    Family("crowdcharge_run_start_time_seconds", _G, "When the run started, in Unix time.", (),
           _whole(lambda snapshot: snapshot["run"]["started_s"])),
    Family("crowdcharge_run_active", _G, "1 while the crowd runs, 0 while it is paused.", (),
           _whole(lambda snapshot: float(snapshot["run"]["state"] == "running"))),
    Family("crowdcharge_sent_joules", _C, "Energy that donors metered, settled.", (),
           _energy("sent_mJ")),
    Family("crowdcharge_received_joules", _C, "Energy that receivers metered, settled.", (),
           _energy("received_mJ")),
    Family("crowdcharge_lost_joules", _C, "Energy lost between both meters, settled.", (),
           _energy("loss_mJ")),
    Family("crowdcharge_transfers", _C, "Transfers begun.", (), _count("transfers")),
    Family("crowdcharge_transfers_settled", _C, "Transfers settled with both receipts.", (),
           _count("settled")),
    Family("crowdcharge_floor_cutoffs", _C, "Transfers that ended at the donor's floor.", (),
           _count("floor_cutoffs")),
    Family("crowdcharge_refusals", _C, "Grants that a board refused.", (), _count("refusals")),
    Family("crowdcharge_imbalance_ratio", _G, "How unequal the charges are now, 0 is equal.", (),
           _count("imbalance_now")),
    Family("crowdcharge_board_sent_joules", _C, "Energy given, by its meter at its last visit.",
           _BOARD, _each_board(lambda board: _joules(board["sent_mJ"]))),
    Family("crowdcharge_board_received_joules", _C, "Energy got, by its meter at its last visit.",
           _BOARD, _each_board(lambda board: _joules(board["received_mJ"]))),
    Family("crowdcharge_board_sent_watts", _G, "Power that a board gives now.", _BOARD,
           _flow("sent_mW")),
    Family("crowdcharge_board_received_watts", _G, "Power that a board gets now.", _BOARD,
           _flow("received_mW")),
    Family("crowdcharge_board_charge_ratio", _G, "Charge of the battery, 0 to 1.", _BOARD,
           _each_board(lambda board: _ratio(board["soc_pct"]))),
    Family("crowdcharge_board_floor_ratio", _G, "Charge below which a board never gives.", _BOARD,
           _each_board(lambda board: _ratio(board["floor_pct"]))),
    Family("crowdcharge_board_coil_temperature_celsius", _G, "Temperature of the coil.", _BOARD,
           _each_board(lambda board: board["coil_C"])),
    Family("crowdcharge_board_last_word_timestamp_seconds", _G,
           "When a board was heard last, in Unix time.", _BOARD, _last_word),
    Family("crowdcharge_board_lost", _G, "1 while a board is out of sight.", _BOARD,
           _each_board(lambda board: float(board["lost"]))),
    Family("crowdcharge_board_state", _G, "The state that a board is in, as a label; 1.",
           ("board", "state"), _states),
    Family("crowdcharge_board_fault", _G, "A fault that stands, as a label; 1.",
           ("board", "fault"), _faults),
)  # fmt: skip
