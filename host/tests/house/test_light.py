# SPDX-License-Identifier: MIT
"""What a command loads before it works: nothing that takes long and may not be needed."""

import subprocess
import sys

import pytest

HEAVY = {"matplotlib", "numba", "scipy", "highspy"}
HELP = """
import sys
from crowdcharge.cli import main
sys.argv = ["crowdcharge", "--help"]
try:
    main()
except SystemExit:
    pass
"""


def loaded(code: str) -> set[str]:
    """Return the top-level packages, and crowdcharge's modules, that `code` loads."""
    code += "\nimport sys\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = done.stderr.split()
    return {name.partition(".")[0] for name in names} | set(names)


def test_help_loads_the_table_of_commands_only() -> None:
    assert not loaded(HELP) & (HEAVY | {"numpy", "bleak", "cryptography", "rich", "email"})


def test_the_front_door_loads_nothing_until_a_name_is_used() -> None:
    own = {name for name in loaded("import crowdcharge") if name.startswith("crowdcharge")}
    assert own == {"crowdcharge"}


@pytest.mark.parametrize("heavy", sorted(HEAVY))
def test_the_orchestrator_starts_without(heavy: str) -> None:
    assert heavy not in loaded("import crowdcharge.orchestrator.orchestrator")


def test_the_orchestrator_starts_without_the_market() -> None:
    found = loaded("import crowdcharge.orchestrator.orchestrator")
    assert not {"crowdcharge.market", "cryptography"} & found
