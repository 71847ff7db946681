# SPDX-License-Identifier: MIT
"""Lines about events: the time of day, numbers in the place of addresses, and the log's JSON."""

import io
import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from rich.console import Console

from crowdcharge.boards.fleet import Fleet
from crowdcharge.boards.models import Beacon, Sighting
from crowdcharge.cli.event_log import EventLog
from crowdcharge.cli.live import LiveView
from crowdcharge.errors import InputError
from crowdcharge.orchestrator import events

ADDRESS = "C0:DE:00:00:00:03"
NOW = datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
SEEN = events.BoardSeen(
    1.5,
    Fleet().add(Sighting(Beacon(3, 1, 1, 0, 0, 4000, 0, 50, 20, 0, 0, 0), ADDRESS, -60, 1.0)),
)


def lines_of(*happened: events.Event, verbose: bool = False) -> list[str]:
    file = io.StringIO()
    view = LiveView(Console(file=file, width=40), "t", verbose=verbose, now=lambda: NOW)
    for event in happened:
        view.on_event(event)
    return file.getvalue().splitlines()


def test_a_line_has_the_time_of_day_and_its_zone() -> None:
    (line,) = lines_of(events.BoardLost(2.0, 3))
    assert line == "2026-03-29 02:30:00+05:30     2.0 s  board 3 is out of sight"


@pytest.mark.parametrize(
    ("board_id", "said"),
    [
        (3, "board 3: cannot connect to it: timeout"),
        (0, "cannot connect to board 3: timeout"),
        (4, "board 4: cannot connect to board 3: timeout"),
    ],
)
def test_a_board_is_named_by_its_number(board_id: int, said: str) -> None:
    trouble = events.Trouble(2.0, board_id, f"cannot connect to {ADDRESS}: timeout")
    (line,) = lines_of(SEEN, trouble)
    assert line.endswith(said)


def test_a_long_line_is_whole_and_hostile_text_is_escaped() -> None:
    text = "\x1b[2Jx[red]y\n" + "word " * 100
    (line,) = lines_of(events.Trouble(2.0, 0, text))
    assert r"\x1b[2Jx[red]y\n" in line
    assert line.count("word") == 100


def test_verbose_tells_of_every_event() -> None:
    reading = events.BoardReading(2.0, 3, None)
    progress = events.Progress(3.0, 9, 3, 4, 3900, 2500, 1000, 700, 500, 300)
    assert lines_of(SEEN, reading, progress) == []
    told = lines_of(SEEN, reading, progress, verbose=True)
    assert [line.split("s  ")[1] for line in told] == [
        "board 3 is heard",
        "board 3: charge unknown",
        "transfer 9: 3 sends 3.90 W, 1.00 J; 4 receives 2.50 W, 0.70 J",
    ]


def test_a_pad_shows_all_whom_it_feeds() -> None:
    view = LiveView(Console(file=io.StringIO()), "t", quiet=True)

    def shown() -> str:
        console = Console(file=io.StringIO(), width=80)  # nothing is broken off there
        with console.capture() as drawn:
            console.print(view.draw())
        return drawn.get()

    for transfer_id, prx in ((9, 3), (10, 4)):
        view.on_event(
            events.Progress(3.0, transfer_id, 1, prx, 1400, 900, 1000, 700, 500, 300, 0.1, 0.1)
        )
    lines = [line.rpartition("%")[2].strip() for line in shown().splitlines()]
    assert lines[2:4] == ["sends to 3: 1.40 W, 1.00 J", "sends to 4: 1.40 W, 1.00 J"]
    view.on_event(events.TransferEnded(4.0, 9, 1, 3, "STOPPED", "PEER_ENDED"))
    assert "sends to 3" not in shown()
    assert "sends to 4" in shown()
    assert "receives from 1: 0.90 W, 0.70 J" in shown()


def test_the_log_has_every_field_of_every_event(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "run.log", pytest.fail, lambda: NOW)
    settled = events.Settled(4.0, 9, "settled", 10, 6, 4)
    log.on_event(SEEN)
    (tmp_path / "run.log").rename(tmp_path / "run.log.1")  # as logrotate does
    log.on_event(settled)
    seen = json.loads((tmp_path / "run.log.1").read_text())
    assert (seen["event"], seen["board_id"], seen["address"]) == ("BoardSeen", 3, ADDRESS)
    record = json.loads((tmp_path / "run.log").read_text())
    assert record["time"] == "2026-03-29T02:30:00.000+05:30"
    assert datetime.fromisoformat(record["time"]).astimezone(UTC).hour == 21
    assert {field.name for field in fields(settled)} < set(record)


def test_a_log_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write the log"):
        EventLog(tmp_path / "none" / "run.log", pytest.fail)
    (tmp_path / "logs").mkdir()
    told: list[str] = []
    log = EventLog(tmp_path / "logs" / "run.log", told.append)
    (tmp_path / "logs" / "run.log").unlink()
    (tmp_path / "logs").rmdir()
    for _ in range(3):
        log.on_event(events.BoardLost(2.0, 3))
    assert len(told) == 1
