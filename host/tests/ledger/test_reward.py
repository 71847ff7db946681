# SPDX-License-Identifier: MIT
"""What giving earns: sums, bounds, order, and that cheating gains nothing or little."""

import json
from itertools import count

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.cli.ledger import ledger
from crowdcharge.ledger import kinds
from crowdcharge.ledger.reward import RULES, changed
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.config import CrowdSection
from wptcore import wire

from .conftest import sign
from .test_groups import SETTINGS, outsiders
from .written import Written

KEYS = {board: bytes([board]) * 32 for board in range(1, 5)}
YARD = kinds.Reward("yard", "received", allowance_mJ=1000)
RICH = kinds.Reward("yard", "received", allowance_mJ=2**32 - 1)
BUDGET_mJ = 5000


class Crowd(Written):
    """A ledger of boards 1 to 4; each transfer is opened and settled as the keeper does."""

    def __init__(self, *rows):
        super().__init__()
        self.numbers = count(1)
        self.counts_mJ = {}
        self.add(*(rows or (YARD,)))

    def open(self, ptx, prx):
        number = next(self.numbers)
        self.add(kinds.Open(number, ptx, prx, BUDGET_mJ, 0, number))
        return number

    def tell(self, number, ptx, prx, sent_mJ, received_mJ):
        """Let a board give its receipt, of None no receipt, and settle."""
        sides = (ptx, prx, wire.PTX, sent_mJ), (prx, ptx, wire.PRX, received_mJ)
        for board, peer, role, energy_mJ in sides:
            if energy_mJ is not None:
                self.counts_mJ[board, role] = self.counts_mJ.get((board, role), 0) + energy_mJ
                odometer_mJ = self.counts_mJ[board, role] % 2**32
                more = {"peer": peer, "odometer_mJ": odometer_mJ, "key": KEYS[board]}
                self.add(*self.book.admit([sign(board, number, role, energy_mJ, **more)]))
        self.add(*self.book.settlement(self.book.transfers[number]))

    def give(self, ptx, prx, sent_mJ, received_mJ):
        number = self.open(ptx, prx)
        self.tell(number, ptx, prx, sent_mJ, received_mJ)
        return number

    @property
    def balances_mJ(self):
        return {board: mJ for board, mJ in self.book.credits.balances_mJ["yard"].items() if mJ}

    def takes_mJ(self, board):
        return self.book.credits.limits_mJ([board]).get(board)


# -- what a rule gives --


def test_the_tables_of_rules_are_one():
    assert set(CrowdSection.__annotations__["rule"].__args__) == set(RULES)
    assert RULES["received"](5, 3) == RULES["received"](3, 5) == 3
    assert RULES["none"](5, 3) == 0


def test_who_gave_may_take_and_who_took_owes():
    crowd = Crowd()
    assert (crowd.takes_mJ(1), crowd.takes_mJ(2)) == (1000, 1000)
    crowd.give(1, 2, 900, 600)
    assert crowd.balances_mJ == {1: 600, 2: -600}
    assert (crowd.takes_mJ(1), crowd.takes_mJ(2)) == (1600, 400)
    assert crowd.wrong(KEYS) == []


def test_nothing_is_earned_before_a_rule_after_it_or_by_a_sale():
    crowd = Crowd(kinds.Run("p", 1, None))
    before = crowd.open(1, 2)
    crowd.add(YARD)
    crowd.tell(before, 1, 2, 900, 600)
    during = crowd.open(1, 2)
    crowd.add(*changed(crowd.book.credits.reward, None))
    assert crowd.takes_mJ(2) is None and crowd.book.credits.limits_J([1, 2]) == {}
    crowd.give(1, 2, 900, 600)
    assert crowd.balances_mJ == {}
    crowd.tell(during, 1, 2, 90, 60)  # by the rule under which it was opened
    assert crowd.balances_mJ == {1: 60, 2: -60}
    assert crowd.wrong(KEYS) == []


def test_a_rule_is_written_once():
    assert changed(None, None) == changed(YARD, YARD) == []
    assert changed(None, YARD) == [YARD]
    off = kinds.Reward("yard", "none", 1000)
    assert changed(YARD, None) == [off]
    assert changed(off, None) == []


