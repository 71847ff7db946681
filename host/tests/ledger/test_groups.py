# SPDX-License-Identifier: MIT
"""A group's receipts add up to what was sent and lost, whatever comes late or not at all."""

from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdcharge.boards.models import Receipt
from crowdcharge.errors import LedgerError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.bodies import canonical
from crowdcharge.ledger.rows import FIRST_HASH, row_hash
from crowdcharge.ledger.sqlite_rows import SqliteRows
from crowdcharge.ledger.verify import judge
from wptcore import auth, ept, wire

from .outsider import judged
from .written import Written

PAD, GROUP, HEAD = 1, 7, 100
KEYS = {board_id: bytes([board_id]) * 32 for board_id in range(1, 9)}
SETTINGS = settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def sign(board_id, transfer_id, role, energy_mJ, peer, code=ept.PEER_ENDED, group=GROUP):
    figures = (energy_mJ, 1000, 1000, 301, code, 500, 490, energy_mJ)
    body = wire.pack_receipt(board_id, 1, transfer_id, role, peer, *figures, group)
    return Receipt.unpack(body + auth.receipt_tag(sha256, KEYS[board_id], body))


class Ledger(Written):
    """Writes what the ledger keeper writes for a group of `size` receivers."""

    def __init__(self, size):
        super().__init__()
        self.size = size
        self.add(kinds.Run("p", 1, None))
        self.add(*(kinds.Open(HEAD + k, PAD, PAD + 1 + k, 5000, 0, 1) for k in range(size)))
        self.add(*(kinds.Member(HEAD + k, HEAD, GROUP, "equal") for k in range(size)))

    def settle(self, *receipts):
        self.add(*self.book.admit(receipts))
        for k in range(self.size):
            self.add(*self.book.settlement(self.book.transfers[HEAD + k]))

    @property
    def lanes(self):
        return [self.book.transfers[HEAD + k] for k in range(self.size)]


def signed_by_all(sent_mJ, received_mJ):
    size = len(received_mJ)
    sent = sign(PAD, HEAD, wire.PTX, sent_mJ, size)
    return [
        sent,
        *(sign(PAD + 1 + k, HEAD + k, wire.PRX, received_mJ[k], PAD) for k in range(size)),
    ]


def outsiders(path, rows):
    path.unlink(missing_ok=True)
    ledger = SqliteRows.write(path)
    ledger.insert(rows)
    ledger.close()
    return judged(path, {board_id: [key] for board_id, key in KEYS.items()})[0]


groups = st.lists(st.integers(0, 2**31), min_size=1, max_size=6)


@SETTINGS
@given(groups, st.integers(0, 2**20), st.data())
def test_any_order_of_receipts_adds_up_after_each_step(received_mJ, loss_mJ, data):
    sent_mJ = min(sum(received_mJ) + loss_mJ, 2**32 - 1)
    ledger = Ledger(len(received_mJ))
    for receipt in data.draw(st.permutations(signed_by_all(sent_mJ, received_mJ))):
        ledger.settle(receipt)
        assert sum(ledger.book.balances_mJ.values()) == 0
        assert all(each.loss_mJ == each.sent_mJ - each.received_mJ for each in ledger.lanes)
    assert sum(each.sent_mJ for each in ledger.lanes) == sent_mJ
    assert [each.received_mJ for each in ledger.lanes] == received_mJ
    assert len({each.state for each in ledger.lanes}) == 1
    assert ledger.wrong(KEYS) == []


@settings(SETTINGS, max_examples=20)
@given(groups, st.integers(0, 2**20), st.data())
def test_an_outsider_agrees_with_every_history(tmp_path, received_mJ, loss_mJ, data):
    sent_mJ = min(sum(received_mJ) + loss_mJ, 2**32 - 1)
    ledger = Ledger(len(received_mJ))
    receipts = data.draw(st.permutations(signed_by_all(sent_mJ, received_mJ)))
    ledger.settle()
    for receipt in receipts[: data.draw(st.integers(0, len(receipts)))]:
        ledger.settle(receipt)
    assert outsiders(tmp_path / "ledger.sqlite", ledger.rows) == ""
    assert ledger.wrong(KEYS) == []


