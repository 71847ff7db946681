# SPDX-License-Identifier: MIT
"""`crowdcharge bench` as its user calls it."""

import asyncio
import json
import os
import signal

import pytest

from ...command import COMMAND

pytestmark = [pytest.mark.bench]
BENCH = [*COMMAND, "bench"]


def relative_to_here(folder) -> str:
    return os.path.relpath(folder / "kept")


class Shell:
    def __init__(self, cache) -> None:
        self._environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *BENCH, *arguments, env=self._environment, stdout=pipe, stderr=pipe
        )

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        process = await self.start(*arguments)
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()


async def test_a_bench_from_the_command_line(tmp_path):
    shell = Shell(tmp_path)
    file = tmp_path / "bench.toml"
    file.write_text("[[boards]]\nid = 5\nsoc_pct = 77\n")
    up = await shell.start("up", str(file), "--json", "--folder", relative_to_here(tmp_path))
    ready = json.loads(await up.stdout.readline())
    assert ready["boards"][0]["id"] == 5
    assert (await shell.run("fault", "soc", "5", "soc_pct=33"))[0] == 0
    code, out, _err = await shell.run("status", "--json")
    assert code == 0
    assert json.loads(out)["boards"][0]["soc_pct"] == pytest.approx(33)
    assert "33.0" in (await shell.run("status"))[1]
    assert ready["name"] == "bench"
    code, _out, err = await shell.run("status", "--bench", "other")
    assert (code, err.count("\n")) == (1, 1)
    assert "no bench other is up" in err
    code, _out, err = await shell.run("fault", "soc", "6")
    assert (code, err) == (2, "crowdcharge: there is no board 6 on this bench\n")
    up.send_signal(signal.SIGINT)
    _out, err = await up.communicate()
    assert (up.returncode, err) == (0, b"")
    code, _out, err = await shell.run("status")
    assert (code, err.count("\n")) == (1, 1)
    assert "no bench is up" in err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("up", "none.toml"), "none.toml: No such file"),
        (("fault",), "needs a NAME and a BOARD"),
        (("fault", "kill", "1", "hard"), "'hard' is not KEY=VALUE"),
    ],
)
async def test_mistakes_are_one_line(tmp_path, arguments, text):
    code, out, err = await Shell(tmp_path).run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert text in err


async def test_the_list_of_faults(tmp_path):
    code, out, _err = await Shell(tmp_path).run("fault", "--list")
    assert code == 0
    assert "foreign-object BOARD power_W=0.5\n    A coin on" in out
