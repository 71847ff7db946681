# SPDX-License-Identifier: MIT
"""A policy that measures wear on real cores: heat from answers, depth and fade from the ledger."""

import pytest

from crowdcharge import policy as policies
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.events import TransferStarted
from crowdcharge.orchestrator.recalling import remind

from ..passport.year import BOARD, Year

PAIR = ContactSchedule(40.0, (((1, 2),), ()))


class Noted:
    """The policy, and the coils that it was shown."""

    def __init__(self):
        self.rule = policies.make("ageing-aware-measured", horizon_s=1e8)
        self.name, self.coils_C = self.rule.name, []

    def decide(self, encounter, views, now_s, rng):
        self.coils_C += [views[each].coil_C for each in (encounter.a, encounter.b)]
        return self.rule.decide(encounter, views, now_s, rng)


def test_it_runs_on_boards_and_sees_their_coils(make_world, run):
    world = make_world({1: 95.0, 2: 10.0}, capacity_J=100.0)
    world.lay((1, 2))
    policy = Noted()
    run(world, world.host(PAIR, 120.0, policy=policy))
    world.check_books()
    assert world.of(TransferStarted)
    assert set(policy.coils_C) <= {30.0, 32.0}  # cold, and with power, as the rig has it
    assert policy.coils_C


def test_a_policy_is_reminded_of_what_a_ledger_knows(tmp_path):
    """Year 7 ends with a transfer in which the board received, after it had given."""
    path = tmp_path / "ledger.sqlite"
    year = Year(7, sessions=12)
    year.write(path)
    told = {}
    rule = policies.make("ageing-aware-measured")
    rule.recall = lambda board_id, levels, fade: told.update({board_id: (levels, fade)})
    with Store.read(path) as store:
        store.load()
        remind(rule, store)
        socs = [row.fields().get("soc_permille") for row in store.rows() if row.kind == "reading"]
        remind(policies.make("online-average"), store)  # which does not ask
    levels, fade = told[BOARD]
    read = [soc / 1000 for soc in socs if soc is not None]
    assert (levels[0], levels[-1]) == (read[0], read[-1])
    assert set(read) <= set(levels)
    truth = 1 - 1000 * year.board.capacity_J / year.board.declared_mJ
    assert truth > 0.05
    assert fade == pytest.approx(truth, abs=0.04)
