# SPDX-License-Identifier: MIT
"""The command as a process: one document on standard output, whatever a library prints there."""

import json
import os
import subprocess
import sys
from itertools import product

import pytest

from crowdcharge import cli

from ..command import run_command

FIG3 = {
    "e0": [90, 18, 90, 90],
    "contacts": [[0, 2, 9], [2, 3, 20], [1, 2, 37], [1, 3, 42]],
    "cycle": 50,
    "e_min": 10,
    "e_max": 100,
    "beta": 0.2,
}


def planned(tmp_path, problem, *arguments):
    path = tmp_path / "problem.json"
    path.write_text(problem if isinstance(problem, str) else json.dumps(problem), "utf-8")
    return run_command("plan", path, *arguments)


@pytest.mark.parametrize(
    ("change", "method"),
    [
        ({"limit": 200}, "lay"),
        ({"beta": [0.1, 0.2, 0.2, 0.2]}, "lay"),
        ({"beta": [0.1, 0.2, 0.2, 0.2]}, "lal"),
    ],
)
def test_the_solver_does_not_greet_on_standard_output(tmp_path, change, method):
    made = planned(tmp_path, {**FIG3, **change}, "--method", method, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["status"] == "ok"


READINGS = list(
    product(("fixed", "doubled", "proportional"), ("start", "first_contact"), ("accepted",))
)


@pytest.mark.parametrize("method", ["lal", "lay"])
def test_every_reading_prints_one_document(tmp_path, capfd, monkeypatch, method):
    """In this process, but with the real file descriptor, for all forms of the options."""
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(FIG3 | {"beta": [0.2, 0.1, 0.2, 0.2]}))
    for growth, bounds, burning in READINGS:
        arguments = ["plan", str(path), "--json", "--method", method, "--max-doublings", "1"]
        arguments += ["--e-min-growth", growth, "--bounds-from", bounds, "--burning", burning]
        monkeypatch.setattr(sys, "argv", ["crowdcharge", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, _ = capfd.readouterr()
        assert stopped.value.code == 0
        assert json.loads(out)["status"] in ("ok", "unreachable")


def test_a_closed_standard_output_is_no_reason_to_fail(tmp_path):
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(FIG3 | {"limit": 200}))
    program = (
        "import os; os.close(1)\n"
        "from crowdcharge.planner import Problem, lay\n"
        f"import json, sys; made = lay(Problem.from_json(json.load(open({str(path)!r}))))\n"
        "print(made.status, file=sys.stderr)"
    )
    made = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=110
    )
    assert made.stderr.splitlines()[-1] == "ok"


WRONG = {
    "deep": ("[" * 100_000, "is nested too deep"),
    "many digits": ('{"cycle": ' + "9" * 5000 + "}", "line 1: a number has too many digits"),
    "400 digits": (json.dumps(FIG3 | {"e_max": 10**400}), "too many digits"),
    "text as numbers": (json.dumps(FIG3 | {"e0": ["90", "18", "9", "9"]}), "e0 must be a number"),
    "true": (json.dumps(FIG3 | {"cycle": True}), "cycle must be"),
    "infinite": (json.dumps(FIG3 | {"e_max": float("inf")}), "e_max must be finite"),
    "null": (json.dumps(FIG3 | {"e_min": None}), "the key 'e_min' is missing"),
    "twice": ('{"cycle": 1, "cycle": 2}', "the key 'cycle' is given twice"),
    "huge cycle": (json.dumps(FIG3 | {"cycle": 2**62}), "cycle must be a whole number"),
    "long horizon": (json.dumps(FIG3 | {"cycle": 2**30}), "3 doublings of the cycle make"),
    "huge slot": (json.dumps(FIG3 | {"contacts": [[0, 1, 1e300]]}), "contact number 1 is"),
    "trailing comma": ('{"cycle": 1,}', "line 1: "),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_problem_is_one_line_and_exit_code_2(tmp_path, capfd, monkeypatch, name):
    path = tmp_path / "problem.json"
    path.write_text(WRONG[name][0])
    monkeypatch.setattr(sys, "argv", ["crowdcharge", "plan", str(path), "--json"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, err = capfd.readouterr()
    assert (stopped.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"crowdcharge: {path}")
    assert WRONG[name][1] in err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbf" + json.dumps(FIG3).encode(), ""),
        (b"\xff\xfe{\x00}\x00", "this looks like UTF-16 text"),
        (b"PK\x03\x04", "this looks like a zip archive"),
        (b'{"a": "\xe4"}', "line 1: not UTF-8 text"),
    ],
)
def test_files_as_programs_write_them(tmp_path, capfd, monkeypatch, content, said):
    path = tmp_path / "problem.json"
    path.write_bytes(content)
    monkeypatch.setattr(sys, "argv", ["crowdcharge", "plan", str(path), "--json"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, err = capfd.readouterr()
    assert stopped.value.code == (2 if said else 0)
    assert said in err


def test_a_path_that_cannot_be_is_one_line(capfd, monkeypatch):
    for path in (os.devnull + "/x", "/"):
        monkeypatch.setattr(sys, "argv", ["crowdcharge", "plan", path, "--json"])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capfd.readouterr()
        assert (stopped.value.code, out, err.count("\n")) == (2, "", 1)


def test_a_published_table_is_one_document(tmp_path):
    made = run_command("reproduce", "table5", "--quick", "--json", "--out", tmp_path)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)
