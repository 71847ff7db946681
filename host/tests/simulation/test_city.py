# SPDX-License-Identifier: MIT
"""The compiled event simulator against the one of objects: every decision, every bit."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.errors import InputError, WptError
from crowdcharge.policy import POLICIES, ObliviousShare, Offer, ageing
from crowdcharge.simulation import study
from crowdcharge.simulation.board_rows import TRANSFER, column
from crowdcharge.simulation.city import ageing_kernels, rows
from crowdcharge.simulation.compiling import RULES, compiled_rule
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.mobility import RandomWaypoint
from crowdcharge.simulation.no_exchange import NoExchange
from crowdcharge.simulation.run import run, summary
from crowdcharge.simulation.scenario import parse

from . import random_scenarios as scenarios

HERE = Path(__file__).parent
PLAIN = ("oblivious-share", "online-average", "small-transfer")  # they need no options
CI = range(10)
LONG_BLOCKS = range(1, 21)
WALKERS = """
duration_s = {end_s}
seed = {seed}
[crowd]
n = {n}
capacity_J = [20, 60]
load_W = [0.002, 0.02]
profiles = ["qi-bpp", "huawei", ["pma", "qi-bpp"]]
[contacts]
mobility = {{ side_m = {side_m}, range_m = 2, pause_s = {pause_s} }}
[link]
power_W = {power_W}
efficiency = 0.6
start_J = {start_J}
[cord]
power_W = 0.3
[policy]
name = "{policy}"
weights = "capacity"
"""


def walkers_scenario(seed):
    rng = np.random.default_rng([seed, 3])
    return WALKERS.format(
        seed=seed,
        end_s=rng.choice([300, 777.7]),
        n=rng.integers(5, 40),
        side_m=rng.choice([10, 30]),
        pause_s=rng.choice([0, 20, 60]),
        start_J=rng.choice([0, 0.1]),
        policy=rng.choice(PLAIN),
        power_W=rng.choice([0.5, 4]),  # more than a phone gives
    )


def told(transfer):
    numbers = (getattr(transfer, name) for name in TRANSFER)
    return (transfer.contact, transfer.ptx.id, transfer.prx.id, *numbers, transfer.ended_by)


def check_same(text):
    scenario = parse(text)
    for make in (scenario.make_policy, NoExchange):
        objects, arrays = (
            run(scenario, scenario.seed, scenario.link, None, make(), compiled=compiled)
            for compiled in (False, True)
        )
        assert [*map(told, arrays.transfers)] == [*map(told, objects.transfers)]
        assert np.array_equal(arrays.energy_J, objects.energy_J, equal_nan=True)
        for name in (
            "sent_J",
            "received_J",
            "used_J",
            "cord_J",
            "outage_s",
            "outages",
            "sessions",
        ):
            assert (column(arrays.boards, name) == column(objects.boards, name)).all(), name
        check_figures(*(summary(made, scenario) for made in (arrays, objects)))


def check_figures(arrays, objects):
    """All are the same but those of ageing, whose sums run in another order."""
    for name, value in objects.items():
        if not isinstance(value, dict):
            assert arrays[name] == value, name
    for model, lost in objects["capacity_lost"].items():
        assert arrays["capacity_lost"][model] == pytest.approx(lost, rel=1e-9)
        assert arrays["qoe_mean"][model] == pytest.approx(objects["qoe_mean"][model], rel=1e-9)


KINDS = (scenarios.boards_scenario, scenarios.meetings_scenario, walkers_scenario)


@pytest.mark.timeout(600)  # the first run compiles
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", CI)
def test_both_worlds_decide_alike(kind, seed):
    check_same(kind(seed))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("block", LONG_BLOCKS)
def test_both_worlds_decide_alike_campaign(block):
    for seed in range(10 * block, 10 * (block + 1)):
        for kind in KINDS:
            check_same(kind(seed))


def test_what_is_delivered_when_its_receiver_is_full_is_delivered():
    check_same("""
        duration_s = 60
        boards = [{id = 1, capacity_J = 1, soc_pct = 0}, {id = 2, capacity_J = 100, soc_pct = 50}]
        contacts = { list = [[2, 1, 30, 50]] }
        link = { power_W = 1, efficiency = 1 }
        policy = { name = "small-transfer" }
    """)


def test_a_pad_is_left_to_the_objects():
    pad = """
        duration_s = 300
        boards = [{id = 1, capacity_J = 1e4, soc_pct = 90, pad = true},
                  {id = 2, capacity_J = 1e4, soc_pct = 10},
                  {id = 3, capacity_J = 1e4, soc_pct = 10}]
        [contacts]
        list = [[1, 2, 0, 300], [1, 3, 0, 300]]
        [link]
        power_W = 5
    """
    scenario = parse(pad)
    made, objects = (run(scenario, 1, scenario.link, compiled=each) for each in (True, False))
    assert [told(each) for each in made.transfers] == [told(each) for each in objects.transfers]
    starts_s = [each.start_s for each in made.transfers]
    assert starts_s[:2] == [0.0, 0.0], "both at once"


class Broken(ObliviousShare):
    name = "broken"

    def decide(self, encounter, views, now_s, rng):
        return 1 / 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("compiled", [False, True])
def test_a_policy_that_fails_is_named_with_its_line(compiled):
    scenario = parse(CROWD)
    said = r"policy broken failed: ZeroDivisionError: division by zero \(test_city.py, line \d+\)"
    with pytest.raises(WptError, match=said):
        run(scenario, 5, scenario.link, None, Broken(), compiled=compiled)


def digest(made):
    parts = made.energy_J.tobytes(), made.boards.rows.tobytes(), made.transfers.rows.tobytes()
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_threads_change_no_bit_of_a_run(monkeypatch):
    scenario = parse(walkers_scenario(1), "s.toml", {"crowd.n": 300, "duration_s": 900})
    parts, made = RandomWaypoint.parts, set()
    for threads in (1, 2, 5):
        monkeypatch.setattr(
            RandomWaypoint, "parts", lambda *given, threads=threads: parts(*given, threads)
        )
        made.add(digest(run(scenario, 1, scenario.link, compiled=True)))
    assert len(made) == 1


def test_many_transfers_are_thinned_evenly_and_the_books_still_close(monkeypatch):
    scenario = parse(walkers_scenario(2))
    whole = run(scenario, 2, scenario.link, compiled=True)
    monkeypatch.setattr("crowdcharge.simulation.city.driver.LOG_MAX", 16)
    thin = run(scenario, 2, scenario.link, compiled=True)
    assert thin.transfer_count == len(whole.transfers) > 64
    every = whole.transfer_count // len(thin.transfers)
    assert 8 <= len(thin.transfers) <= 16
    numbers = thin.transfers.rows["number"]
    assert set(np.diff(numbers)) == {numbers[1]} and numbers[1] >= every // 2
    assert [*map(told, thin.transfers)] == [told(whole.transfers[k]) for k in numbers]


def test_a_large_run_is_compiled_and_the_command_says_the_same(tmp_path, monkeypatch):
    path = tmp_path / "s.toml"
    path.write_text(walkers_scenario(3))
    documents = []
    for least in (1, 10**9):
        monkeypatch.setattr("crowdcharge.simulation.run.COMPILED_FROM", least)
        out = tmp_path / str(least)
        out.mkdir()
        found = study.run_study(study.load(path), tmp_path, out, lambda done: None)
        del found["files"]
        documents.append((found, *(f.read_text() for f in sorted(out.glob("*.csv")))))
    (arrays, *their_files), (objects, *files) = documents
    assert their_files == files
    assert arrays["boards"] == objects["boards"]
    check_figures(arrays["runs"][0], objects["runs"][0])
    assert json.dumps(arrays)


FRIENDS = [[k, 7 * k % 23] for k in range(1, 23)]  # some are not there
# Every option that turns a rule, on crowds of boards 0 to 29.
POLICY_OPTIONS = {
    "ageing-aware-depth": [{"horizon_s": 2e6, "hold_s": 100.0}],
    "ageing-aware-measured": [{"horizon_s": 2e6}],
    "ageing-aware-soc": [{}, {"horizon_s": 6e5}, {"horizon_s": 2e6, "price": 1e-6}],
    "expected-share": [
        {},
        {"use_W": {str(k): [0.01 * ((k + h) % 5) for h in range(24)] for k in range(0, 40, 2)},
         "starts_hour": 22.9, "horizon_s": 1e5},
    ],
    "loss-aware": [{}, {"fresh_s": 0.0, "weights": "capacity"}],
    "mobility-social": [{"window_s": 120.0, "friends": FRIENDS}],
    "oblivious-share": [{}],
    "online-average": [{"weights": {str(k): 1.0 + k % 3 for k in range(30)}}],
    "plan": [{"cycle": [[[0, 1], [2, 3]], [[1, 2]]], "slot_s": 60.0}],
    "small-transfer": [{"quantum_J": 2.0}],
    "social-gate": [{"friends": FRIENDS}],
    "social-weight": [{"friends": FRIENDS, "weights": "capacity"}],
    "star": [{"knowledge": knowledge} for knowledge in range(3)],
    "tree": [{}, {"knowledge": 1}, {"knowledge": 0}, {"arity": 2}, {"arity": 3, "knowledge": 1}],
    "uav-hub": [{"hub": 3, "stops": [[k, 5.0 + k] for k in range(10, 40)]}],
}  # fmt: skip
CROWD = """
duration_s = 400
[crowd]
n = 30
capacity_J = [20, 60]
load_W = [0.002, 0.02]
[contacts]
mobility = { side_m = 15, range_m = 2, pause_s = 10 }
[link]
power_W = 0.5
start_J = 0.1
[cord]
power_W = 0.3
[policy]
name = "online-average"
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_decides_alike_in_both_worlds(name):
    for options in POLICY_OPTIONS[name]:
        scenario = replace(parse(CROWD), policy=name, policy_options=options)
        for link in (scenario.link, LinkModel(efficiency=0.7)):
            objects, arrays = (
                run(scenario, 5, link, compiled=compiled) for compiled in (False, True)
            )
            assert [*map(told, arrays.transfers)] == [*map(told, objects.transfers)], options
            assert np.array_equal(arrays.energy_J, objects.energy_J)
            assert arrays.distance == objects.distance
    assert any(objects.transfers), "the last of them moves something"


