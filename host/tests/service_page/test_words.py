# SPDX-License-Identifier: MIT
"""The page's pure modules, tested by node on every picture of the recorded runs."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from crowdcharge.service.live import Live

from .recorded import FLOWING_s, Run

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "crowdcharge" / "service" / "window" / "page"


def pictures(name: str) -> list[dict]:
    """Return the snapshot after each event of a run, up to the moment when most flows."""
    run = Run(name)
    live = Live(run.begin)
    shown = []
    for record in run.past:
        live.apply(record)
        shown.append(live.snapshot(curves=False))
    return [*shown, live.snapshot()]


@pytest.mark.program("node", "nodejs")
def test_state_words_and_geometry(tmp_path: Path) -> None:
    told = tmp_path / "pictures.json"
    told.write_text(json.dumps({name: pictures(name) for name in FLOWING_s}), encoding="utf-8")
    done = subprocess.run(
        ["node", "--test", str(HERE / "words.test.mjs")],
        env=os.environ | {"PAGE": str(PAGE), "PICTURES": str(told)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "# pass 20" in done.stdout, done.stdout
