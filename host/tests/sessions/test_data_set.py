# SPDX-License-Identifier: MIT
"""The data set: the same bytes, whole tables, and figures that agree with each other."""

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from crowdcharge.bench.hub import faults as bench_faults
from crowdcharge.bench.sessions.card import BEGINNING
from crowdcharge.bench.sessions.faults import FAULTS
from crowdcharge.bench.sessions.plan import FAULTS as SHARES
from crowdcharge.bench.sessions.plan import draw
from crowdcharge.bench.sessions.session import play
from crowdcharge.bench.sessions.tables import MEANS, TABLES
from crowdcharge.files.arrow import columns_of

from ..command import run_command

pytestmark = pytest.mark.timeout(300)

SESSIONS = 5
AS_BUILT = 0.025  # docs/explanation/plant.md: a shunt of 1 %, INA219 grade A, the shunt's heat
SAMPLE_mJ = 60  # what flows in one pass of the loop, and is metered with the one before


def dataset(out: Path, *arguments: str, hash_seed: str = "1") -> Path:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    done = run_command("dataset", out, *arguments, timeout_s=280, env=environment)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set, its sessions played by several processes."""
    out = tmp_path_factory.mktemp("data") / "set"
    return dataset(out, "--seed", "1", "--sessions", str(SESSIONS))


@pytest.fixture(scope="module")
def tables(made: Path) -> dict[str, pd.DataFrame]:
    return {name: pd.read_parquet(made / f"{name}.parquet") for name in TABLES}


@pytest.mark.slow
def test_the_same_command_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    arguments = ("--seed", "1", "--sessions", str(SESSIONS))
    again = dataset(tmp_path / "again", *arguments, hash_seed="2")
    names = sorted(path.name for path in made.iterdir())
    assert names == sorted([*(f"{name}.parquet" for name in TABLES), "README.md"])
    assert [(made / name).read_bytes() for name in names] == [
        (again / name).read_bytes() for name in names
    ]


@pytest.mark.slow
def test_a_smaller_set_is_the_beginning_of_a_larger_one(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """And CSV says the same as Parquet, and one process the same as several."""
    small = dataset(tmp_path, "--seed", "1", "--sessions", "2", "--format", "csv")
    for name, table in tables.items():
        found = pd.read_csv(small / f"{name}.csv")
        wanted = table[table.session < 2].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


def test_the_card_says_what_is_there(made: Path) -> None:
    card = (made / "README.md").read_text(encoding="utf-8")
    hashes = dict(re.findall(r"\| `(\S+\.parquet)` \| \d+ \| `(\w{64})` \|", card))
    assert len(hashes) == len(TABLES)
    for name, digest in hashes.items():
        assert hashlib.sha256((made / name).read_bytes()).hexdigest() == digest
    assert f"--seed 1 --sessions {SESSIONS} --format parquet" in card
    columns = {name for kind, _ in TABLES.values() for name in columns_of(kind)}
    assert columns == MEANS.keys()
    assert all(f"| `{name}` |" in card for name in columns)


def test_every_fault_is_one_of_the_benchs_and_can_happen() -> None:
    assert SHARES.keys() - {"none"} == FAULTS.keys()
    assert FAULTS.keys() <= bench_faults.every().keys()
    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert {draw(1, number).fault for number in range(300)} == SHARES.keys()


def test_transfers_add_up_to_the_boards(tables: dict[str, pd.DataFrame]) -> None:
    """By the meters: odometers and receipts. By the physics: the cells' own counters."""
    transfers, boards = tables["transfers"], tables["boards"].set_index(["session", "board"])
    assert (transfers.state == "settled").sum() > 5
    for way, who in (("sent", "ptx"), ("received", "prx")):
        metered = transfers.groupby(["session", who])[f"{way}_mJ"].sum()
        true = transfers.groupby(["session", who])[f"true_{way}_mJ"].sum()
        for at, board in boards.iterrows():
            assert true.get(at, 0.0) == pytest.approx(board[f"true_{way}_mJ"], abs=0.01)
            assert metered.get(at, 0) == board[f"{way}_mJ"]


def test_meters_are_as_good_as_stated(tables: dict[str, pd.DataFrame]) -> None:
    transfers = tables["transfers"].merge(tables["sessions"], on="session")
    sound = transfers[(transfers.fault == "none") & (transfers.state == "settled")]
    assert len(sound) > 2
    for way in ("sent", "received"):
        off_mJ = (sound[f"{way}_mJ"] - sound[f"true_{way}_mJ"]).abs()
        assert (off_mJ <= AS_BUILT * sound[f"true_{way}_mJ"] + SAMPLE_mJ).all()
        assert (off_mJ > 0).any()
    assert (sound.true_received_mJ < sound.true_sent_mJ).all()


@pytest.mark.parametrize(
    ("fault", "ends"),
    [
        ("move", {"NO_RESPONSE"}),
        ("foreign-object", {"FOREIGN_OBJECT"}),
        ("hot-coil", {"OVER_TEMPERATURE"}),
        ("cable", {"ROLE_CONFLICT"}),
        ("meter-dead", {"METER_STALE"}),
        ("meter-overflow", {"METER_OVERFLOW"}),
        ("meter-stuck", {"METER_STUCK"}),
        ("link-drop", {None}),
    ],
)
def test_a_fault_ends_a_transfer_in_its_way(fault: str, ends: set[str | None]) -> None:
    """Two boards, the full one sends, and the fault comes in the middle of their transfer."""
    plan = replace(draw(1, 0), policy="oblivious-share", socs_pct=(90.0, 30.0))
    plan = replace(plan, fault=fault, fault_board=1, fault_s=3.0)
    first = play(plan).transfers[0]
    assert first.started_s is not None
    assert first.started_s < 3.0
    assert first.ended_by_ptx in ends


def test_nobodys_files_are_replaced(crowdcharge, tmp_path: Path) -> None:
    """But those of a data set are, in their format."""
    readme = tmp_path / "README.md"
    readme.write_text("# Mine\n", encoding="utf-8")
    command = ("dataset", tmp_path, "--sessions", "1", "--format", "csv")
    code, _, err = crowdcharge(*command)
    assert (code, err.count("\n")) == (2, 1)
    assert "holds README.md" in err
    assert [*tmp_path.iterdir()] == [readme]
    readme.unlink()
    assert [crowdcharge(*command)[0] for _ in range(2)] == [0, 0]
    code, _, err = crowdcharge(*command[:-1], "parquet")
    assert (code, err) == (2, f"crowdcharge: {tmp_path} holds boards.csv: a data set wants a"
                              " folder of its own\n")  # fmt: skip


def test_a_table_without_a_card_is_somebodys_and_a_killed_data_set_is_made_again(
    crowdcharge, tmp_path: Path
) -> None:
    table = tmp_path / "boards.csv"
    table.write_text("mine")
    command = ("dataset", tmp_path, "--sessions", "1", "--format", "csv")
    code, _, err = crowdcharge(*command)
    assert (code, err.count("\n"), table.read_text()) == (2, 1, "mine")
    (tmp_path / "README.md").write_bytes(BEGINNING)  # what stands there first
    (tmp_path / ".boards.4711.new.csv").write_text("half of a table")
    assert crowdcharge(*command)[0] == 0
    assert table.read_text() != "mine"


def test_what_cannot_be_is_one_line(crowdcharge, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = crowdcharge("dataset", tmp_path / "file" / "set", "--sessions", "1")
    assert (code, err.count("\n")) == (2, 1)
    code, _, err = crowdcharge("dataset", tmp_path, "--sessions", "0")
    assert (code, err.count("\n")) == (2, 1)
