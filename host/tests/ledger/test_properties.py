# SPDX-License-Identifier: MIT
"""Any history that a host can write verifies and adds up; any change to a settlement is found."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdcharge.ledger import kinds
from crowdcharge.ledger.bodies import body_of, canonical
from crowdcharge.ledger.rows import FIRST_HASH, Row, row_hash
from crowdcharge.ledger.settlement import SETTLED, settlement
from crowdcharge.ledger.verify import judge
from crowdcharge.report.summary import summarise
from wptcore import wire

from .written import Written

SETTINGS = settings(
    derandomize=True,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
energies = st.integers(0, 2**31)
# One transfer: which receipts come, the energies, whether another host used the donor before.
steps = st.tuples(
    st.sampled_from(["both", "sent", "received", "none", "late"]),
    energies,
    energies,
    st.booleans(),
)


class Host(Written):
    """Writes what the ledger keeper writes, with two boards that sign."""

    def __init__(self, sign):
        super().__init__()
        self.sign = sign
        self.count_mJ = {wire.PTX: 0, wire.PRX: 0}

    def receipt(self, transfer_id, role, energy_mJ):
        self.count_mJ[role] += energy_mJ
        odometer_mJ = self.count_mJ[role] % 2**32
        return self.sign(role, transfer_id, role, energy_mJ, odometer_mJ=odometer_mJ)

    def settle(self, transfer_id, receipts):
        self.add(*self.book.admit(receipts))
        transfer = self.book.transfers[transfer_id]
        pair = (self.book.receipt(transfer, role) for role in (wire.PTX, wire.PRX))
        self.add(*settlement(transfer, *pair))

    def transfer(self, transfer_id, step):
        come, sent_mJ, received_mJ, elsewhere = step
        if elsewhere:  # another host's transfer, of which this ledger gets no receipt
            self.count_mJ[wire.PTX] += sent_mJ
        self.add(kinds.Open(transfer_id, 1, 2, 5000, 0, transfer_id))
        sent = self.receipt(transfer_id, wire.PTX, sent_mJ) if come != "received" else None
        received = self.receipt(transfer_id, wire.PRX, received_mJ) if come != "sent" else None
        if come in {"none", "late"}:
            self.settle(transfer_id, [])
        if come != "none":
            self.settle(transfer_id, [each for each in (sent, received) if each])


def history(sign, transfers):
    host = Host(sign)
    host.add(kinds.Run("p", 1, None))
    for transfer_id, step in enumerate(transfers, start=1):
        host.transfer(transfer_id, step)
    return host


@SETTINGS
@given(transfers=st.lists(steps, max_size=6))
def test_any_history_verifies_and_adds_up(transfers, signed, keys):
    host = history(signed, transfers)
    verdict = judge(host.rows, keys)
    assert [str(each) for each in verdict.findings if each.wrong] == []
    assert not verdict.unchecked
    assert verdict.unsettled == 0
    assert sum(host.book.balances_mJ.values()) == 0
    summary = summarise(host.book)
    done = [each for each in host.book.transfers.values() if each.state == SETTLED]
    sent_mJ = sum(each.sent_mJ for each in done)
    if sent_mJ:
        assert summary["efficiency"] == sum(each.received_mJ for each in done) / sent_mJ
    else:
        assert summary["efficiency"] is None
    assert summary["sent_mJ"] == summary["received_mJ"] + summary["loss_mJ"]


@SETTINGS
@given(transfers=st.lists(steps, min_size=1, max_size=3), data=st.data())
def test_any_change_to_a_settlement_is_found_without_keys(transfers, data, signed):
    rows = history(signed, transfers).rows
    places = [place for place, row in enumerate(rows) if row.kind in {"entry", "state"}]
    place = data.draw(st.sampled_from(places))
    body = body_of(rows[place].content())
    name = data.draw(st.sampled_from(sorted(body)))
    new = data.draw(st.integers(-9, 9) | st.none() | st.sampled_from(["settled", "void", "loss"]))
    if new == body[name]:
        new = "another"
    drafts = [(row.kind, row.body) for row in rows]
    drafts[place] = (rows[place].kind, canonical({**body, name: new}))
    assert judge(anew(drafts), {}).is_wrong


def anew(drafts):
    rows, previous = [], FIRST_HASH
    for seq, (kind, text) in enumerate(drafts, start=1):
        rows.append(Row(seq, kind, text, row_hash(previous, seq, kind, text)))
        previous = rows[-1].hash
    return rows
