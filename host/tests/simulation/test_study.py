# SPDX-License-Identifier: MIT
"""Whole scenario runs: the command, its tables and plots, traces, cords, ageing, mobility."""

import csv
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from crowdcharge.cli.simulate import simulate
from crowdcharge.errors import InputError
from crowdcharge.files import marker
from crowdcharge.simulation import study
from crowdcharge.simulation.link import LinkModel, read_curve
from crowdcharge.simulation.no_exchange import NoExchange

OFFICE = """
duration_s = 1200
runs = 2
sample_s = 60
[[boards]]
id = 1
soc_pct = 90
[[boards]]
id = 2
soc_pct = 30
[contacts]
slot_s = 300
cycle = [[[1, 2]]]
[link]
power_W = 0.5
efficiency = 0.6
"""


def run(tmp_path, text, *arguments):
    path = tmp_path / "office.toml"
    path.write_text(text)
    result = CliRunner().invoke(simulate, [str(path), *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_command_writes_what_it_says(tmp_path):
    out = tmp_path / "out"
    document = json.loads(run(tmp_path, OFFICE, "--json", "--out", str(out)))
    assert {path.rpartition("/")[2] for path in document["files"]} | {marker.NAME} == {
        path.name for path in out.iterdir()
    }
    assert (out / "soc.png").read_bytes()[:4] == b"\x89PNG"
    first = document["runs"][0]
    # 90 and 30: half of the difference, 30 J, leaves board 1; 18 J arrive. Then 60 and 48.
    assert first["sent_J"] > 30
    assert first["loss_J"] == pytest.approx(0.4 * first["sent_J"])
    with (out / "transfers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["sent_J"]) == pytest.approx(30)
    assert sum(float(r["sent_J"]) for r in rows if r["seed"] == "0") == pytest.approx(
        first["sent_J"]
    )
    with (out / "boards.csv").open() as file:
        boards = [row for row in csv.DictReader(file) if row["policy"] == "online-average"]
    assert len(boards) == 4
    assert float(boards[0]["soc_after_pct"]) == pytest.approx(
        document["boards"][0]["soc_after_pct"]
    )


def test_text_names_the_figures(tmp_path):
    text = run(tmp_path, OFFICE, "--runs", "1", "--policy", "oblivious-share", "--seed", "4")
    assert "office: oblivious-share, 1 run(s)" in text
    assert "capacity lost, xu-2018" in text


def test_seeds_repeat_and_differ(tmp_path):
    text = "[crowd]\nn = 20\n[contacts]\nmeetings = 300\n"
    one, again, other = (
        json.loads(run(tmp_path, text, "--json", "--seed", seed))["runs"][0] for seed in "112"
    )
    assert one == again
    assert one["loss_J"] != other["loss_J"]


def test_trace_file_and_its_wrong_line(tmp_path):
    (tmp_path / "t.txt").write_text("5 CONN 7 9 up\n300 CONN 7 9 down\n")
    text = '[crowd]\nn = 2\n[contacts]\ntrace = "t.txt"\n'
    document = json.loads(run(tmp_path, text, "--json"))
    assert [board["board_id"] for board in document["boards"]] == [7, 9]
    assert document["runs"][0]["transfers"] == 1
    (tmp_path / "t.txt").write_text("5 CONN 7 9 up\n300 CONN 7\n")
    with pytest.raises(InputError, match=r"t.txt, line 2: expected time CONN"):
        run(tmp_path, text)
    (tmp_path / "t.txt").write_text("5 CONN 7 9 up\n300 CONN 7 9 down\n")
    with pytest.raises(InputError, match=r"crowd\.n is 3, but the trace names 2"):
        run(tmp_path, text.replace("n = 2", "n = 3"))
    with pytest.raises(InputError, match=r"no.txt: No such file"):
        run(tmp_path, text.replace("t.txt", "no.txt"))


def test_friends_with_a_surplus_spare_cords(tmp_path):
    """Board 1 is rich and idle; board 2 runs down. With exchange, 2 is plugged in less often."""
    text = """
duration_s = 36000
[[boards]]
id = 1
capacity_J = 2000
soc_pct = 100
[[boards]]
id = 2
capacity_J = 200
soc_pct = 60
load_W = 0.02
[contacts]
slot_s = 600
cycle = [[[1, 2]], []]
[link]
efficiency = 0.8
[cord]
power_W = 5
[policy]
name = "loss-aware"
weights = "capacity"
"""
    first = json.loads(run(tmp_path, text, "--json"))["runs"][0]
    assert first["against_no_exchange"]["cord_sessions_skipped"] >= 3
    assert first["cord_sessions"] == 0
    assert set(first["capacity_lost"]) == {"xu-2018", "schmalstieg-2014"}
    assert 0 < first["capacity_lost"]["xu-2018"]["mean"] < 0.01
    assert first["qoe_mean"]["xu-2018"] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    "contacts", ["random = 5", "bus = 120", "mobility = { side_m = 10, step_s = 10 }"]
)
def test_generated_contacts_balance_a_crowd(tmp_path, contacts):
    text = (
        f"duration_s = 18000\nfloor_pct = 0\n[crowd]\nn = 12\n[contacts]\n{contacts}\n"
        '[policy]\nname = "oblivious-share"\n'
    )
    first = json.loads(run(tmp_path, text, "--json"))["runs"][0]
    assert first["imbalance_after"] < first["imbalance_before"] / 3


def test_compiled_engine_from_a_file(tmp_path):
    text = 'engine = "compiled"\nfloor_pct = 0\n[crowd]\nn = 600\n[contacts]\nmeetings = 9000\n'
    document = json.loads(run(tmp_path, text, "--json", "--out", str(tmp_path / "o")))
    compiled = document["runs"][0]
    events = json.loads(run(tmp_path, text.replace('engine = "compiled"', ""), "--json"))
    assert compiled["engine"] == "numba"
    assert compiled["loss_J"] == pytest.approx(events["runs"][0]["loss_J"], rel=1e-6)
    assert (tmp_path / "o" / "imbalance.png").exists()


def test_measured_curve_gives_the_efficiency(tmp_path):
    (tmp_path / "c.csv").write_text("sent_W,received_W\n0.5,0.2\n1.5,0.9\n")
    text = OFFICE.replace("efficiency = 0.6", 'curve = "c.csv"').replace("= 0.5", "= 1.0")
    first = json.loads(run(tmp_path, text, "--json"))["runs"][0]
    assert first["received_J"] == pytest.approx(0.55 * first["sent_J"])
    with pytest.raises(InputError, match=r"covers 0\.5 to 1.5 W, not 9 W"):
        run(tmp_path, text.replace("power_W = 1.0", "power_W = 9"))
    for wrong, said in (
        ("sent_W,received_W\n1,2\n", "c, line 2: expected rising sent_W"),
        ("1,0.5\n1,0.6\n", "c, line 2: expected rising sent_W"),
        ("x\n", 'c, line 1: no column "sent_W"'),
        ("sent_W\n1\n", 'c, line 1: no column "received_W"'),
        ("sent_W,received_W\n1,half\n", 'c, line 2: "half" is not a number'),
    ):
        with pytest.raises(InputError, match=said):
            read_curve(wrong.splitlines(), "c")
    written = '\ufeffpoint;"received_W";sent_W;\r\n1;0,2;0,5;\r\n2;0,9;1,5;\r\n'
    assert read_curve(written.split("\n"), "c").tolist() == [[0.5, 0.2], [1.5, 0.9]]
    with pytest.raises(InputError, match="c: no measured points"):
        read_curve([], "c")


def test_link_refuses_nonsense():
    with pytest.raises(InputError, match="link: power_W"):
        LinkModel(efficiency=1.2)


def test_study_has_no_exchange_as_its_baseline(tmp_path):
    scenario = study.parse(OFFICE)
    made = study.run(scenario, 0, scenario.link, None, NoExchange())
    assert made.transfers == []
    assert made.imbalance[0] == made.imbalance[-1]


EXAMPLES = re.findall(
    r"```toml\n(.*?)```",
    (Path(__file__).parents[3] / "docs" / "reference" / "scenario.md").read_text("utf-8"),
    re.DOTALL,
)


@pytest.mark.parametrize("text", EXAMPLES, ids=["boards", "crowd", "compiled"])
def test_examples_of_the_reference_page_run(tmp_path, text):
    assert json.loads(run(tmp_path, text, "--json"))["mean"]["imbalance_after"] < 0.25
