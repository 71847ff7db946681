# SPDX-License-Identifier: MIT
"""One transmitter and several receivers: leases, reports, the check on the sum, the shares."""

from support import CURVE, BATTERY_mV, Host, last_receipt, make_board
from wptcore import ept, shares, transfer, wire
from wptcore.fod import ForeignObject, LossCurve
from wptcore.running import Running

LEASE_ms = 1000
RECEIVED_mW = 500
EPT_FIELD, PEER_FIELD, GROUP_FIELD = 9, 4, 13


class Random:
    """The same numbers on every VM (Lehmer)."""

    def __init__(self, seed):
        self.state = seed

    def below(self, end):
        self.state = self.state * 48271 % 0x7FFFFFFF
        return self.state % end


class Pad:
    """A board that sends to `size` receivers of RECEIVED_mW each, and its host."""

    def __init__(self, size, power_max_mW=5000, curve=CURVE, **bounds):
        self.size = size
        self.object_mW = 0
        self.extra_mW = 0  # what one receiver's meter reports too much
        self.host = Host(make_board(curve=curve, capacity_mJ=10_000_000)).hello()
        self.board = self.host.board
        self.code = self.host.grant(
            peer=size, group=5, power_max_mW=power_max_mW, lease_ms=LEASE_ms, **bounds
        )

    def report(self, missing=(), ended=0, lease_ms=LEASE_ms):
        """Renew as a host does, without the receivers that are `missing`; return the code."""
        there = [i < self.size and i not in missing for i in range(wire.GROUP_MAX)]
        leases_ms = [lease_ms if is_there else 0 for is_there in there]
        powers_mW = [RECEIVED_mW if is_there else 0 for is_there in there]
        powers_mW[0] += self.extra_mW
        return self.host.send(wire.GROUP_RENEW, 1, ended, *(leases_ms + powers_mW))

    def run(self, time_ms, missing=(), every_ms=300):
        """Let power flow; a host renews every third of the lease."""
        sent_mW = CURVE.sent_mW(self.size * RECEIVED_mW) + self.object_mW
        for now_ms in range(0, time_ms, 20):
            wave_mA = 1 if now_ms % 40 else -1  # a meter is never still
            flow_mA = sent_mW * 1000 // BATTERY_mV + wave_mA if self.board.pulses_on else 0
            self.board.on_sample(BATTERY_mV, flow_mA, 300, 250, 20)
            self.board.on_soc(600)
            self.board.on_elapsed(20)
            if every_ms and now_ms % every_ms == every_ms - 20 and self.board.coil_on:
                self.report(missing)


def test_a_group_of_each_size_runs_on_full_reports():
    for size in (1, 2, 3):
        pad = Pad(size)
        assert pad.code == ept.NONE
        pad.run(8000)
        assert pad.board.coil_on and pad.board.state == transfer.POWER


def test_who_is_not_heard_for_a_lease_ends_the_group_whoever_it_is():
    for lost in range(3):
        pad = Pad(3)
        pad.run(1500)
        assert pad.board.coil_on
        pad.run(LEASE_ms, missing=(lost,))
        assert not pad.board.coil_on and last_receipt(pad.board)[EPT_FIELD] == ept.LEASE_LOST


def test_whatever_is_reported_the_coil_is_on_only_while_every_lease_lasts():
    random = Random(17)
    ended = 0
    for _ in range(30):
        pad = Pad(1 + random.below(3))
        left_ms = [LEASE_ms] * pad.size
        for _ in range(40):
            if random.below(2):
                leases_ms = [random.below(3) * 400 for _ in range(wire.GROUP_MAX)]
                reports = leases_ms + [RECEIVED_mW] * wire.GROUP_MAX
                if pad.host.send(wire.GROUP_RENEW, 1, 0, *reports) == ept.NONE:
                    left_ms = [leases_ms[i] or left_ms[i] for i in range(pad.size)]
            else:
                time_ms = 20 * (1 + random.below(10))
                pad.run(time_ms, every_ms=0)
                left_ms = [left - time_ms for left in left_ms]
            assert not pad.board.coil_on or min(left_ms) > 0
        ended += not pad.board.coil_on
    assert 0 < ended <= 30


