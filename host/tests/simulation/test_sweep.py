# SPDX-License-Identifier: MIT
"""Sweeps: what their file may say, the runs it makes, and the table, without any worker."""

import json
import re
from itertools import product
from math import prod
from pathlib import Path

import duckdb
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.files.arrow import write_parquet
from crowdcharge.simulation import study
from crowdcharge.simulation.scenario import parse
from crowdcharge.simulation.sweep.columns import table_of
from crowdcharge.simulation.sweep.finished import opened, part_of
from crowdcharge.simulation.sweep.grid import parse_sweep
from crowdcharge.simulation.sweep.jobs import jobs_of

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "sweep.md"
SCENARIO = """
seed = 7
[crowd]
n = 6
[contacts]
meetings = 20
every_s = 5
[link]
power_W = 2
"""
SWEEP = """
seeds = 2
[vary]
link.efficiency = [0.5, 0.75]
"policy.name" = ["online-average", "oblivious-share"]
crowd.soc_pct = [[0, 100], 50]
"""


@pytest.fixture
def files(tmp_path):
    def write(sweep=SWEEP, scenario=SCENARIO):
        (tmp_path / "s.toml").write_text(scenario)
        (tmp_path / "w.toml").write_text(sweep)
        return tmp_path / "s.toml", tmp_path / "w.toml"

    return write


def table(path, jobs, figures=None):
    """Write the table of the runs; `figures` by key are not computed again."""
    made = [figures[job.key] if figures else job.figures() for job in jobs]
    varied, seeds = [job.changes for job in jobs], [job.seed for job in jobs]
    write_parquet(path, *table_of(varied, seeds, made))


def test_the_grid_in_order_with_the_seeds_innermost(files):
    jobs = jobs_of(*files())
    wanted = list(
        product([0.5, 0.75], ["online-average", "oblivious-share"], [[0, 100], 50], [7, 8])
    )
    assert [(*job.changes.values(), job.seed) for job in jobs] == wanted
    assert len({job.key for job in jobs}) == 16


def test_each_row_has_the_figures_of_the_scenario_written_so(files, tmp_path):
    """The changed text, read and run as `simulate` does, is the independent way."""
    jobs, out = jobs_of(*files()), tmp_path / "t.parquet"
    table(out, jobs)
    read = pandas.read_parquet(out)
    for job, row in zip(jobs, read.itertuples(index=False), strict=True):
        efficiency, policy, soc_pct = job.changes.values()
        text = SCENARIO.replace("n = 6", f"n = 6\nsoc_pct = {soc_pct}") + (
            f'efficiency = {efficiency}\n[policy]\nname = "{policy}"\n'
        )
        scenario = study.changed(parse(text), seed=job.seed)
        figures = study.run_study(scenario, tmp_path, None, lambda _done: None)["runs"][0]
        assert row.policy == policy
        assert [row.imbalance_after, row.sent_J, row.received_J, row.loss_J] == [
            figures[name] for name in ("imbalance_after", "sent_J", "received_J", "loss_J")
        ]
        lost = figures["capacity_lost"]["xu-2018"]["mean"]
        assert row.capacity_lost_xu_2018_mean == lost
    assert read.sent_J.max() > 0


def test_duckdb_reads_what_was_varied_and_what_came_of_it(files, tmp_path):
    out = tmp_path / "t.parquet"
    table(out, jobs_of(*files()))
    query = 'SELECT "link.efficiency", min(received_J / sent_J), max(received_J / sent_J)'
    with duckdb.connect() as db:
        found = db.execute(f"{query} FROM '{out}' WHERE sent_J > 0 GROUP BY 1 ORDER BY 1")
        rows = found.fetchall()
        (texts,) = db.execute(f"SELECT list(DISTINCT \"crowd.soc_pct\") FROM '{out}'").fetchone()
    assert [row[0] for row in rows] == [0.5, 0.75]
    for efficiency, least, most in rows:
        assert (least, most) == (pytest.approx(efficiency), pytest.approx(efficiency))
    assert sorted(texts) == ["50", "[0, 100]"]


@pytest.mark.parametrize("engine", ["events", "compiled"])
def test_every_whole_figure_has_a_whole_column_and_no_other(files, engine):
    scenario = f'engine = "{engine}"\nfloor_pct = 0\n[crowd]\nn = 10\n[contacts]\nmeetings = 5\n'
    jobs = jobs_of(*files("seeds = 3\n", scenario))
    columns, rows = table_of(
        [job.changes for job in jobs], [job.seed for job in jobs], [job.figures() for job in jobs]
    )
    assert rows[0].keys() == columns.keys()
    for name, kind in columns.items():
        kinds = {type(row[name]) for row in rows} - {type(None)}
        assert kinds <= ({int, float} if kind is float else {kind}), name


