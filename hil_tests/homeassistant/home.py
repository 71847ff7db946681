# SPDX-License-Identifier: MIT
"""A real Home Assistant as a process: started, given its first user, and asked over REST."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

VERSION = "2024.3.3"
WHERE = "CROWDCHARGE_HOMEASSISTANT"  # the variable that names its program
_CONFIGURATION = """
homeassistant:
  name: Test
  time_zone: UTC
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
config:
onboarding:
"""
_START_s = 600.0  # it installs what its parts need at the first start
_ANSWER_s = 300.0
_USER = {"name": "test", "username": "test", "password": "only for this test", "language": "en"}


class Home:
    """`folder` holds its configuration; what it says goes to `home.log` there."""

    def __init__(self, program: Path, folder: Path, port: int) -> None:
        folder.mkdir()
        (folder / "configuration.yaml").write_text(
            _CONFIGURATION.format(port=port), encoding="utf-8"
        )
        self._url = f"http://127.0.0.1:{port}"
        self._token = ""
        with (folder / "home.log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(program), "--config", str(folder)], stdout=log, stderr=log
            )

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def set_up(self) -> None:
        """Wait until it runs, and become its first user."""
        end_s = time.monotonic() + _START_s
        while not self._answers():
            assert self._process.poll() is None, "Home Assistant ended; see home.log"
            assert time.monotonic() < end_s, "Home Assistant did not start; see home.log"
            time.sleep(1)
        client = {"client_id": f"{self._url}/"}
        user = self.ask("/api/onboarding/users", _USER | client)
        grant = {"grant_type": "authorization_code", "code": user["auth_code"], **client}
        self._token = self._send("/auth/token", urlencode(grant).encode())["access_token"]

    def use_broker(self, port: int) -> None:
        """Add the integration MQTT, as a user does."""
        flows = "/api/config/config_entries/flow"
        flow = self.ask(flows, {"handler": "mqtt"})["flow_id"]
        done = self.ask(f"{flows}/{flow}", {"broker": "127.0.0.1", "port": port})
        assert done["type"] == "create_entry", done

    def states(self) -> dict[str, dict[str, Any]]:
        """Return every entity by its name."""
        return {each["entity_id"]: each for each in self.ask("/api/states")}

    def call(self, domain: str, service: str, entity_id: str, **data: str) -> None:
        """Call a service of Home Assistant's on one entity."""
        self.ask(f"/api/services/{domain}/{service}", {"entity_id": entity_id, **data})

    def ask(self, path: str, document: dict[str, Any] | None = None) -> Any:
        return self._send(path, json.dumps(document).encode() if document is not None else None)

    def _send(self, path: str, body: bytes | None) -> Any:
        is_form = path == "/auth/token"
        kind = "application/x-www-form-urlencoded" if is_form else "application/json"
        headers = {"Content-Type": kind}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        with urlopen(Request(self._url + path, body, headers), timeout=_ANSWER_s) as answer:
            return json.load(answer)

    def _answers(self) -> bool:
        try:
            self.ask("/api/onboarding")
        except (URLError, OSError):
            return False
        return True
