# SPDX-License-Identifier: MIT
"""Every file that a user can name, with a grammar of realistic mistakes in it.

Each input is read, or refused in one line that names the file and the line in it. `long` runs
10**5 inputs for each reader, CI 500.
"""

import json
import re
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crowdcharge.bench import config as bench_config
from crowdcharge.bench.board import recording as board_recording
from crowdcharge.boards import agreement, crowd_file, mandates
from crowdcharge.boards import keys as key_file
from crowdcharge.cli import route
from crowdcharge.errors import InputError
from crowdcharge.files import read_json_as, read_text
from crowdcharge.flash.records import Records
from crowdcharge.ledger import people
from crowdcharge.market import parse_market
from crowdcharge.market.wishes import parse_wishes
from crowdcharge.orchestrator import config as run_config
from crowdcharge.orchestrator import outlets
from crowdcharge.passport.signing import public_key, signed
from crowdcharge.planner import Problem
from crowdcharge.profiles import profile
from crowdcharge.radio import replay_radio
from crowdcharge.radio.base import Proxy
from crowdcharge.simulation import study
from crowdcharge.simulation.days import read_days
from crowdcharge.simulation.forecast import forecast, read_use
from crowdcharge.simulation.link import read_curve
from crowdcharge.simulation.mobility import RandomWaypoint
from crowdcharge.simulation.scenario import BoardSpec, CrowdSpec
from crowdcharge.simulation.sweep import jobs_of
from crowdcharge.simulation.traces.options import TraceOptions
from crowdcharge.simulation.traces.readers import FORMATS, read_trace
from crowdcharge.simulation.traces.rows import lines_of
from crowdcharge.simulation.world import CordHabit

from . import specimens
from .mistakes import json_lines, json_text, spoiled, table, toml

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(32))
TIME_MAX_s, GROWTH_MAX_bytes = 2.0, 100e6
CALIBRATION = """{"boards": {"7": {"tx": {"measured_on": "2026-11-28", "points":
[{"reference_mA": 0.0, "raw_mA": -0.1, "spread_mA": 0.01}], "correction": {"gain_ppm": 1500,
"offset_uA": -30, "u_gain_ppm": 300.0, "u_offset_uA": 50.0}}, "curve": {"hash": "ab"}}}}"""
RECORDING = """{"t_s": 0.0, "address": "A", "rssi_dBm": -60, "data": "0201060302"}
{"t_s": 0.5, "address": "B", "rssi_dBm": -70, "data": ""}
"""
TRACES = {
    "one": "0 CONN 1 2 up\n10.5 CONN n3 n1 up\n30 CONN 2 1 down\n40 CONN 1 3 down\n",
    "one-movement": "0 20 0 100 0 100 0 0\n0 1 10 0\n0 2 0 0\n20 1 10 0\n20 2 20 0\n",
    "haggle": "1 2 100 250 1 0\n2 1 200 300 2 -50\n1 3 90 90\n",
    "sociopatterns": "40 5 7 2A 2B\n60 5 7 2A 2B\n120 7 5 2B 2A\n",
    "copenhagen": "# timestamp,user_a,user_b,rssi\n0,0,-1,0\n0,1,2,-60\n300,2,1,-70\n",
    "edges": "a,b,start\n3,1,9\n2,1,12\n",
    "konect": "% sym positive\n% 2 2 2\n1 2 1 100\n2 1 1 115\n",
    "gtfs": "trip_id,arrival_time,departure_time,stop_id\n7,08:00:00,08:02:00,A\n"
    "9,08:01:00,08:05:00,A\n",
}
CURVE = "sent_W,received_W\n1.0,0.4\n2.5,1.4\n5,3.1\n"
# What is wrong with a file as a whole, or with a sweep's value in the line of a scenario.
WITHOUT_A_LINE = re.compile(
    "not a text file|no contacts|no measured points|holds no table|of two users|: with .* line"
    "|larger than|no mandate|has no line with readings"
)
Make = Callable[[Random], str]


def example(name: str) -> str:
    return (EXAMPLES / name).read_text(encoding="utf-8")


def trace(kind: str) -> Callable[[Path], object]:
    given: dict[str, Any] = {
        "one-movement": {"range_m": 2},
        "edges": {"columns": {"a": 1, "b": 2, "start": 3}, "lasts_s": 5},
        "konect": {"lasts_s": 5},
    }
    options = TraceOptions(**given.get(kind, {}))
    return lambda path: read_trace(read_text(path), str(path), kind, options).described()


def calibration(path: Path) -> object:
    records = Records(path)
    return records.measured_on(), records.corrections(), records.points(7, "tx")


def demand(path: Path) -> object:
    return [forecast(use) for use in read_use(read_text(path), str(path)).values()]


def all_keys(path: Path) -> object:
    return key_file.load(path), key_file.load_retired(path)


def of(change: Callable[[str, Random], str], *good: str) -> Make:
    """Make one of the good files with mistakes in it; some keep to those of their way here."""

    def make(rng: Random) -> str:
        text = rng.choice(good)
        return change(text, rng) if rng.random() < 0.9 else text

    return make