@pytest.mark.parametrize(
    ("receipts", "state"),
    [
        (signed_by_all(1000, [300, 300]), "settled"),
        (signed_by_all(1000, [3000, 300]), "disputed"),
        ([sign(1, HEAD, 1, 1000, 3), *signed_by_all(1000, [300, 300])[1:]], "disputed"),
        ([sign(1, HEAD, 1, 1000, 2, group=8), *signed_by_all(0, [300, 300])[1:]], "disputed"),
        (
            [sign(1, HEAD, 1, 1000, 2, ept.REBOOTED, 0), *signed_by_all(0, [300, 300])[1:]],
            "settled",
        ),
        ([*signed_by_all(1000, [300, 300])[:2], sign(3, HEAD + 1, 2, 300, 2)], "disputed"),
        (signed_by_all(1000, [300, 300])[:2], "one-sided"),
        (signed_by_all(1000, [300, 300])[1:], "one-sided"),
        (signed_by_all(0, [0, 0])[:2], "void"),
        ([], "void"),
    ],
)
def test_the_state_of_all_is_by_the_receipts_of_all(tmp_path, receipts, state):
    ledger = Ledger(2)
    ledger.settle(*receipts)
    assert {each.state for each in ledger.lanes} == {state}
    assert ledger.wrong(KEYS) == [] and outsiders(tmp_path / "l.sqlite", ledger.rows) == ""


def test_what_was_sent_is_apportioned_by_what_each_received():
    ledger = Ledger(3)
    ledger.settle(*signed_by_all(1001, [100, 300, 200]))
    assert [each.sent_mJ for each in ledger.lanes] == [167, 500, 334]


@pytest.mark.parametrize(
    "member",
    [
        kinds.Member(HEAD + 1, HEAD, GROUP, "equal"),  # twice
        kinds.Member(HEAD + 2, HEAD + 3, GROUP, "equal"),  # its head is no member
        kinds.Member(HEAD + 2, HEAD, GROUP + 1, "equal"),  # another group
        kinds.Member(HEAD + 3, HEAD, GROUP, "equal"),  # another transmitter
        kinds.Member(HEAD + 4, HEAD, GROUP, "equal"),  # a receiver that is in it
        kinds.Member(HEAD + 5, HEAD, GROUP, "equal"),  # a ping
        kinds.Member(HEAD + 9, HEAD, GROUP, "equal"),  # no transfer
    ],
)
def test_a_member_that_does_not_fit_its_group_makes_no_sense(member):
    ledger = Ledger(2)
    others = [(2, PAD, 4), (3, 5, 6), (4, PAD, 2), (5, PAD, 0)]
    ledger.add(*(kinds.Open(HEAD + k, ptx, prx, 5000, 0, 1) for k, ptx, prx in others))
    with pytest.raises(LedgerError, match="makes no sense"):
        ledger.add(member)


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("delta_mJ", [-1, 1])
def test_a_millijoule_moved_between_two_of_a_group_is_found(number, delta_mJ, tmp_path):
    ledger = Ledger(3)
    ledger.settle(*signed_by_all(1001, [100, 300, 200]))
    rows, previous = [], FIRST_HASH
    for row in ledger.rows:
        body = row.fields()
        lane = body.get("transfer_id")
        other = HEAD + (number + 1) % 3
        if row.kind == "entry" and lane in {HEAD + number, other}:
            sign_of = 1 if lane == other else -1
            if body["account"] == "board:1":
                body["amount_mJ"] += sign_of * delta_mJ
            if body["account"] == "loss":
                body["amount_mJ"] -= sign_of * delta_mJ
        text = canonical(body)
        previous = row_hash(previous, row.seq, row.kind, text)
        rows.append(type(row)(row.seq, row.kind, text, previous))
    assert judge(rows, KEYS).is_wrong
    assert outsiders(tmp_path / "forged.sqlite", rows)
