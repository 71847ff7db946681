# SPDX-License-Identifier: MIT
"""What the profiles of boards forbid: in the simulator, by the host, and on the board itself."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdcharge.profiles import Profile, Value, known
from crowdcharge.profiles.rules import BoardRules
from wptcore.limits import TIGHTER, Limits

names = st.lists(st.sampled_from(sorted(known())), max_size=3)
QI = BoardRules((known()["qi-bpp"],))


def rules(*names: str, cell_C: float | None = None) -> BoardRules:
    return BoardRules(tuple(known()[name] for name in names), cell_C)


def limits(vbus_interlock: bool = False) -> Limits:
    return Limits(3000, 5500, 3000, 12_000, 600, 0, 450, 100_000, vbus_interlock)


@given(names, st.booleans())
def test_whatever_the_profiles_a_board_bears_no_more(names: list[str], interlock: bool) -> None:
    before, after = vars(limits(interlock)), limits(interlock)
    after.tighten(rules(*names).on_board())
    for key, value in vars(after).items():
        assert value == before[key] or TIGHTER[key](value, before[key]) == value


@given(names, names, names)
def test_another_profile_never_loosens_a_donors_rules(
    some: list[str], more: list[str], taker: list[str]
) -> None:
    """Of technologies a board may speak one more; of donors' rules all hold."""
    donors = [name for name in more if known()[name].kind == "donor"]
    few, all_of_them = rules(*some), rules(*some, *donors)
    assert all_of_them.floor_pct >= few.floor_pct
    gives_mW = [known()[name].get("gives_mW") or inf for name in [*some, *donors]]
    assert all_of_them.most_mW(rules(*taker)) <= min(gives_mW, default=inf)
    if (
        few.profiles
        and few.gives_on_cable is False
        and any(p.kind == "donor" for p in few.profiles)
    ):
        assert not all_of_them.gives_on_cable


def test_what_boards_keep_of_three_phones() -> None:
    """By hand, from hardware/profiles: 50, 45 C and none; 35, 40 C; 20, 30 %; 2.5 and 4 W."""
    kept = []
    for name in ("huawei", "powershare", "xiaomi"):
        made = limits()
        made.tighten(rules(name).on_board())
        kept.append(
            (made.battery_min_dC, made.battery_max_dC, made.battery_resume_dC,
             made.floor_pct, made.gives_mW, made.cable_holds)
        )  # fmt: skip
    assert kept == [
        (0, 450, 350, 20, 2500, 0),
        (0, 449, 400, 30, 4000, 0),
        (0, 450, 400, 20, 12_000, 1),
    ]


@pytest.mark.parametrize(
    ("name", "cell_C", "gives"),
    [
        ("huawei", 49.9, True), ("huawei", 50, False), ("huawei", -10, False),
        ("huawei", -9, True),
        ("powershare", 45, False), ("powershare", -40, True), ("xiaomi", 90, True),
        ("qi-bpp", 90, True),
    ],
)  # fmt: skip
def test_a_phone_that_is_too_hot_or_too_cold_gives_nothing(
    name: str, cell_C: float, gives: bool
) -> None:
    for receiver in (QI, BoardRules()):
        assert bool(rules(name, cell_C=cell_C).most_mW(receiver)) is gives
    assert rules("qi-bpp").most_mW(rules(name, cell_C=cell_C)) == 5000, "it may still take"


def test_the_technologies_of_a_board_do_not_answer_for_its_donor() -> None:
    assert rules("huawei", "pma").gives_on_cable
    assert not rules("huawei", "oneplus").gives_on_cable
    assert not rules("qi-bpp").gives_on_cable
    assert rules("huawei", "powershare").most_mW(QI) == 2500
    assert rules("huawei", "qi-mpp").most_mW(rules("qi-mpp")) == 2500


def test_a_floor_above_what_a_board_can_keep_is_its_highest() -> None:
    donor = Profile("x", "donor", "X", {"donor_floor_pct": Value(95, "test")})
    assert BoardRules((donor,)).on_board() == {"floor_pct": 90, "cable_holds": 1}
