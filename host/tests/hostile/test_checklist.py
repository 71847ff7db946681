# SPDX-License-Identifier: MIT
"""`crowdcharge checklist` as a process, against boards with the real firmware."""

import asyncio
import json
from pathlib import Path

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.boards import keys as key_file

from ..command import COMMAND

pytestmark = [
    pytest.mark.bench,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="function"),
]

KEYS = {number: bytes([number]) * 32 for number in (1, 2, 3)}
BENCH = BenchConfig((BoardConfig(1, 60.0, key=KEYS[1].hex()), BoardConfig(2, 30.0, key="09" * 32)))


async def asked(run: Path, *arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "checklist", str(run), "--seconds", "3", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, error = await process.communicate()
    return process.returncode, out.decode(), error.decode()


async def test_a_board_is_ready_or_the_reason_is_said(tmp_path):
    run = tmp_path / "run.toml"
    key_file.save(tmp_path / "keys.toml", KEYS)
    async with launch(BENCH, tmp_path / "bench") as bench:
        run.write_text(
            '[run]\npolicy = "online-average"\nkeys = "keys.toml"\nout = "out"\n'
            f'[radio]\ntransport = "{bench.transports[0]}"\n[contacts]\nslots = [[[1, 2]]]\n'
        )
        code, out, error = await asked(run, "--json")
        assert (code, error) == (1, "")
        ready, impostor, absent = json.loads(out)["boards"]
        assert ready["reasons"] == []
        assert ready["soc_pct"] == pytest.approx(60, abs=2)
        assert "2" in impostor["reasons"][0]
        assert impostor["soc_pct"] is None
        assert "has not been heard" in absent["reasons"][0]

        await bench.control.fault("hot-coil", 1)
        for _ in range(10):
            _, out, _ = await asked(run)
            if "not ready because" in out and "OVER_TEMPERATURE" in out:
                break
        assert "OVER_TEMPERATURE" in out
    assert not (tmp_path / "out").exists(), "a checklist writes nothing"
