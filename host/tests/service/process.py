# SPDX-License-Identifier: MIT
"""`crowdcharge serve` as a process of its own, and what a browser does with it."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..command import COMMAND


class Served:
    """A service, its first line on stdout read; `token` is the one that may act."""

    def __init__(self, process: subprocess.Popen[str], url: str, out: Path) -> None:
        self.process = process
        self.url = url
        self._out = out

    def get(self, path: str, timeout_s: float = 60.0) -> Any:
        with urllib.request.urlopen(f"{self.url}api/v1/{path}", timeout=timeout_s) as answer:
            return json.load(answer)

    def post(self, path: str, **body: Any) -> tuple[int, Any]:
        """Return the status and the body of an action, with the token."""
        request = urllib.request.Request(
            f"{self.url}api/v1/{path}",
            json.dumps(body).encode(),
            {
                "Content-Type": "application/json",
                "Authorization": f"Bearer {(self._out / 'token').read_text().strip()}",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def snapshot(self) -> Any:
        return self.get("snapshot?curves=0")

    def until(self, holds: Callable[[Any], bool], timeout_s: float = 60.0) -> Any:
        """Return the first snapshot for which something holds."""
        give_up_s = time.monotonic() + timeout_s
        while time.monotonic() < give_up_s:
            shown = self.snapshot()
            if holds(shown):
                return shown
            time.sleep(0.2)
        raise AssertionError(f"never seen; at the end: {shown}")

    def window(self) -> int:
        """Return the process of its window."""
        pid = self.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if b"crowdcharge.service.window" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        raise AssertionError("there is no window")


@contextmanager
def serving(*arguments: str, out: Path) -> Iterator[Served]:
    """Run a command that serves until the block ends, or until it has ended before."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*COMMAND, *arguments], stdout=pipe, text=True) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            assert url.startswith("http://")
            assert (out / "token").is_file()  # a script reads both at once
            yield Served(process, url, out)
        finally:
            process.kill()