@pytest.mark.timeout(600)
def test_a_star_s_links_find_more_room_in_both_worlds(monkeypatch):
    monkeypatch.setattr("crowdcharge.policy.links.ROOM_MIN", 4)
    scenario = replace(parse(CROWD), policy="star", policy_options={})
    policies = [scenario.make_policy(), scenario.make_policy()]
    objects, arrays = (
        run(scenario, 5, scenario.link, None, policy, compiled=compiled)
        for compiled, policy in enumerate(policies)
    )
    assert [*map(told, arrays.transfers)] == [*map(told, objects.transfers)]
    assert len(policies[0].tables.links) > 16
    assert policies[0].keeps == policies[1].keeps


class Mine(ObliviousShare):
    """A subclass that looks at the whole crowd and at chance."""

    def decide(self, encounter, views, now_s, rng):
        mean_J = sum(view.energy_J for view in views.values()) / len(views)
        lucky = rng.random() * mean_J <= views[encounter.a].energy_J
        return super().decide(encounter, views, now_s, rng) if lucky else None


class Blind:
    """A policy that looks at nobody, and offers nothing as often as something."""

    name = "blind"

    def decide(self, encounter, views, now_s, rng):
        ptx, prx = sorted([encounter.a, encounter.b])
        return Offer(ptx, prx, 3.0 * (ptx % 2))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("policy", [Mine, Blind])