def test_a_report_that_is_old_already_extends_by_what_is_left_of_it():
    pad = Pad(2)
    pad.report(lease_ms=400)
    pad.run(380, every_ms=0)
    assert pad.board.coil_on
    pad.run(20, every_ms=0)
    assert not pad.board.coil_on


def test_a_missing_report_counts_as_0_mW():
    pad = Pad(3)
    pad.run(3000)
    for _ in range(4):
        pad.report(missing=(1,))
    assert pad.board.state == transfer.FAULT and pad.board.ept == ept.FOREIGN_OBJECT


def test_a_power_without_a_lease_is_no_report():
    pad = Pad(2)
    pad.run(3000)
    for _ in range(4):
        leases_ms, powers_mW = (LEASE_ms, 0, 0, 0, 0, 0), (RECEIVED_mW, RECEIVED_mW, 0, 0, 0, 0)
        pad.host.send(wire.GROUP_RENEW, 1, 0, *(leases_ms + powers_mW))
    assert pad.board.ept == ept.FOREIGN_OBJECT


def test_reports_of_nobody_are_not_counted():
    pad = Pad(2)
    pad.run(3000)
    for _ in range(4):  # a third and a fourth receiver would explain an object
        pad.object_mW = 1200
        pad.run(300, every_ms=0)
        pad.host.send(wire.GROUP_RENEW, 1, 0, *((LEASE_ms,) * 6 + (RECEIVED_mW,) * 6))
    assert pad.board.ept == ept.FOREIGN_OBJECT


def test_more_reported_than_was_sent_is_no_verdict_whatever_object_it_hides():
    for size in (1, 3):
        pad = Pad(size, power_max_mW=8000 if size == 3 else 5000, energy_max_mJ=500_000)
        pad.run(3000)
        sent_mW = CURVE.sent_mW(size * RECEIVED_mW)
        pad.object_mW = 2 * CURVE.threshold_mW
        pad.extra_mW = sent_mW + pad.object_mW - size * RECEIVED_mW + 50
        pad.run(9000)
        assert pad.board.coil_on
        pad.run(2000)
        assert not pad.board.coil_on and last_receipt(pad.board)[EPT_FIELD] == ept.NO_FOD_VERDICT


def test_a_report_of_too_much_forgets_no_exceedance():
    fod = ForeignObject(CURVE)
    fod.begin(Running((1, wire.PTX, 2, 0, 0, 5000, 1, 1, 0, 1000, 0), 0, 600))
    reports_mW = (0, 0, 0, 2100, 2100, 0, 0)
    codes = [fod.compare(2000, received_mW) for received_mW in reports_mW]
    assert codes == [ept.NONE] * 6 + [ept.FOREIGN_OBJECT]


def test_an_object_under_one_of_them_is_found_on_the_sum():
    pad = Pad(3)
    pad.run(3000)
    pad.object_mW = 2 * CURVE.threshold_mW
    pad.run(2000)
    assert pad.board.ept == ept.FOREIGN_OBJECT and not pad.board.coil_on


def test_one_that_ended_ends_the_group():
    pad = Pad(3)
    pad.run(1500)
    assert pad.report(ended=ept.CHARGE_COMPLETE) == ept.NONE
    receipt = last_receipt(pad.board)
    assert receipt[EPT_FIELD] == ept.PEER_ENDED
    assert receipt[PEER_FIELD] == 3 and receipt[GROUP_FIELD] == 5


