# SPDX-License-Identifier: MIT
"""Every file of docs/examples and the Python of the front pages, run as a reader would."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crowdcharge import open_ledger
from crowdcharge.bench.hub.launch import launch

from ..command import COMMAND

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs" / "examples"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
TRIED = {
    "README.md": "test_the_python_of_its_page",
    "ageing.toml": "test_commands",
    "bridge.toml": "test_what_a_bridge_is_worth",
    "days.csv": "test_commands",
    "fleet.toml": "test_commands",
    "bench.toml": "test_the_run_on_its_bench",
    "keys.toml": "test_the_run_on_its_bench",
    "run.toml": "test_the_run_on_its_bench",
    "market.json": "test_commands",
    "movement.txt": "test_commands",
    "policy.py": "test_the_policy",
    "problem.json": "test_commands",
    "scenario.toml": "test_commands",
    "sweep.toml": "test_the_sweep",
    "use.csv": "test_the_forecast",
    "wishes.json": "test_commands",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples"))


def python(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-W", "error", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def python_of(page: Path) -> str:
    (block,) = BLOCK.findall(page.read_text(encoding="utf-8"))
    return block


def test_every_file_is_tried() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == set(TRIED)
    assert set(TRIED.values()) <= set(globals())


@pytest.mark.parametrize(
    ("arguments", "key", "wanted"),
    [
        (("simulate", "scenario.toml"), "policy", "online-average"),
        (("plan", "problem.json"), "status", "ok"),
        (("trade", "market.json"), "exposed", ["ev 0", "ev 1", "ev 2"]),
        (("trade", "wishes.json", "--algorithm-1"), "rounds", 78),
        (("skip", "days.csv"), "skipped", [2, 2]),
        (("route", "fleet.toml"), "unserved", []),
        (("lanes", "movement.txt"), "lanes", [[550.0, 350.0], [650.0, 950.0], [50.0, 1050.0]]),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_commands(folder: Path, arguments: tuple[str, ...], key: str, wanted: object) -> None:
    assert json.loads(python(folder, *COMMAND[1:], *arguments, "--json"))[key] == wanted


def test_what_a_bridge_is_worth(folder: Path) -> None:
    """And the page says it."""
    path, page = folder / "bridge.toml", (folder / "README.md").read_text(encoding="utf-8")
    ends = []
    for profile in ('["pma", "qi-bpp"]', '"qi-bpp"'):
        text = path.read_text(encoding="utf-8").replace('["pma", "qi-bpp"]', profile)
        path.write_text(text, encoding="utf-8")
        made = json.loads(python(folder, *COMMAND[1:], "simulate", "bridge.toml", "--json"))
        ends.append(
            [f"{made['runs'][0][key]:.3f}" for key in ("imbalance_before", "imbalance_after")]
        )
    (before, after), (_, apart) = ends
    assert (
        f'from {before} to {after}; without `"pma"` in its last profile it stays {apart}' in page
    )


def test_the_forecast(folder: Path) -> None:
    made = json.loads(python(folder, *COMMAND[1:], "forecast", "use.csv", "--json"))
    assert {user: each["hours"] for user, each in made.items()} == {"ann": 165, "ben": 165}


@pytest.mark.slow
def test_the_sweep(folder: Path) -> None:
    arguments = ("simulate", "scenario.toml", "--sweep", "sweep.toml", "--out", "sweep.parquet")
    assert python(folder, *COMMAND[1:], *arguments) == "wrote sweep.parquet: 12 rows\n"
    assert (folder / "sweep.parquet").stat().st_size > 0


def test_the_policy(folder: Path) -> None:
    lines = python(folder, "policy.py").splitlines()
    imbalances = [float(line.split("imbalance ")[1].split(",")[0]) for line in lines]
    assert imbalances == sorted(imbalances)  # a larger gap balances less
    assert imbalances[0] < imbalances[-1]


def test_the_python_of_its_page(folder: Path) -> None:
    plan, clearing, crowd = python(folder, "-c", python_of(EXAMPLES / "README.md")).splitlines()
    assert plan.startswith("loss 16.9 J in ")
    assert clearing.startswith("price 29.")
    assert crowd.startswith("imbalance 0.")


def test_the_python_of_the_reference(tmp_path: Path) -> None:
    page = ROOT / "docs" / "reference" / "python.md"
    half, agents = python(tmp_path, "-c", python_of(page)).splitlines()
    assert re.fullmatch(r"half the imbalance after [1-9]\d+ interactions", half)
    assert agents == "['agent', 'initial_J', 'final_J'] 1000"


def test_the_readme_has_at_most_ten_lines_of_python() -> None:
    block = python_of(ROOT / "README.md")
    assert len([line for line in block.splitlines() if line]) <= 10
    compile(block, "README.md", "exec")


@pytest.mark.bench
@pytest.mark.vm
@pytest.mark.slow
def test_the_python_of_the_readme(tmp_path: Path) -> None:
    *transfers, last = python(tmp_path, "-c", python_of(ROOT / "README.md")).splitlines()
    assert len(transfers) >= 3
    assert all(re.fullmatch(r"\d -> \d: \d+ of \d+ mJ", line) for line in transfers)
    assert re.fullmatch(r"efficiency \d+\.\d%, imbalance 0\.\d{3}", last)


@pytest.mark.bench
@pytest.mark.vm
@pytest.mark.slow
async def test_the_run_on_its_bench(folder: Path) -> None:
    async with launch(folder / "bench.toml") as bench:
        file = folder / "run.toml"
        text = file.read_text(encoding="utf-8")
        text = re.sub(r'transport = "[^"]*"', f'transport = "{bench.transport}"', text)
        text = text.replace("[contacts]", f'[contacts]\ncontrol = "{bench.control_path}"')
        file.write_text(text, encoding="utf-8")
        (folder / "keys.toml").chmod(0o600)
        python(folder, *COMMAND[1:], "run", "run.toml", "--json")
    run = open_ledger(folder / "out" / "ledger.sqlite")
    assert {transfer.state for transfer in run.transfers} == {"settled"}
    assert run.imbalance_after < run.imbalance_before
