# SPDX-License-Identifier: MIT
"""What profiles forbid in a simulated crowd, and what bridges between silos are worth."""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.profiles import known
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.run import run
from crowdcharge.simulation.scenario import parse

LINK = LinkModel(inf, 0.6)
CROWD = """
duration_s = 4000
floor_pct = 10
[crowd]
n = 12
capacity_J = 100
profiles = {profiles}
[contacts]
mobility = {{ side_m = 10, range_m = 2 }}
[policy]
name = "oblivious-share"
"""


def crowd(profiles: str):
    return run(parse(CROWD.format(profiles=profiles)), 3, LINK)


def test_silos_balance_apart_and_bridges_join_them() -> None:
    silos = crowd('["qi-bpp", "pma"]')
    for transfer in silos.transfers:
        assert transfer.ptx.id % 2 == transfer.prx.id % 2
    bridged = crowd('["qi-bpp", "pma", ["pma", "qi-bpp"]]')
    crossed = [each for each in bridged.transfers if {each.ptx.id % 3, each.prx.id % 3} > {2}]
    assert crossed
    for transfer in bridged.transfers:
        assert {transfer.ptx.id % 3, transfer.prx.id % 3} != {0, 1}
    alone = crowd('["qi-bpp"]')
    assert alone.imbalance[-1] < silos.imbalance[-1]


TWO = """
duration_s = 100
floor_pct = 10
[[boards]]
id = 1
soc_pct = 90
profile = "{profile}"
{more}
[[boards]]
id = 2
soc_pct = 0
profile = "qi-bpp"
[contacts]
list = [[1, 2, 0, 90]]
[cord]
power_W = 1
[policy]
name = "oblivious-share"
"""


def two(profile: str, more: str = ""):
    return run(parse(TWO.format(profile=profile, more=more)), 1, LinkModel(5.0, 0.6))


def test_a_donor_keeps_the_higher_floor() -> None:
    scenario = parse(
        TWO.format(profile="powershare", more="").replace("soc_pct = 90", "soc_pct = 32")
    )
    (transfer,) = run(scenario, 1, LinkModel(5.0, 0.6)).transfers
    assert transfer.ptx.energy_J == pytest.approx(30)
    assert two("pma").transfers == []


@pytest.mark.parametrize(("profile", "gives"), [("powershare", True), ("oneplus", False)])
def test_the_cable_rule_of_a_phone(profile: str, gives: bool) -> None:
    assert bool(two(profile, "cords = [[0, 100]]").transfers) is gives


@pytest.mark.parametrize("value", ['"nothing"', "3", '[["qi-bpp", 4]]'])
def test_a_wrong_profile_names_its_line(value: str) -> None:
    with pytest.raises(InputError, match=r"line 7: crowd.profiles: "):
        parse(CROWD.format(profiles=value))


@pytest.mark.parametrize("compiled", [False, True])
def test_a_pair_gets_no_more_power_than_it_is_known_for(compiled: bool) -> None:
    text = TWO.format(profile="huawei", more="").replace("[cord]\npower_W = 1\n", "")
    for link_W, flows_W in ((10.0, 2.5), (1.0, 1.0), (inf, inf)):
        (transfer,) = run(parse(text), 1, LinkModel(link_W, 0.6), compiled=compiled).transfers
        assert transfer.sent_J == pytest.approx(45)
        assert transfer.end_s == pytest.approx(45 / flows_W)


def board(number: int, soc_pct: int, profile: list[str], cords: bool) -> str:
    names = ", ".join(f'"{name}"' for name in profile)
    lines = [f"[[boards]]\nid = {number}\nsoc_pct = {soc_pct}\nprofile = [{names}]\n"]
    return "".join(lines + ["cords = [[100, 700]]\n"] * cords)


BOARDS = st.lists(
    st.tuples(
        st.integers(0, 100), st.lists(st.sampled_from(sorted(known())), max_size=3), st.booleans()
    ),
    min_size=3,
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(BOARDS, st.sampled_from([-12, 25, 45, 52]), st.sampled_from([1.0, 4.0, 20.0, inf]))
def test_both_engines_decide_alike_whatever_the_profiles(boards, cell_C, link_W) -> None:
    meetings = [[0, 1, 0, 90], [1, 2, 80, 300], [0, 2, 310, 600], [0, 1, 610, 900]]
    text = f"duration_s = 900\ncell_C = {cell_C}\n"
    text += "".join(board(number, *each) for number, each in enumerate(boards))
    text += f"[contacts]\nlist = {meetings}\n[cord]\npower_W = 1\n"
    scenario = parse(text + '[policy]\nname = "oblivious-share"\n')
    told = [
        [
            (each.ptx.id, each.prx.id, round(each.end_s, 6), round(each.sent_J, 6))
            for each in run(scenario, 1, LinkModel(link_W, 0.6), compiled=compiled).transfers
        ]
        for compiled in (False, True)
    ]
    assert told[0] == told[1]
