# SPDX-License-Identifier: MIT
"""What `import crowdcharge` offers: complete, lazy, and typed for the user's own checker."""

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import crowdcharge

PACKAGE = Path(crowdcharge.__file__).parent
USER = """
import asyncio
from pathlib import Path
from typing import assert_type
import crowdcharge
from crowdcharge import BoardRecord, RunRecord, TransferRecord

async def main() -> None:
    async with crowdcharge.open_bench(boards=4, seed=2) as bench:
        run = await bench.run("online-average")
    assert_type(run.transfers, list[TransferRecord])
    assert_type(run.boards, list[BoardRecord])
    assert_type(run.efficiency, float | None)
    assert_type(crowdcharge.open_ledger("ledger.sqlite"), RunRecord)
    assert_type(crowdcharge.simulate("online-average", 10, 10), crowdcharge.Result)
    assert_type(crowdcharge.plan_problem(Path("problem.json")), crowdcharge.Plan)
    assert_type(crowdcharge.clear_market(Path("market.json")), crowdcharge.Clearing)
    crowdcharge.open_bench(boards="four")

asyncio.run(main())
"""


def test_every_name_is_there_and_every_function_is_documented() -> None:
    assert crowdcharge.__all__ == sorted(crowdcharge.__all__)
    assert set(crowdcharge.__all__) <= set(dir(crowdcharge))
    for name in crowdcharge.__all__:
        found = getattr(crowdcharge, name)
        assert found.__doc__ or isinstance(found, type), name


def test_the_page_names_each() -> None:
    page = (PACKAGE.parents[1] / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    assert [name for name in crowdcharge.__all__ if f"`{name}" not in page] == []


def test_no_name_is_that_of_a_module() -> None:
    """Or the first import of that module would take the name's place."""
    modules = {path.stem for path in PACKAGE.iterdir()}
    assert not modules & set(crowdcharge.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'open_bank'"):
        _ = crowdcharge.open_bank


def test_a_value_out_of_range_shows_before_anything_starts() -> None:
    async def enter() -> None:
        async with crowdcharge.open_bench(boards=1):
            pass

    with pytest.raises(crowdcharge.InputError, match="2 to 100"):
        asyncio.run(enter())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_users_checker_sees_the_types(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="needs the extra 'dev'")
    assert (PACKAGE / "py.typed").is_file()
    (tmp_path / "user.py").write_text(USER, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "user.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, done.stdout + done.stderr
    assert 'incompatible type "str"; expected "int"' in errors[0]


def opened(**given: object) -> None:
    async def opening() -> None:
        async with crowdcharge.open_bench(**given):  # type: ignore[arg-type]
            pass

    asyncio.run(opening())


CROWD = {"policy": "online-average", "n": 4, "interactions": 9}
TWO = crowdcharge.Problem(
    np.array([1.0, 3.0]), np.array([[0, 1, 1]]), 1, np.zeros(2), np.full(2, 5.0)
)
MISTAKES = [
    (crowdcharge.simulate, CROWD, key, value)
    for key, values in {
        "policy": [None, 3, object()], "n": ["4", 4.5, np.eye(3)],
        "interactions": [1.5, None, 10**30],
        "beta": ["x", None], "seed": [-1, 1.5, None], "samples": [2.5], "threads": [0.5],
        "dtype": ["i4", "x", "i4,,x", {"names": 3}, np.float16, np.eye(3)],
        "initial_J": [["a"] * 4, 5.0],
    }.items()
    for value in values
] + [
    (crowdcharge.plan_problem, {"problem": TWO}, key, value)
    for key, values in {
        "problem": [None, "none.json", [1], np.eye(3)], "method": ["x", None, []],
        "max_doublings": [-1, "3", 99],
    }.items()
    for value in values
] + [
    (opened, {}, key, value)
    for key, values in {
        "boards": ["4", 4.5, None], "seed": [-1, 1.5], "speed": ["x"], "port": ["x", []],
        "out": [3],
    }.items()
    for value in values
] + [
    (each, {}, name, value)
    for each, name in ((crowdcharge.clear_market, "market"), (crowdcharge.open_ledger, "path"))
    for value in (None, 3, "none.json")
]  # fmt: skip


@pytest.mark.parametrize(("call", "good", "key", "value"), MISTAKES)
def test_a_mistake_of_the_caller_is_one_line(call, good, key, value) -> None:
    with pytest.raises(crowdcharge.InputError) as found:
        call(**{**good, key: value})
    assert "\n" not in str(found.value)


def test_a_bench_takes_a_policy_by_its_name() -> None:
    """One of a user's own goes by "module:Name"; the object itself ended in a TypeError."""

    async def run_object() -> None:
        async with crowdcharge.open_bench() as bench:
            await bench.run(object())  # type: ignore[arg-type]

    with pytest.raises(crowdcharge.InputError, match='by its name or by "module:Name"'):
        asyncio.run(run_object())


def test_numbers_of_numpy_are_numbers() -> None:
    """A loop over np.arange gives such seeds; they ended in an OverflowError."""
    ours = crowdcharge.simulate("online-average", 4, 9, 0.25, seed=3)
    theirs = crowdcharge.simulate(
        "online-average", np.int64(4), np.int32(9), np.float64(0.25), seed=np.int64(3)
    )
    assert (ours.final_J == theirs.final_J).all()
    assert crowdcharge.plan_problem(TWO, "lal", np.int64(2)).ok
