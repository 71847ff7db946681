# SPDX-License-Identifier: MIT
"""Verification finds what was altered and names the row; honest oddities are notes."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdcharge.ledger.bodies import body_of, canonical
from crowdcharge.ledger.kinds import kind_of
from crowdcharge.ledger.rows import FIRST_HASH, Row, gap_row, receipt_row, row_hash
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import judge, verify
from wptcore import wire

NEW_KEY = b"n" * 32
SETTINGS = settings(
    derandomize=True,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def rows_of(path):
    with Store.read(path) as store:
        return list(store.rows())


def wrong(rows, keys):
    return [finding for finding in verify(rows, keys) if finding.wrong]


def rechained(drafts):
    """Return what a forger would write who can compute hashes."""
    rows, previous = [], FIRST_HASH
    for seq, (kind, body) in enumerate(drafts, start=1):
        text = canonical(body)
        rows.append(Row(seq, kind, text, row_hash(previous, seq, kind, text)))
        previous = rows[-1].hash
    return rows


def drafted(*contents):
    return [(kind_of(each), body_of(each)) for each in contents]


def drafts_of(path):
    return [(row.kind, row.fields()) for row in rows_of(path)]


def test_an_honest_ledger_has_only_notes(ledger_file, keys):
    findings = verify(rows_of(ledger_file), keys)
    assert [finding.wrong for finding in findings] == [False]
    assert "200 mJ are on no receipt" in str(findings[0])


@SETTINGS
@given(st.data())
def test_any_altered_byte_of_any_row_is_found_and_named(ledger_file, keys, data):
    rows = rows_of(ledger_file)
    index = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(["kind", "body", "hash"]))
    old = getattr(rows[index], column).encode()
    at = data.draw(st.integers(0, len(old) - 1))
    new = old[:at] + bytes([old[at] ^ data.draw(st.integers(1, 255))]) + old[at + 1 :]
    rows[index] = replace(rows[index], **{column: new.decode("utf-8", "surrogateescape")})
    assert [finding.seq for finding in wrong(rows, keys)] == [rows[index].seq]


@SETTINGS
@given(st.data())
def test_a_row_taken_out_moved_or_put_in_is_found(ledger_file, keys, data):
    rows = rows_of(ledger_file)
    index = data.draw(st.integers(0, len(rows) - 2))
    change = data.draw(st.sampled_from(["out", "twice", "swap"]))
    if change == "out":
        del rows[index]
    elif change == "twice":
        rows.insert(index, rows[index])
    else:
        rows[index], rows[index + 1] = rows[index + 1], rows[index]
    assert wrong(rows, keys)


@SETTINGS
@given(st.lists(st.builds(Row, st.integers(0, 9), st.text(), st.text(), st.text())))
def test_any_rows_are_judged_without_a_crash(rows):
    assert bool(verify(rows, {})) == bool(rows)


kinds = st.sampled_from(sorted({"open", "entry", "state", "receipt", "gap", "fault", "x", "run"}))
bodies = st.recursive(
    st.none() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.dictionaries(
        st.sampled_from(["transfer_id", "ptx", "prx", "raw", "amount_mJ", "account", "board_id"]),
        inner,
    ),
    max_leaves=8,
)


@SETTINGS
@given(st.lists(st.tuples(kinds, bodies), max_size=6))
def test_a_chain_of_nonsense_is_judged_without_a_crash(drafts):
    verify(rechained(drafts), {})


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [("receipt", "energy_mJ", 7), ("receipt", "soc_after_permille", 1), ("receipt", "ept", 0)],
)
def test_a_forger_who_makes_the_chain_anew_cannot_alter_a_receipt(
    ledger_file, keys, kind, field, value
):
    drafts = drafts_of(ledger_file)
    next(body for name, body in drafts if name == kind)[field] = value
    assert "other values than were signed" in str(wrong(rechained(drafts), keys)[0])


def test_a_forger_cannot_sign_a_receipt(ledger_file, keys):
    drafts = drafts_of(ledger_file)
    body = next(body for name, body in drafts if name == "receipt")
    body["raw"] = body["raw"][:-2] + ("00" if body["raw"][-2:] != "00" else "01")
    rows = rechained(drafts)
    assert wrong(rows, {}) == []  # without keys nobody can tell
    assert "is not signed by board 1" in str(wrong(rows, keys)[0])


def test_a_forger_who_moves_energy_is_found_by_the_receipts(ledger_file, keys):
    drafts = drafts_of(ledger_file)
    entries = [body for name, body in drafts if name == "entry"][:3]
    entries[0]["amount_mJ"] -= 100
    entries[2]["amount_mJ"] += 100
    assert "books board:1 -1100 mJ" in str(wrong(rechained(drafts), keys)[0])


def test_a_posting_that_does_not_add_up_is_found(ledger_file, keys):
    drafts = drafts_of(ledger_file)
    next(body for name, body in drafts if name == "entry")["amount_mJ"] -= 1
    found = [str(each) for each in wrong(rechained(drafts), keys)]
    assert "books board:1 -1001 mJ" in found[0]
    assert "add up to -1 mJ" in found[-1]


def test_a_receipt_left_out_breaks_the_odometer(signed, keys):
    first = signed(1, 5, wire.PTX, 100, odometer_mJ=100)
    later = signed(1, 7, wire.PTX, 100, odometer_mJ=300)
    rows = rechained(drafted(receipt_row(first), receipt_row(later)))
    assert "does not continue board 1's odometer" in str(wrong(rows, keys)[0])
    declared = rechained(drafted(receipt_row(first), gap_row(first, later), receipt_row(later)))
    assert wrong(declared, keys) == []


def test_an_odometer_that_wraps_continues(signed, keys):
    first = signed(1, 5, wire.PTX, 100, odometer_mJ=2**32 - 10)
    later = signed(1, 7, wire.PTX, 100, odometer_mJ=90, epoch=2)
    assert wrong(rechained(drafted(receipt_row(first), receipt_row(later))), keys) == []


def test_the_hash_covers_number_kind_and_body():
    base = row_hash(FIRST_HASH, 1, "open", "{}")
    others = {
        row_hash("1" * 64, 1, "open", "{}"),
        row_hash(FIRST_HASH, 2, "open", "{}"),
        row_hash(FIRST_HASH, 1, "run", "{}"),
        row_hash(FIRST_HASH, 1, "open", "{ }"),
    }
    assert base not in others
    assert len(others) == 4


def test_receipts_from_before_a_key_rotation_verify_and_a_replaced_key_signs_no_more(signed, keys):
    receipts = [
        signed(1, 5, wire.PTX, 100, odometer_mJ=100),
        signed(1, 7, wire.PTX, 50, odometer_mJ=150, key=NEW_KEY),
        signed(1, 9, wire.PTX, 50, odometer_mJ=200),
    ]
    rows = rechained(drafted(*map(receipt_row, receipts)))
    rotated = {1: NEW_KEY}
    assert "is not signed by board 1" in str(wrong(rows, rotated)[0])
    found = verify(rows, rotated, {1: [b"older" * 8, keys[1]]})
    assert [(finding.seq, finding.text) for finding in found] == [
        (3, "(receipt) is not signed by board 1")
    ]


def test_a_number_that_no_board_can_have_is_found(ledger_file):
    drafts = drafts_of(ledger_file)
    next(body for name, body in drafts if name == "reading")["capacity_mJ"] = -1
    assert "gives capacity_mJ -1" in str(wrong(rechained(drafts), {})[0])


def test_signatures_that_no_key_can_check_are_counted_by_board(ledger_file, keys):
    rows = rows_of(ledger_file)
    assert str(judge(rows, keys)).endswith("signatures: all in order")
    assert str(judge(rows, {1: keys[1]})).endswith(
        "odometers: all in order; but 2 of 4 signatures could not be checked: no key for board 2"
    )
    assert "4 of 4 signatures could not be checked: no key for board 1, 2" in str(judge(rows, {}))


def test_a_board_whose_only_key_is_retired_is_checked_with_it(ledger_file, keys):
    rows = rows_of(ledger_file)
    verdict = judge(rows, {1: keys[1]}, {2: [keys[2]]})
    assert not verdict.unchecked and not verdict.is_wrong
    assert judge(rows, {1: keys[1]}, {2: [NEW_KEY]}).is_wrong


def test_an_empty_ledger_is_worth_a_word():
    assert "the ledger is empty" in str(judge([], {}))


def test_receipts_that_a_killed_host_did_not_settle_are_a_note(signed, open_row, keys):
    rows = rechained(
        drafted(
            open_row(5),
            *map(receipt_row, (signed(1, 5, wire.PTX, 100), signed(2, 5, wire.PRX, 60))),
        )
    )
    verdict = judge(rows, keys)
    assert [(each.wrong, each.text) for each in verdict.findings] == [
        (False, "transfer 5 is open, but its receipts are here")
    ]
    assert str(verdict).endswith("but transfers that are not settled: 1")
