# SPDX-License-Identifier: MIT
"""A value that is changed in its file changes what follows from it, and no more."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EVERYWHERE = {"page", "compat", "simulator", "host", "board"}
OF_A_PAIR = EVERYWHERE - {"board"}
CHANGES = {
    "floor": ("huawei", "donor_floor_pct", 20, 60, EVERYWHERE),
    "power of a phone": ("huawei", "gives_mW", 2500, 900, EVERYWHERE),
    "power of a technology": ("qi-bpp", "receives_mW", 5000, 900, OF_A_PAIR),
    "technology": ("huawei", "technology", '"qi-bpp"', '"pma"', OF_A_PAIR),
    "cable": ("huawei", "gives_on_cable", "true", "false", EVERYWHERE - {"host"}),
    "temperature": ("huawei", "battery_max_C", 50, 41, EVERYWHERE - {"host"}),
    "resume": ("huawei", "battery_resume_C", 35, 31, {"page", "compat", "board"}),
    "cold": ("huawei", "battery_min_C", -10, 5, {"page", "compat", "board"}),
    "ping": ("huawei", "ping_timeout_s", 120, 3, {"page", "compat", "board"}),
    "no load": ("huawei", "no_load_timeout_s", 1800, 1, {"page", "compat", "board"}),
    "power by charge": ("huawei", "full_power_from_pct", 90, 80, {"page", "compat"}),
}
ASK = '''
import json
from crowdcharge.orchestrator.profile_rules import ProfileRules
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.bench.board.identity import identity
from crowdcharge.bench.config import BoardConfig
from crowdcharge.profiles import exchange, known
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.run import run
from crowdcharge.simulation.scenario import parse
from generator.profile_page import page
from wptcore.limits import Limits

scenario = parse("""
duration_s = 100
cell_C = 45
[[boards]]
id = 1
soc_pct = 90
profile = "huawei"
cords = [[8, 100]]
[[boards]]
id = 2
soc_pct = 0
profile = "qi-bpp"
[contacts]
list = [[1, 2, 0, 90]]
[link]
power_W = 10
[cord]
power_W = 0.1
[policy]
name = "oblivious-share"
""")
made = run(scenario, 1, LinkModel(10.0, 0.6))
limits = Limits(3000, 5500, 3000, 12_000, 600, 0, 450, 100_000, vbus_interlock=False)
limits.tighten(identity(BoardConfig(1, 50.0, profile=("huawei",)), [], ())["profile"])
rules = ProfileRules({1: ("huawei",), 2: ("qi-bpp",)})
print(json.dumps({
    "page": page(),
    "compat": repr(exchange(known()["huawei"], known()["qi-bpp"], known())),
    "simulator": [(each.end_s, each.sent_J) for each in made.transfers],
    "board": vars(limits),
    "host": repr((rules.may_give(1, 2), rules.tightened(TransferTerms(), 1, 2))),
}))
'''


def told(root: Path) -> dict[str, object]:
    """Ask the checkout at `root`, in a process of its own."""
    folders = [str(root / each) for each in ("host", "firmware", "hardware")]
    text = f"import sys; sys.path[:0] = {folders}\n{ASK}"
    ran = subprocess.run(
        [sys.executable, "-I", "-c", text], capture_output=True, text=True, check=True, cwd=root
    )
    answer: dict[str, object] = json.loads(ran.stdout)
    return answer


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    for folder in ("host/crowdcharge", "firmware/wptcore", "hardware"):
        skip = shutil.ignore_patterns("__pycache__", "_site", "kicad", "wiring")
        shutil.copytree(ROOT / folder, root / folder, ignore=skip)
    return root


@pytest.fixture(scope="module")
def before(checkout: Path) -> dict[str, object]:
    return told(checkout)


@contextmanager
def changed(root: Path, name: str, key: str, old: object, new: object) -> Iterator[None]:
    path = root / "hardware" / "profiles" / f"{name}.toml"
    text = path.read_text()
    line = f"{key} = {{ value = {old},"
    assert text.count(line) == 1
    path.write_text(text.replace(line, f"{key} = {{ value = {new},"))
    try:
        yield
    finally:
        path.write_text(text)


@pytest.mark.parametrize(("name", "key", "old", "new", "where"), CHANGES.values(), ids=CHANGES)
def test_a_changed_value_changes_what_follows_from_it(
    checkout: Path, before: dict[str, object], name: str, key: str, old: object, new: object,
    where: set[str],
) -> None:  # fmt: skip
    with changed(checkout, name, key, old, new):
        after = told(checkout)
    assert {each for each in before if before[each] != after[each]} == where


def test_the_generator_says_in_one_line_what_contradicts(checkout: Path) -> None:
    with changed(checkout, "huawei", "gives_mW", 2500, 9000):
        done = subprocess.run(
            [sys.executable, str(checkout / "hardware" / "generate.py"), "--check"],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": f"{checkout / 'host'}:{checkout / 'firmware'}"},
        )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "huawei.toml, line 9: values.gives_mW: 9000 is more than qi-bpp transmits" in line
