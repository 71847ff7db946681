# SPDX-License-Identifier: MIT
"""Traces, curves, problems and scenarios as people get them wrong: one line, never a traceback.

The grammar writes a good table and then does to it what editors, spreadsheets, exporters and tired
people do. The long campaign over every reader is host/tests/readers/test_campaign.py.
"""

import json
import time
import tracemalloc

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.files import parsed_json
from crowdcharge.planner import Problem
from crowdcharge.simulation.link import read_curve
from crowdcharge.simulation.scenario import parse
from crowdcharge.simulation.traces.options import TraceOptions
from crowdcharge.simulation.traces.readers import FORMATS, read_trace
from crowdcharge.simulation.traces.rows import lines_of

TIME_MAX_s, MEMORY_MAX_bytes = 2.0, 50e6

NAMES = st.sampled_from(
    ["1", "2", "03", "n4", "ann", "bob", "Zoë", "c1", "p1", "a b", "1.0", "-1"]
)
TIMES = st.sampled_from(
    ["0", "5", "7.5", "7,5", "1e3", "1700000000", "1700000000000", "08:00:00", "25:61:00", "",
     "2024-05-01T10:00:00Z", "2024-02-30", "01.05.2024 10:00", "nan", "inf", "-5", "1e999",
     "9" * 400, "٣", "1_000", "0x10", "null"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["CONN", "conn", "up", "down", "UP", "C", "-60", "-1", "A", "2A", '"', "x"]
)
FIELDS = st.one_of(NAMES, TIMES, WORDS, st.text(max_size=5))
ROWS = st.one_of(
    st.tuples(TIMES, st.just("CONN"), NAMES, NAMES, st.sampled_from(["up", "down"])),
    st.tuples(NAMES, NAMES, TIMES, TIMES),
    st.tuples(TIMES, NAMES, NAMES),
    st.tuples(TIMES, NAMES, TIMES, TIMES),
    st.tuples(NAMES, TIMES, TIMES, NAMES),
    st.lists(FIELDS, max_size=9).map(tuple),
)
HEADERS = st.sampled_from(
    ["", "trip_id,arrival_time,departure_time,stop_id", "sent_W,received_W", "0 9 0 9 0 9 0 9",
     "timestamp,user_a,user_b,rssi", "a,b,start,end", "a,a,a", "# a remark", "% sym", "sep=;"]
)  # fmt: skip
MISTAKES = {
    "none": lambda text: text,
    "byte order mark": lambda text: "\ufeff" + text,
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "old Mac": lambda text: text.replace("\n", "\r"),
    "NUL": lambda text: text.replace("1", "\0", 1),
    "cut off": lambda text: text[: len(text) // 2],
    "one long line": lambda text: text.replace("\n", " ") * 40,
    "trailing separators": lambda text: text.replace("\n", ";;;\n"),
    "JSON": lambda text: "[" + text,
    "XML": lambda text: "<a>" + text,
    "twice": lambda text: text + text,
    "escape": lambda text: text + "\x1b[31m\n",
    "quote left open": lambda text: text.replace("1", '"1', 1),
}


@st.composite
def tables(draw):
    separator = draw(st.sampled_from([",", ";", "\t", " ", ", ", "|"]))
    rows = draw(st.lists(ROWS, max_size=8))
    lines = [draw(HEADERS).replace(",", separator), *(separator.join(row) for row in rows)]
    return MISTAKES[draw(st.sampled_from(sorted(MISTAKES)))]("\n".join(lines) + "\n")


def read_a_trace(kind):
    columns = {"a": 1, "b": 2, "start": 3}
    options = TraceOptions(columns=columns, lasts_s=5, range_m=2)
    return lambda text: read_trace(text, "FILE", kind, options).described()


def read_a_problem(text):
    Problem.from_json(parsed_json(text, "FILE"))


READERS = {kind: read_a_trace(kind) for kind in FORMATS} | {
    "curve": lambda text: read_curve(lines_of(text), "FILE"),
    "problem": read_a_problem,
    "scenario": lambda text: parse(text, "FILE"),
}


def check(reader, text):
    began_s = time.process_time()
    tracemalloc.start()
    try:
        READERS[reader](text)
    except InputError as error:
        said = str(error)
        assert said.count("\n") == 0
        assert said.isprintable(), repr(said)
        assert len(said) < 1000
        assert said.startswith("FILE") or reader == "problem"
        if not said.endswith(("no contacts", "no measured points")) and reader != "problem":
            assert said.startswith("FILE, line "), said
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < MEMORY_MAX_bytes
    assert time.process_time() - began_s < TIME_MAX_s


CI = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
TABLE_READERS = st.sampled_from([*FORMATS, "curve"])


@CI
@given(reader=TABLE_READERS, text=tables())
def test_tables(reader, text):
    check(reader, text)


NUMBERS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 9),
    st.floats(),
    st.just(10**400),
    st.text(max_size=3),
)
VALUES = st.one_of(NUMBERS, st.lists(NUMBERS, max_size=4), st.lists(st.lists(NUMBERS), max_size=3))
GOOD = {"e0": [5, 9], "contacts": [[0, 1, 1]], "cycle": 2, "e_min": 1, "e_max": 10}
PROBLEMS = st.dictionaries(
    st.sampled_from([*GOOD, "beta", "target", "limit", "colour"]), VALUES, max_size=3
).map(lambda change: json.dumps(GOOD | change))
SPOILED = st.tuples(PROBLEMS, st.sampled_from(sorted(MISTAKES))).map(
    lambda made: MISTAKES[made[1]](made[0])
)


@CI
@given(text=SPOILED)
def test_problems(text):
    check("problem", text)


SCENARIO = {
    "duration_s": "60", "floor_pct": "20", "sample_s": "1", "runs": "1", "seed": "0",
    "boards": '[{ id = 1, soc_pct = 50, cords = [[1, 2]] }, { id = 2, soc_pct = 9 }]',
    "contacts": "{ list = [[1, 2, 0, 9]] }", "link": "{ power_W = 1 }", "cord": "{ power_W = 1 }",
}  # fmt: skip
TOML = st.sampled_from(
    ["0", "-1", "1e308", "1e309", "inf", "nan", "9" * 400, "true", '"x"', "[]", "[[]]", "{}",
     "[1, 2]", "[[1, 2]]", "{ list = [[1, 2, 9, 0]] }", "{ list = [[1, 1, 0, 1]] }",
     "{ cycle = [] }",
     "{ trace = 'x', format = 'edges' }", "{ trace = 'x', format = 'edges', columns = { a = 1 } }",
     "{ meetings = 5 }", "{ mobility = { range_m = 0 } }", "{ power_W = -1 }", "1_0", "0x1p3", "",
     "[{ id = 1, soc_pct = 5, arrives_s = 9, leaves_s = 9 }]", "[{ id = 1, cords = [[2, 1]] }]",
     "[{ id = 70000, soc_pct = 5 }]", "{ bus = 1e9 }", "{ random = 1e9 }", "[" * 40 + "]" * 40]
)  # fmt: skip
SCENARIOS = st.tuples(
    st.dictionaries(st.sampled_from([*SCENARIO, "crowd", "engine", "policy"]), TOML, max_size=3),
    st.sampled_from(sorted(MISTAKES)),
).map(
    lambda made: MISTAKES[made[1]](
        "".join(f"{key} = {value}\n" for key, value in (SCENARIO | made[0]).items())
    )
)


@CI
@given(text=SCENARIOS)
def test_scenarios(text):
    check("scenario", text)
