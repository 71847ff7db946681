# SPDX-License-Identifier: MIT
"""What a user can get wrong in a problem is one clear line; the command prints it."""

import json

import numpy as np
import pytest

from crowdcharge.errors import InputError
from crowdcharge.planner import Problem, lal, lay

FIG3 = {
    "e0": [90, 18, 90, 90],
    "contacts": [[0, 2, 9], [2, 3, 20], [1, 2, 37], [1, 3, 42]],
    "cycle": 50,
    "e_min": 10,
    "e_max": 100,
    "beta": 0.2,
    "target": None,
}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"e0": []}, "e0 must be a list"),
        ({"e0": "full"}, "e0 must be a number or a list of numbers"),
        ({"e0": [1, 2, float("nan"), 4]}, "not a number"),
        ({"contacts": [[0, 2, 9], [2, 7, 20]]}, "contact number 2 is [2, 7, 20]"),
        ({"contacts": [[0, 2, 51]]}, "slot 1..50"),
        ({"contacts": [[0, 0, 5]]}, "two different agents"),
        ({"contacts": [[0, 2]]}, "rows of three"),
        ({"contacts": [[0, 2, 9], [2, 0, 9]]}, "given twice"),
        ({"cycle": 0}, "cycle must be"),
        ({"cycle": "day"}, "cycle must be"),
        ({"e_min": 200}, "not above e_max"),
        ({"e_min": [1, 2]}, "one for each of the 4 agents"),
        ({"beta": 1.0}, "below 1"),
        ({"target": [1, 1, 1, 1]}, "add up to 4, not to 1"),
        ({"target": [0.5, 0.5]}, "must be 4 shares"),
        ({"limit": -1}, "limit must not be negative"),
        ({"colour": "red"}, "unknown key 'colour'"),
    ],
)
def test_one_line_says_what_is_wrong(change, text):
    with pytest.raises(InputError) as caught:
        Problem.from_json({**FIG3, **change})
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named():
    with pytest.raises(InputError, match="'cycle' is missing"):
        Problem.from_json({key: FIG3[key] for key in FIG3 if key != "cycle"})


def test_values_by_contact_follow_the_sorting_by_slot():
    problem = Problem([1, 2], [(0, 1, 5), (0, 1, 2)], 6, 0, 9, beta=[0.1, 0.2], limit=[5, 7])
    assert problem.contacts[:, 2].tolist() == [2, 5]
    assert problem.contact_beta.tolist() == [0.2, 0.1]
    assert problem.contact_limit.tolist() == [7.0, 5.0]


def test_no_contacts_and_one_agent_are_problems_too():
    alone = Problem([5.0], np.empty((0, 3), int), 10, 0, 9)
    assert (lal(alone).time, lay(alone).loss) == (0, 0.0)
    apart = Problem([5.0, 6.0], [], 10, 0, 9, 0.1)
    assert lal(apart).status == lay(apart).status == "unreachable"


@pytest.mark.parametrize(("method", "loss"), [("lal", 0.0), ("lay", 16.8888888889)])
def test_the_command_prints_one_json_document(crowdcharge, tmp_path, method, loss):
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(FIG3))
    code, out, _ = crowdcharge("plan", path, "--method", method, "--json")
    document = json.loads(out)
    assert code == 0
    assert set(document) == {"status", "time", "loss", "transfers", "final"}
    assert (document["status"], document["time"]) == ("ok", 59)
    assert document["loss"] == pytest.approx(loss)


def test_the_command_reports_unreachable_with_the_reason(crowdcharge, tmp_path):
    path = tmp_path / "problem.json"
    path.write_text(json.dumps({**FIG3, "e_min": 20}))
    code, out, _ = crowdcharge("plan", path, "--json")
    assert code == 0
    assert json.loads(out)["reason"] == "agent 1 starts at 18, outside 20..100"


@pytest.mark.parametrize("content", [None, "{", "[]", '{"e0": [1]}'])
def test_a_bad_file_is_one_line_and_exit_code_2(crowdcharge, tmp_path, content):
    path = tmp_path / "problem.json"
    if content is not None:
        path.write_text(content)
    code, out, err = crowdcharge("plan", path)
    assert (code, out) == (2, "")
    assert err.startswith("crowdcharge: ")
    assert err.count("\n") == 1


def test_losses_by_contact_where_there_is_no_contact():
    assert Problem([1, 2], [], 6, 0, 9, beta=[]).beta == 0.0
