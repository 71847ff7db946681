# SPDX-License-Identifier: MIT
"""Names stand beside ledgers: one is exported, deleted, and the chain still verifies."""

import json
from pathlib import Path

import pytest

from crowdcharge.errors import InputError
from crowdcharge.ledger import kinds, people
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify

NAMES = ["Ann Lee", 'Zoe "Z" \\ B', "Jürgen Müller", "李雷", "𠮷田 😀"]


@pytest.fixture
def ledger(tmp_path) -> Path:
    path = tmp_path / "ledger.sqlite"
    with Store.create(path) as store:
        store.append(
            [
                kinds.Run("p", seed=1, vm=None),
                kinds.Reading(1, 1, 600, sent_mJ=0, received_mJ=0, capacity_mJ=9, t_ms=3),
                kinds.Reading(2, 1, 600, sent_mJ=0, received_mJ=0, capacity_mJ=9, t_ms=3),
                kinds.Open(6, 1, 2, energy_max_mJ=4000, power_max_mW=0, t_ms=5),
                kinds.Refusal(6, 2, 0xC8, "BUSY", t_ms=6),
                kinds.State(6, "void", None, None),
                kinds.Open(7, 2, 3, energy_max_mJ=4000, power_max_mW=0, t_ms=7),
                kinds.Member(7, 7, 9, "equal-shares"),
                kinds.State(7, "void", None, None),
            ]
        )
    return path


def test_names_come_back_and_only_their_owner_reads_them(tmp_path) -> None:
    path = tmp_path / "people.toml"
    for number, name in enumerate(NAMES, 1):
        with people.changing(path) as table:
            table.add(name, [number, 9])
    assert people.load(path).boards == {name: [i, 9] for i, name in enumerate(NAMES, 1)}
    path.chmod(0o644)
    with pytest.raises(InputError, match="chmod"):
        people.load(path)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101])
def test_what_is_no_name_is_refused(name) -> None:
    with pytest.raises(InputError, match="name"):
        people.People().add(name, [1])


@pytest.mark.parametrize("text", ["a = 1\n", "a = [0]\n", "a = [true]\n"])
def test_what_is_no_table_is_refused(tmp_path, text) -> None:
    path = tmp_path / "people.toml"
    path.write_text("[people]\n" + text)
    path.chmod(0o600)
    with pytest.raises(InputError, match="numbers of boards"):
        people.load(path)


def test_one_persons_rows_and_no_others(ledger) -> None:
    with Store.read(ledger) as store:
        found = {
            board: [row.seq for row in people.about(store.rows(), [board])] for board in (1, 2, 3)
        }
    assert found == {1: [2, 4, 6], 2: [3, 4, 5, 6, 7, 8, 9], 3: [7, 8, 9]}


def test_a_person_is_exported_and_deleted_and_the_chain_verifies(
    ledger, tmp_path, crowdcharge
) -> None:
    path = tmp_path / "people.toml"
    assert crowdcharge("person", "add", path, "Ann Lee", "--boards", "1")[0] == 0
    before = ledger.read_bytes()
    assert b"Ann Lee" not in before
    export = ("person", "export", path, "Ann Lee", "--ledger", ledger)
    told = json.loads(crowdcharge(*export)[1])
    assert told["boards"] == [1]
    assert [row["seq"] for row in told["ledgers"][str(ledger)]] == [2, 4, 6]
    assert crowdcharge("person", "forget", path, "Ann Lee")[0] == 0
    assert "Ann" not in path.read_text() and ledger.read_bytes() == before
    with Store.read(ledger) as store:
        assert not [each for each in verify(store.rows(), {}) if each.wrong]
    code, _, error = crowdcharge(*export)
    assert code == 2 and "nobody named" in error
