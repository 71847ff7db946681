# SPDX-License-Identifier: MIT
"""Profiles of real boards: the host only tightens what the boards and the run allow."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator import config, runner
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.events import TransferEnded, Trouble
from crowdcharge.orchestrator.profile_rules import ProfileRules
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.policy.base import Offer
from crowdcharge.profiles import known

PAIR = ContactSchedule(60.0, (((1, 2),),))
names = st.lists(st.sampled_from(sorted(known())), max_size=2).map(tuple)


@given(names, names, st.integers(0, 10_000), st.integers(0, 90))
def test_whatever_the_profiles_nothing_is_loosened(donor, receiver, power_mW, floor_pct):
    terms = TransferTerms(power_max_mW=power_mW, floor_pct=floor_pct)
    made = ProfileRules({1: donor, 2: receiver}).tightened(terms, 1, 2)
    assert made.floor_pct >= floor_pct
    assert made.bounded_mW(1234) <= 1234
    assert power_mW == 0 or made.power_most_mW <= power_mW
    assert replace(made, floor_pct=floor_pct, power_bound_mW=0) == terms


@pytest.mark.parametrize(
    ("donor", "receiver", "floor_pct", "power_mW"),
    [
        (("huawei",), ("qi-bpp",), 20, 2500),
        (("huawei",), (), 20, 2500),
        (("powershare",), ("qi-bpp",), 30, 4000),
        (("qi-bpp",), ("qi-bpp",), 20, 5000),
        ((), ("qi-bpp",), 20, 0),
        (("xiaomi",), ("qi-bpp",), 20, 0),
    ],
)
def test_what_a_profile_says_is_kept(donor, receiver, floor_pct, power_mW):
    rules = ProfileRules({1: donor, 2: receiver})
    made = rules.tightened(TransferTerms(), 1, 2)
    assert (made.floor_pct, made.power_bound_mW) == (floor_pct, power_mW)
    assert rules.may_give(1, 2)


def test_a_donor_ends_at_the_floor_of_its_profile(make_world, run):
    world = make_world({1: 36.0, 2: 5.0})
    world.lay((1, 2))
    run(world, world.host(PAIR, until_s=30.0, profiles={1: ("powershare",)}))
    assert [each.ept_ptx for each in world.of(TransferEnded)] == ["FLOOR"]
    assert 300 <= world.boards[1].soc_permille <= 320
    with Store.read(world.ledger) as store:
        opened = [row.content() for row in store.rows() if row.kind == "open"]
    assert [each.power_max_mW for each in opened if isinstance(each, kinds.Open)] == [4000]


def test_boards_with_nothing_in_common_are_let_be(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    profiles = {1: ("airfuel-resonant",), 2: ("qi-bpp",)}
    run(world, world.host(PAIR, until_s=10.0, profiles=profiles))
    assert not world.of(TransferEnded)
    assert not world.of(Trouble)


def test_a_market_refuses_what_it_would_not_keep(tmp_path):
    text = """[run]
policy = "online-average"
keys = "keys.toml"
out = "out"
[contacts]
slots = [[[1, 2]]]
[[boards]]
id = 1
profile = "huawei"
"""
    run_config = config.parse(text, tmp_path / "run.toml")
    with pytest.raises(InputError, match="a market knows no profiles"):
        asyncio.run(runner.trade(run_config, 1, None, print))


def test_an_operator_who_asks_for_it_is_told(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    orchestrator = world.orchestrator
    asked = Offer(1, 2, 1.0)

    def asking(*arguments, **options):
        made = orchestrator(*arguments, **options)
        made.ask_for(asked)
        return made

    world.orchestrator = asking
    profiles = {1: ("airfuel-resonant",), 2: ("qi-bpp",)}
    run(world, world.host(PAIR, until_s=10.0, profiles=profiles))
    (told,) = world.of(Trouble)
    assert "1 cannot give to 2: see crowdcharge compat" in told.text