def test_a_policy_in_python_decides_alike_in_both_worlds(policy):
    assert [*RULES] and compiled_rule(ObliviousShare()) and not compiled_rule(policy())
    for text in (scenarios.boards_scenario(4), CROWD):
        scenario = parse(text)
        objects, arrays = (
            run(scenario, 5, scenario.link, None, policy(), compiled=compiled)
            for compiled in (False, True)
        )
        assert [*map(told, arrays.transfers)] == [*map(told, objects.transfers)]
        assert np.array_equal(arrays.energy_J, objects.energy_J, equal_nan=True)


def test_what_is_wrong_with_contacts_or_weights_is_said_in_the_same_words():
    text = scenarios.boards_scenario(1)
    scenario = parse(text)
    weights = replace(scenario, policy="online-average", policy_options={"weights": {"1": 2.0}})
    with pytest.raises(InputError, match="agent 2 has no weight; give one to every agent"):
        run(weights, 1, scenario.link, compiled=True)
    spec = parse('[crowd]\nn = 3\n[contacts]\ntrace = "x"').contacts
    traced = replace(scenario, contacts=spec, policy="oblivious-share", policy_options={})
    with pytest.raises(InputError, match="a contact names board 99, which is not there"):
        run(traced, 1, scenario.link, [Contact(0, 5, 1, 99)], compiled=True)


@settings(derandomize=True, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=80), st.floats(-10, 45))
def test_ageing_is_that_of_the_models_in_python(levels, cell_C):
    soc = np.array(levels) / 20
    found = ageing_kernels.capacity_losses(50 * soc[:, None], np.full(1, 50.0), 600.0, cell_C)
    expected = ageing.capacity_losses([50 * soc / 50], 600.0, cell_C)
    for lost, other in zip(found, expected.values(), strict=True):
        assert lost == pytest.approx(other, rel=1e-9, abs=1e-15)


def test_steps_of_charge_too_small_to_count_are_alike_in_both():
    """Crowds that balance end in such steps; on one side they were rounded, on the other not."""
    rng = np.random.default_rng(1)
    for size in (1e-9, 1e-11, 1e-13, 1e-15):
        soc = 0.5 + size * rng.uniform(-1, 1, 300)
        found = ageing_kernels.capacity_losses(soc[:, None], np.ones(1), 600.0, 25.0)
        for lost, other in zip(
            found, ageing.capacity_losses([soc], 600.0, 25.0).values(), strict=True
        ):
            assert lost == pytest.approx(other, rel=1e-9), size


def test_a_board_that_is_away_ages_only_while_it_is_there():
    energy_J = np.array([[np.nan, 40.0], [30, np.nan], [20, np.nan], [35, np.nan]])
    found = ageing_kernels.capacity_losses(energy_J, np.full(2, 50.0), 600.0, 25.0)
    expected = ageing.capacity_losses([energy_J[1:, 0] / 50, energy_J[:1, 1] / 50], 600.0, 25.0)
    for lost, other in zip(found, expected.values(), strict=True):
        assert lost == pytest.approx(other, rel=1e-12)


def test_rows_have_the_fields_of_the_board():
    assert rows.BOARD.itemsize <= 256  # four cache lines