def test_a_ping_owes_nobody():
    crowd = Crowd()
    number = crowd.open(1, 0)
    assert list(crowd.book.credits.standings()) == []
    receipt = sign(1, number, wire.PTX, 40, peer=0, key=KEYS[1])
    crowd.add(*crowd.book.admit([receipt]))
    crowd.add(*crowd.book.settlement(crowd.book.transfers[number]))
    assert crowd.balances_mJ == {} and crowd.wrong(KEYS) == []


def test_another_crowd_has_other_accounts():
    crowd = Crowd()
    crowd.give(1, 2, 900, 600)
    waits = crowd.open(1, 2)
    crowd.add(kinds.Reward("field", "received", 50))
    assert crowd.takes_mJ(2) == 50
    crowd.tell(waits, 1, 2, 90, 60)  # of the crowd under which it was opened
    assert crowd.balances_mJ == {1: 660, 2: -660}
    crowd.give(2, 1, 90, 60)
    assert dict(crowd.book.credits.balances_mJ["field"]) == {2: 50, 1: -50}
    assert crowd.wrong(KEYS) == []


# -- what cheating gains --


def test_a_circle_gains_nothing():
    crowd = Crowd()
    for _ in range(5):
        crowd.give(1, 2, 500, 400)
        crowd.give(2, 1, 500, 400)
    assert crowd.balances_mJ == {}
    for pair in ((1, 2), (2, 3), (3, 1)) * 5:
        crowd.give(*pair, 500, 400)
    assert crowd.balances_mJ == {}
    assert [crowd.takes_mJ(board) for board in (1, 2, 3)] == [1000] * 3
    assert crowd.wrong(KEYS) == []


def test_two_who_invent_transfers_gain_what_one_of_them_may_owe():
    crowd = Crowd()
    for _ in range(5):
        crowd.give(1, 2, 500, 500)
    assert crowd.balances_mJ == {1: 1000, 2: -1000}
    assert crowd.takes_mJ(1) + crowd.takes_mJ(2) == 2 * YARD.allowance_mJ


@pytest.mark.parametrize(
    ("sent_mJ", "received_mJ", "held_mJ"),
    [
        (None, None, 0),  # void: nothing flowed, as far as both say who were heard out
        (900, None, 900),  # the taker keeps its receipt back
        (None, 600, 600),  # the giver does
        (900, 359, 360),  # implausible: one meter is wrong
        (900, 0, 360),
        (900, 2600, 2600),  # more than was sent, beyond the tolerance
        (2**31, 600, BUDGET_mJ),  # the giver lies: bounded by what was agreed
    ],
)
def test_without_two_receipts_that_fit_nobody_earns_and_it_is_held(sent_mJ, received_mJ, held_mJ):
    crowd = Crowd(kinds.Reward("yard", "received", 10_000))
    crowd.give(1, 2, sent_mJ, received_mJ)
    assert crowd.balances_mJ == {}
    assert (crowd.takes_mJ(1), crowd.takes_mJ(2)) == (10_000, 10_000 - held_mJ)
    assert crowd.wrong(KEYS) == []


def test_what_is_granted_is_held_until_it_is_told():
    crowd = Crowd(kinds.Reward("yard", "received", 6000))
    number = crowd.open(1, 2)
    assert crowd.takes_mJ(2) == 6000 - BUDGET_mJ
    crowd.tell(number, 1, 2, 900, None)
    assert crowd.takes_mJ(2) == 6000 - 900
    crowd.tell(number, 1, 2, None, 600)
    assert crowd.takes_mJ(2) == 6000 - 600
    assert crowd.balances_mJ == {1: 600, 2: -600}


