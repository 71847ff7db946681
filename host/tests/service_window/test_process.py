# SPDX-License-Identifier: MIT
"""The window as a process: it ends with its engine, and refuses tokens that others can read."""

import signal
import socket
import time
from pathlib import Path

import httpx
import pytest

from .engine import Engine
from .sse import stream


def test_it_ends_with_its_engine_and_ends_its_streams(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    with engine.client() as client, stream(client) as told:
        assert next(told).kind == "snapshot"
        started_s = time.monotonic()
        assert engine.close() == ""
        assert [each.kind for each in told if each.kind != "tick"] == []
    assert engine.process.returncode == 0
    assert time.monotonic() - started_s < 10


def test_ctrl_c_of_the_terminal_is_the_engines_to_answer(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine.process.send_signal(signal.SIGINT)
    with engine.client() as client:
        assert client.get("/healthz").status_code == 200
    assert engine.close() == ""
    assert engine.process.returncode == 0


def test_a_token_that_others_can_read_is_one_line_and_code_2(tmp_path: Path) -> None:
    engine = Engine(tmp_path, spoil=lambda: (tmp_path / "token").chmod(0o644))
    said = engine.close()
    assert said.count("\n") == 1
    assert "others can read the token file" in said
    assert engine.process.returncode == 2


def test_a_page_of_another_machine_needs_a_token(tmp_path: Path) -> None:
    """Come by this machine's own address, as a phone on the same network would."""
    own = own_address()
    engine = Engine(tmp_path, host="0.0.0.0")
    url = f"http://{own}:{engine.port}"
    view = {"Authorization": f"Bearer {engine.tokens.watch}"}
    assert httpx.get(f"{url}/api/v1/boards", trust_env=False).status_code == 401
    assert httpx.get(f"{url}/api/v1/boards", headers=view, trust_env=False).status_code == 200
    act = {"Authorization": f"Bearer {engine.tokens.act}"}
    link = httpx.get(f"{url}/api/v1/classroom", headers=act, trust_env=False).json()["link"]
    assert link == f"{url}/#view={engine.tokens.watch}"
    near = {"Host": "localhost"}  # a forged name does not make a stranger near
    assert httpx.get(f"{url}/api/v1/boards", headers=near, trust_env=False).status_code == 401
    assert engine.close() == ""


def own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; asks which address would be used
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])
