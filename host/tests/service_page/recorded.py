# SPDX-License-Identifier: MIT
"""Recorded runs of the virtual bench, told again to a real window as its engine would.

`runs/*.jsonl` hold a hello, then every event, with times from the run's beginning. `four` is what
the engine of `demo --serve` told its window. `thirty` has the events of a demo of thirty boards;
their limits, contacts and totals were computed from these events afterwards. `pad` is what the
engine of `serve` told its window beside a bench whose board 1 is a pad: two receivers, then three.
Tests add what did not happen then: faults, lost boards.
"""

import json
import time
from pathlib import Path
from typing import Any

from crowdcharge.service.live import Live

from ..service_window.engine import Engine

Record = dict[str, Any]
ELSEWHERE = "bench.example.org"  # a name of the service that does not mean this machine only
RUNS = Path(__file__).parent / "runs"
FLOWING_s = {"four": 23.8, "thirty": 48.0, "pad": 26.0}  # when much flows
_TIMES = {"time_s", "heard_s", "started_s", "ended_s"}


def _lines(name: str) -> list[Record]:
    text = (RUNS / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


class Run:
    """A recorded run whose moment `at_s` is now."""

    def __init__(self, name: str, at_s: float | None = None) -> None:
        at_s = FLOWING_s[name] if at_s is None else at_s
        self._begin_s = time.time() - at_s
        self.begin, *shifted = (self._shifted(each) for each in _lines(name))
        now_s = self._begin_s + at_s
        self.past = [each for each in shifted if each["time_s"] <= now_s]
        self.future = shifted[len(self.past) :]

    def _shifted(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {each: self._shifted(inner, each) for each, inner in value.items()}
        if isinstance(value, list):
            return [self._shifted(each) for each in value]
        return value + self._begin_s if name in _TIMES and value is not None else value

    def hello(self, **run: Any) -> Record:
        """Return the hello of an engine that has come so far; `run`: what to change."""
        live = Live(self.begin)
        for record in self.past:
            live.apply(record)
        hello = self.begin | live.snapshot()
        hello["config"] = {"serve": {"allowed_hosts": [ELSEWHERE]}}
        hello["policies"] = ["oblivious-share", "online-average"]
        hello["run"] = hello["run"] | run
        return hello


def fault(board_id: int, code: int, name: str) -> Record:
    facts = {"board_id": board_id, "code": code, "name": name}
    return {"event": "FaultRaised", "time_s": time.time(), **facts}


def cleared(board_id: int, code: int, name: str) -> Record:
    return fault(board_id, code, name) | {"event": "FaultCleared"}


def lost(board_id: int) -> Record:
    return {"event": "BoardLost", "time_s": time.time(), "board_id": board_id}


def facts(**changed: Any) -> Record:
    return {"event": "Facts", "time_s": time.time(), **changed}


__all__ = [
    "ELSEWHERE",
    "Engine",
    "FLOWING_s",
    "Record",
    "Run",
    "cleared",
    "facts",
    "fault",
    "lost",
]