@SETTINGS
@given(st.integers(0, BUDGET_mJ), st.integers(0, BUDGET_mJ), st.booleans())
def test_a_false_meter_gains_no_more_than_the_worst_coils_lose(sent_mJ, lie_mJ, giver_lies):
    """Against a truth of 80 %: what either of the two can win by the number that it signs."""
    truth_mJ = sent_mJ * 8 // 10
    signed = (lie_mJ, truth_mJ) if giver_lies else (sent_mJ, lie_mJ)
    crowd = Crowd(kinds.Reward("yard", "received", 10**6))
    crowd.give(1, 2, *signed)
    earned_mJ = crowd.balances_mJ.get(1, 0)
    costs_mJ = 10**6 - crowd.takes_mJ(2)
    if giver_lies:
        assert earned_mJ <= truth_mJ
    else:
        assert costs_mJ >= sent_mJ * 4 // 10
    assert earned_mJ <= costs_mJ


# -- sums, order, bounds, and the checks --

moves = st.lists(
    st.tuples(
        st.permutations([1, 2, 3, 4]),
        st.none() | st.integers(0, BUDGET_mJ),
        st.none() | st.integers(0, BUDGET_mJ),
        st.sampled_from([None, YARD, RICH, kinds.Reward("field", "received", 0)]),
    ),
    max_size=8,
)


@settings(SETTINGS, max_examples=25)
@given(moves)
def test_any_history_adds_up_keeps_the_allowance_and_verifies(tmp_path, given_moves):
    crowd = Crowd(RICH)
    for boards, sent_mJ, received_mJ, rule in given_moves:
        crowd.add(*([rule] if rule else []))
        before = crowd.book.credits.balances_mJ[crowd.book.credits.reward.crowd].copy()
        crowd.give(*boards[:2], sent_mJ, received_mJ)
        for balances_mJ in crowd.book.credits.balances_mJ.values():
            assert sum(balances_mJ.values()) == 0
        reward = crowd.book.credits.reward
        after = crowd.book.credits.balances_mJ[reward.crowd]
        for board in KEYS:
            assert after[board] >= min(before[board], -reward.allowance_mJ)
            assert crowd.takes_mJ(board) >= 0
    assert crowd.wrong(KEYS) == []
    assert outsiders(tmp_path / "ledger.sqlite", crowd.rows) == ""


@SETTINGS
@given(
    st.lists(st.tuples(st.permutations([1, 2, 3, 4]), st.integers(0, 2000)), max_size=6), st.data()
)
def test_without_a_cut_balances_depend_on_no_order(given_moves, data):
    def ends(order):
        crowd = Crowd(RICH)
        numbers = [crowd.open(*boards[:2]) for boards, _ in given_moves]
        for place in order:
            boards, energy_mJ = given_moves[place]
            crowd.tell(numbers[place], *boards[:2], energy_mJ, energy_mJ * 7 // 10)
        return crowd.balances_mJ

    places = list(range(len(given_moves)))
    assert ends(places) == ends(data.draw(st.permutations(places)))


# -- the command --


def test_the_balance_of_a_ledger_is_shown(tmp_path):
    crowd = Crowd()
    crowd.give(1, 2, 900, 600)
    crowd.give(3, 2, 400, None)
    path = tmp_path / "ledger.sqlite"
    with Store.create(path) as store:
        store.append(row.content() for row in crowd.rows)
    said = CliRunner().invoke(ledger, ["balance", str(path), "--json"])
    shown = json.loads(said.output)
    assert shown["reward"] == {"crowd": "yard", "rule": "received", "allowance_mJ": 1000}
    facts = [tuple(each.values()) for each in shown["balances"]]
    assert facts == [("yard", 1, 600, 0, 1600), ("yard", 2, -600, 400, 0)]
    text = CliRunner().invoke(ledger, ["balance", str(path)]).output
    assert "Crowd yard: rule received, allowance 1000 mJ" in text
    assert [line.split() for line in text.splitlines()[2:]] == [
        ["yard", "1", "600", "0", "1600"],
        ["yard", "2", "-600", "400", "0"],
    ]


def test_a_ledger_without_a_rule_says_so(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Store.create(path) as store:
        store.append([kinds.Run("p", 1, None)])
    said = CliRunner().invoke(ledger, ["balance", str(path), "--json"])
    assert json.loads(said.output) == {"reward": None, "balances": []}
    refused = CliRunner().invoke(ledger, ["balance", str(path)])
    assert "no crowd of this ledger has a rule" in str(refused.exception)
