# SPDX-License-Identifier: MIT
"""One user's file decides in all three places: simulator, virtual boards, and a run's own boards.

The boards of the third are virtual too, but the command takes them for any boards: it has their
keys and a radio, and knows of no scenario.
"""

import asyncio
import json
from pathlib import Path

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards import keys as key_file

from ..command import run_command

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(300)]

MINE = Path(__file__).parents[3] / "docs" / "examples" / "policy.py"
SOCS_pct = {1: 90, 2: 20, 3: 60, 4: 50}  # 1 and 2 differ by more than gap_J, 3 and 4 by less
KEYS = {board_id: bytes([board_id]) * 32 for board_id in SOCS_pct}
POLICY = 'name = "mine:LargeGapsOnly"\ngap_J = 30.0\n'
BOARDS = "".join(
    f"[[boards]]\nid = {board_id}\nsoc_pct = {soc}\n" for board_id, soc in SOCS_pct.items()
)
SCENARIO = f"""
duration_s = 40
[contacts]
list = [[1, 2, 0, 40], [3, 4, 0, 40]]
[link]
power_W = 4
[policy]
{POLICY}
{BOARDS}
"""


def crowdcharge(folder: Path, *arguments: str) -> dict:
    ended = run_command(*arguments, "--json", timeout_s=280, cwd=folder)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def pairs(summary: dict) -> set[tuple[int, int]]:
    return {(each["ptx"], each["prx"]) for each in summary["transfers"]}


async def test_one_file_of_a_user_s_decides_in_all_three_places(tmp_path):
    (tmp_path / "mine.py").write_text(MINE.read_text())
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    simulated = crowdcharge(tmp_path, "simulate", "scenario.toml")
    assert [run["transfers"] for run in simulated["runs"]] == [1]

    summary = crowdcharge(tmp_path, "run", "scenario.toml", "--out", "virtual")
    told = json.loads((tmp_path / "virtual" / "prediction.json").read_text())
    (met,) = [each for each in told["contacts"] if each["boards"] == [1, 2]]
    assert pairs(summary) == {(1, 2)}
    assert met["metered"]["received_J"] == pytest.approx(met["simulated"]["received_J"], rel=0.1)

    key_file.save(tmp_path / "keys.toml", KEYS)
    boards = tuple(BoardConfig(each, soc, key=KEYS[each].hex()) for each, soc in SOCS_pct.items())
    lying = ContactsConfig(((Placement((1, 2)), Placement((3, 4))),), 1000.0)
    async with launch(BenchConfig(boards, contacts=lying, speed=4.0)) as bench:
        (tmp_path / "run.toml").write_text(
            '[run]\npolicy = "mine:LargeGapsOnly"\npolicy_options = { gap_J = 30.0 }\n'
            'keys = "keys.toml"\nout = "out"\nduration_s = 40\n'
            f'[radio]\ntransport = "{bench.transport}"\nspeed = 4.0\n'
            f'[contacts]\nsource = "bench"\ncontrol = "{bench.control_path}"\nslot_s = 20.0\n'
        )
        summary = await asyncio.to_thread(crowdcharge, tmp_path, "run", "run.toml")
    assert pairs(summary) == {(1, 2)}
    assert summary["policy"] == "mine:LargeGapsOnly"
