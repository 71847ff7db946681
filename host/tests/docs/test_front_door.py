# SPDX-License-Identifier: MIT
"""What `import crowdcharge` offers: complete, lazy, and typed for the user's own checker."""

import asyncio
import subprocess
import sys
from pathlib import Path

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
