# SPDX-License-Identifier: MIT
"""The reverse proxies of the how-to, as it writes them, before a real window."""

import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from .engine import Engine, reading, until
from .sse import next_of, stream

HOWTO = Path(__file__).parents[3] / "docs" / "howto" / "reverse-proxy.md"
NAME = "bench.example.org"
NGINX = """
daemon off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    {server}
}}
"""
CADDY = """
{{
    admin off
    auto_https disable_redirects
    local_certs
    skip_install_trust
    https_port {port}
}}
{server}
"""


def written(language: str) -> str:
    text = HOWTO.read_text(encoding="utf-8")
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    env = {"HOME": str(folder), "PATH": "/usr/bin:/usr/sbin:/bin"}
    with (folder / "log").open("w") as log:
        proxy = subprocess.Popen(command, stdout=log, stderr=log, env=env)
        try:
            until(lambda: _listens(port), 20)
            yield
        finally:
            proxy.terminate()
            proxy.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def client(port: int, token: str | None = None) -> httpx.Client:
    """Speak TLS to the proxy's name, as a browser with its certificate accepted."""
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    made = httpx.Client(verify=trusting, headers=headers, trust_env=False, timeout=20)
    made.base_url = f"https://127.0.0.1:{port}"
    made.headers["Host"] = NAME
    return made


def assert_guarded(engine: Engine, port: int) -> None:
    name = {"sni_hostname": NAME}
    with client(port) as stranger:
        assert stranger.get("/healthz", extensions=name).status_code == 200
        assert stranger.get("/api/v1/boards", extensions=name).status_code == 401
    with client(port, engine.tokens.act) as teacher:
        origin = {"Origin": f"https://{NAME}"}
        assert teacher.post("/api/v1/pause", headers=origin, extensions=name).status_code == 200
        link = teacher.get("/api/v1/classroom", extensions=name).json()["link"]
        assert link.startswith(f"https://{NAME}/#view=")
        with stream(teacher, extensions=name) as told:
            assert next(told).kind == "snapshot"
            engine.emit(reading(1, 321))
            assert next_of(told, "event").data["soc_permille"] == 321


@pytest.mark.program("nginx", "nginx-light")
@pytest.mark.program("openssl", "openssl")
def test_nginx(engine: Engine, tmp_path: Path) -> None:
    port = free_port()
    pair = ["-keyout", str(tmp_path / "bench.key"), "-out", str(tmp_path / "bench.pem")]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={NAME}"]
    subprocess.run(made + pair, check=True, capture_output=True)
    server = written("nginx").replace("/etc/ssl", str(tmp_path)).replace("8722", str(engine.port))
    server = server.replace("listen 443", f"listen 127.0.0.1:{port}")
    path = tmp_path / "nginx.conf"
    path.write_text(NGINX.format(folder=tmp_path, server=server))
    with running(["nginx", "-c", str(path), "-p", str(tmp_path)], tmp_path, port):
        assert_guarded(engine, port)
    assert engine.tokens.watch not in (tmp_path / "access.log").read_text()


@pytest.mark.program("nginx", "nginx-light")
def test_nginx_that_nobody_told_for_whom_it_speaks_opens_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    port = free_port()
    hands_on = f"location / {{ proxy_pass http://127.0.0.1:{engine.port}; }}"
    server = f"server {{ listen 127.0.0.1:{port}; {hands_on} }}"
    path = tmp_path / "nginx.conf"
    path.write_text(NGINX.format(folder=tmp_path, server=server))
    with running(["nginx", "-c", str(path), "-p", str(tmp_path)], tmp_path, port):
        there = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{there}/healthz", trust_env=False).status_code == 200
        assert httpx.get(f"{there}/api/v1/boards", trust_env=False).status_code == 401


@pytest.mark.program("caddy", "caddy")
def test_caddy(engine: Engine, tmp_path: Path) -> None:
    port = free_port()
    path = tmp_path / "Caddyfile"
    server = written("caddy").replace("8722", str(engine.port))
    path.write_text(CADDY.format(port=port, server=server))
    caddy = shutil.which("caddy") or ""
    command = [caddy, "run", "--config", str(path), "--adapter", "caddyfile"]
    with running(command, tmp_path, port):
        assert_guarded(engine, port)