READERS: dict[str, tuple[Make, Callable[[Path], Any]]] = {
    **{f"trace {kind}": (of(table, TRACES[kind]), trace(kind)) for kind in FORMATS},
    "curve": (of(table, CURVE), lambda path: read_curve(lines_of(read_text(path)), str(path))),
    "scenario": (of(toml, example("scenario.toml"), *specimens.SCENARIOS), study.load),
    "sweep": (
        of(toml, example("sweep.toml"), specimens.SWEEP),
        lambda path: jobs_of(EXAMPLES / "scenario.toml", path),
    ),
    "run": (of(toml, example("run.toml"), *specimens.RUNS), run_config.load),
    "bench": (of(toml, example("bench.toml"), *specimens.BENCHES), bench_config.load),
    "keys": (of(toml, example("keys.toml"), specimens.KEYS), all_keys),
    "crowd": (of(toml, specimens.CROWD_FILE), crowd_file.load),
    "sheet": (of(toml, specimens.SHEET), agreement.read_sheet),
    "owner": (of(toml, specimens.OWNER_KEY), mandates.load),
    "people": (of(toml, specimens.PEOPLE), people.load),
    "profile": (of(toml, specimens.PROFILE), profile.load),
    "fleet": (of(toml, specimens.FLEET), route.read),
    "problem": (
        of(json_text, example("problem.json")),
        lambda path: read_json_as(path, Problem.from_json),
    ),
    "wishes": (
        of(json_text, example("wishes.json")),
        lambda path: read_json_as(path, parse_wishes),
    ),
    "market": (
        of(json_text, example("market.json")),
        lambda path: read_json_as(path, parse_market),
    ),
    "days": (
        of(table, example("days.csv")),
        lambda path: read_days(read_text(path), str(path), 1),
    ),
    "use": (of(table, example("use.csv")), demand),
    "calibration": (of(json_text, CALIBRATION), calibration),
    "recording": (of(json_lines, RECORDING), replay_radio.load),
    "replay": (of(json_lines, specimens.BOARD_RECORDING), board_recording.load),
    "passport": (
        of(json_text, json.dumps(signed({"format": "crowdcharge-passport"}, SIGNER))),
        lambda path: read_json_as(path, public_key),
    ),
    "mandate": (of(table, specimens.MANDATE), mandates.read),
}


def memory_bytes() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def campaign(name: str, folder: Path, count: int) -> tuple[int, int]:
    """Return how many inputs were read, and how many were refused."""
    make, read = READERS[name]
    rng, path, refused = Random(name), folder / "file", 0
    path.touch(mode=0o600)
    before_bytes = memory_bytes()
    for number in range(count):
        data = spoiled(make(rng), rng)
        path.write_bytes(data)
        began_s = time.process_time()
        try:
            read(path)
        except InputError as error:
            refused += 1
            said = str(error)
            assert said.startswith(str(path)), (number, said, data)
            if not WITHOUT_A_LINE.search(said):
                assert re.match(r", lines? \d+", said.removeprefix(str(path))), (
                    number,
                    said,
                    data,
                )
            assert said.isprintable(), (number, said, data)
            assert len(said) < len(str(path)) + 1000, (number, said, data)
            assert "sys." not in said, (number, said, data)  # no word of the interpreter's own
        except Exception as error:
            raise AssertionError((name, number, data)) from error
        assert time.process_time() - began_s < TIME_MAX_s, (number, data)
    assert memory_bytes() - before_bytes < GROWTH_MAX_bytes
    return count - refused, refused


@pytest.mark.parametrize("name", READERS)
def test_a_mistake_is_one_line_that_names_the_file(name, tmp_path):
    read, refused = campaign(name, tmp_path, 500)
    assert read, "the grammar never makes a good file"
    assert refused, "the grammar never makes a mistake"


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", READERS)
def test_a_hundred_thousand_mistakes(name, tmp_path):
    read, refused = campaign(name, tmp_path, 100_000)
    print(f"{name}: {read} read, {refused} refused")  # noqa: T201 - for the record


@pytest.mark.parametrize(
    ("texts", "records"),
    [
        (
            specimens.RUNS,
            (
                run_config.RunSection, run_config.RadioSection, run_config.TransferSection,
                run_config.ContactsSection, run_config.CrowdSection, run_config.ServeSection,
                run_config.BoardsSection, outlets.MqttSection, outlets.NotifySection,
                outlets.TracesSection, Proxy,
            ),
        ),
        (
            specimens.BENCHES,
            (bench_config.BenchConfig, bench_config.BoardConfig, bench_config.ProxyConfig,
             bench_config.CoilLink, bench_config.ContactsConfig),
        ),
        (specimens.SCENARIOS, (BoardSpec, CrowdSpec, CordHabit, TraceOptions, RandomWaypoint)),
    ],
)  # fmt: skip
def test_the_specimens_have_every_key(texts, records):
    text = "\n".join(texts)
    names = {each.name for record in records for each in fields(record)}
    missing = {name for name in names if not re.search(rf"\b{name}\b", text)}
    assert not missing