def test_a_key_is_that_of_all_that_matters(files, tmp_path):
    def keys(sweep="seeds = [1]", scenario=SCENARIO):
        return {job.key for job in jobs_of(*files(sweep, scenario))}

    trace = 'contacts = {{ trace = "c.csv", format = "edges", lasts_s = 5 }}\n[crowd]\nn = {}\n'
    (tmp_path / "c.csv").write_text("a,b,t\n1,2,0\n1,2,50\n")
    seen = [keys(), keys("seeds = [2]"), keys(scenario=SCENARIO + "start_J = 0.1\n")]
    seen += [keys("seeds = [1]\nvary.floor_pct = [5]"), keys(scenario=trace.format(2))]
    (tmp_path / "c.csv").write_text("a,b,t\n1,2,0\n1,2,51\n")
    seen.append(keys(scenario=trace.format(2)))
    assert len(set.union(*seen)) == len(seen)
    assert keys() == seen[0]


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.lists(st.integers(), min_size=1, unique=True))
)
def test_every_combination_once(values):
    values = {key: each[:4] for key, each in values.items()}
    text = "seeds = 3\n[vary]\n" + "".join(
        f"x.{key} = {json.dumps(v)}\n" for key, v in values.items()
    )
    if any(abs(each) >= 2**63 for v in values.values() for each in v):
        return
    sweep = parse_sweep(text, "w.toml")
    combinations = list(sweep.combinations())
    assert len(combinations) * 3 == len(sweep) == 3 * prod(map(len, values.values()))
    assert len({json.dumps(each) for each in combinations}) == len(combinations)


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("", "line 1: varies nothing"),
        ("seed = 1", "unknown key; known are seeds, vary"),
        ("seeds = 0", "seeds: must be 1 to 100000, not 0"),
        ("seeds = []", "seeds: must be a number of seeds, or a list"),
        ("seeds = [1, -1]", "seeds: must be a number of seeds, or a list"),
        ("seeds = [3, 3]", "has a seed twice"),
        (
            "seeds = 99999\n[vary]\nlink.power_W = [1, 2]",
            "asks for 199998 runs; the most is 100000",
        ),
        ("[vary]\nlink.power_W = 1", "line 2: vary.link.power_W: must be a list"),
        ("[vary]\nlink.power_W = []", "must be a list"),
        ("[vary]\nlink.power_W = [1, 1]", "vary.link.power_W[1]: has 1 twice"),
        ("[vary]\nlink = [{ power_W = 1 }]", "vary the keys of a table"),
        ('[vary]\n"link.power_W" = [1]\nlink.power_W = [2]', "gives link.power_W twice"),
        ('[vary]\n"link." = [1]', "is no dotted key"),
        ("[vary]\nseed = [1]", "is the sweep's own: give seeds instead"),
        ("[vary]\nruns = [1]", "is the sweep's own: give seeds instead"),
        ("[vary]\nlink.efficiency = [0.5, 7]", "with link.efficiency = 7: "),
        ("[vary]\nlink.efficiency = [1979-05-27]", "is no number, text or list"),
        ("[vary]\nlink.colour = [1]", "link.colour: unknown key"),
        ("[vary]\nseed.x = [1]", "is no table, so it has no seed.x"),
        ('[vary]\npolicy.name = ["x"]', 'with policy.name = "x": '),
        ('[vary]\nlink.curve = ["none.csv"]', "none.csv: No such file"),
        ("seeds = [9223372036854775807]", None),
    ],
)
def test_a_mistake_is_one_line_before_anything_runs(files, sweep, said):
    paths = files(sweep)
    if said is None:
        assert [job.seed for job in jobs_of(*paths)] == [2**63 - 1]
        return
    with pytest.raises(InputError) as raised:
        jobs_of(*paths)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_page(files, tmp_path, monkeypatch, capsys):
    page = PAGE.read_text(encoding="utf-8")
    (sweep,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    jobs = jobs_of(*files(sweep))
    assert len(jobs) == 240
    assert f"{len(jobs)} runs" in page
    monkeypatch.chdir(tmp_path)
    table(Path("TABLE.parquet"), jobs[::20])
    exec(compile(code, "sweep.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 2 + 6


def test_an_error_of_a_run_names_the_run(files, tmp_path):
    (tmp_path / "c.csv").write_text("a,b,t\n1,2,0\n1,3,50\n")
    text = 'contacts = { trace = "c.csv", format = "edges", lasts_s = 5 }\n[crowd]\nn = 2\n'
    job, *_ = jobs_of(*files("[vary]\ncrowd.n = [4]", text))
    with pytest.raises(InputError, match=r"^crowd\.n = 4, seed = 0: crowd\.n is 4, but the trace"):
        job.figures()


def test_a_changed_policy_of_ones_own_is_another_run(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "from crowdcharge.policy import OnlineAverage\nclass Mine(OnlineAverage):\n    pass\n"
    own = Path("policy_of_a_sweep.py")
    where = files('[vary]\n"policy.name" = ["online-average", "policy_of_a_sweep:Mine"]')
    made = []
    for text in (code, code + "# changed\n", code):
        own.write_text(text)
        made.append([job.key for job in jobs_of(*where)])
    assert made[0] == made[2]
    assert [one == other for one, other in zip(*made[:2], strict=True)] == [True, False]


def test_what_is_finished_survives_a_torn_line(files, tmp_path):
    jobs, out = jobs_of(*files()), tmp_path / "t.parquet"
    with opened(out) as kept:
        kept.keep(jobs[0], {"sent_J": 0.1 + 0.2, "balancing_time_s": None})
        kept.keep(jobs[1], {"sent_J": 1})
    part = part_of(out)
    part.write_bytes(part.read_bytes()[:-9])
    with opened(out) as kept:
        assert kept.figures == {jobs[0].key: {"sent_J": 0.1 + 0.2, "balancing_time_s": None}}
        kept.keep(jobs[1], {"sent_J": 2})
        with pytest.raises(InputError, match="in use by another process"), opened(out):
            pass
    with opened(out) as kept:
        assert kept.figures[jobs[1].key] == {"sent_J": 2}
    assert not Path(f"{out}.lock").exists()
