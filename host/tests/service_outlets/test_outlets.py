# SPDX-License-Identifier: MIT
"""Outlets as the run's file has them: only what it names, and none that can end the window."""

import asyncio
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from crowdcharge.orchestrator import config
from crowdcharge.service.window.outlets import outlets

from .broker import free_port
from .crowd import Crowd, until
from .receiver import receiver

RUN = '[run]\npolicy = "online-average"\nkeys = "k"\nout = "o"\n[contacts]\nsource = "ping"\n'


def crowd_with(text: str) -> Crowd:
    """Return a crowd whose hello holds a run's file as the engine sends it."""
    crowd, read = Crowd(), config.parse(RUN + text, Path("/runs/run.toml"))
    crowd.hub.config = {name: asdict(getattr(read, name)) for name in ("mqtt", "notify", "traces")}
    return crowd


async def said(text: str, capsys: pytest.CaptureFixture[str], act: Any = None) -> list[str]:
    crowd = crowd_with(text)
    async with outlets(crowd.hub):
        await asyncio.sleep(1.0)
        if act:
            await act(crowd)
    return capsys.readouterr().err.splitlines()


async def test_what_the_file_does_not_name_says_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await said("", capsys) == []


def test_what_the_file_does_not_name_is_not_loaded() -> None:
    code = "import crowdcharge.service.window.outlets, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "crowdcharge.service.window.outlets" in done.stdout.split()
    assert not {"aiomqtt", "apprise", "opentelemetry"} & set(done.stdout.split())


@pytest.mark.parametrize(
    ("text", "module", "extra"),
    [
        ('[mqtt]\nurl = "mqtt://127.0.0.1"', "aiomqtt", "mqtt"),
        ('[notify]\nurls = ["ntfy://127.0.0.1/a"]', "apprise", "notify"),
        ('[traces]\nendpoint = "http://127.0.0.1"', "opentelemetry", "traces"),
    ],
)
async def test_a_package_that_is_missing_is_one_line(
    text: str,
    module: str,
    extra: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, f"crowdcharge.service.window.{extra}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    (line,) = await said(text, capsys)
    assert line.startswith(f"crowdcharge: {extra}: needs the package {module}")
    assert f"pip install 'crowdcharge[{extra}]'" in line


async def test_a_file_of_addresses_that_is_missing_is_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (line,) = await said('[notify]\nurls_file = "addresses"', capsys)
    assert line.startswith("crowdcharge: notify: /runs/addresses: No such file or directory")


async def test_a_broker_that_is_away_keeps_no_other_from_its_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with receiver() as heard:
        text = (
            f'[mqtt]\nurl = "mqtt://127.0.0.1:{free_port()}"\n'
            f'[traces]\nendpoint = "http://127.0.0.1:{heard.port}/v1/traces"\n'
        )

        async def transfer(crowd: Crowd) -> None:
            crowd.start()
            crowd.end()
            crowd.settle()
            await until(lambda: heard.posted)

        (line,) = await said(text, capsys, transfer)
    assert "Connection refused" in line