def test_only_the_frame_of_its_kind_renews():
    pad = Pad(2)
    assert pad.host.send(wire.RENEW, 1, LEASE_ms, 1000, 0) == ept.UNKNOWN_TRANSFER
    assert pad.report(lease_ms=wire.LEASE_MAX_ms + 1) == ept.OUT_OF_RANGE
    pair = Host(make_board()).hello()
    assert pair.grant() == ept.NONE
    reports = (LEASE_ms,) * 6 + (RECEIVED_mW,) * 6
    assert pair.send(wire.GROUP_RENEW, 1, 0, *reports) == ept.UNKNOWN_TRANSFER
    member = Host(make_board()).hello()
    assert member.grant(role=wire.PRX, peer=9, group=5) == ept.NONE
    assert member.send(wire.RENEW, 1, LEASE_ms, 0, 0) == ept.NONE


def test_a_group_has_one_to_six_receivers():
    rig = LossCurve(250, 1350, 50, 60_000)
    for size, code in ((0, ept.OUT_OF_RANGE), (1, 0), (6, 0), (7, ept.OUT_OF_RANGE)):
        assert Pad(size, curve=rig).code == code
    assert Pad(0xFFFF, curve=rig).code != ept.NONE


def test_a_group_whose_uncertainty_exceeds_the_threshold_is_refused():
    for size, power_mW, code in (
        (3, 5000, ept.NONE),  # 240 + 100 of 400 mW
        (3, 8000, ept.NONE),
        (3, 8050, ept.UNCALIBRATED),
        (4, 4000, ept.NONE),
        (4, 4050, ept.UNCALIBRATED),
        (5, 50, ept.UNCALIBRATED),
        (1, 12_000, ept.NONE),
    ):
        assert Pad(size, power_mW).code == code, (size, power_mW)
    assert Pad(2, 500, curve=None).code == ept.UNCALIBRATED


def test_errors_within_the_uncertainty_never_alarm_and_twice_the_threshold_always_does():
    random = Random(7)
    accepted = 0
    for _ in range(300):
        curve = LossCurve(250, 1350, 50, 200 + random.below(500))
        size, power_max_mW = 1 + random.below(6), 500 + random.below(8000)
        fod = ForeignObject(curve)
        grant = (1, wire.PTX, size, 1, 0, power_max_mW, 1, 1, 20, 1000, 0)
        if not fod.allows(Running(grant, 0, 0)):
            continue
        accepted += 1
        true_mW = [power_max_mW // (2 * size)] * size
        for object_mW in (0, 2 * curve.threshold_mW):
            honest = ForeignObject(curve)
            sent_mW = curve.sent_mW(sum(true_mW)) * (990 + random.below(20)) // 1000 + object_mW
            told = [
                mW * (990 + random.below(20)) // 1000 - 30 + random.below(60) for mW in true_mW
            ]
            verdicts = [honest.compare(sent_mW, sum(told)) for _ in range(4)]
            assert any(verdicts) == (object_mW > 0), (size, power_max_mW, object_mW)
    assert accepted > 50


def test_shares_add_up_and_keep_to_the_needs():
    random = Random(11)
    for _ in range(300):
        needs = [random.below(10_000) for _ in range(1 + random.below(6))]
        budget = random.below(20_000)
        for rule in (shares.EQUAL, shares.NEED, shares.FIRST_COME):
            found = shares.shares(rule, budget, needs)
            assert sum(found) == min(budget, sum(needs))
            assert all(0 <= found[i] <= needs[i] for i in range(len(needs)))
        first = shares.shares(shares.FIRST_COME, budget, needs)
        assert all(first[i] == needs[i] or not any(first[i + 1 :]) for i in range(len(needs)))
        equal = shares.shares(shares.EQUAL, budget, needs)
        hungry = [equal[i] for i in range(len(needs)) if equal[i] < needs[i]]
        assert not hungry or max(equal) <= min(hungry) + 1


def test_what_is_apportioned_is_within_one_of_its_quota():
    random = Random(13)
    for _ in range(300):
        weights = [random.below(5000) for _ in range(1 + random.below(6))]
        total = random.below(100_000)
        found = shares.apportion(total, weights)
        assert sum(found) == total
        for i in range(len(weights)):
            if any(weights):
                assert abs(found[i] * sum(weights) - total * weights[i]) < sum(weights)
    assert shares.apportion(7, [0, 0, 0]) == [3, 2, 2]
