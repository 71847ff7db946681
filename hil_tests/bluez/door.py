# SPDX-License-Identifier: MIT
"""Serve one connection out of the guest; QEMU starts this with the connection as its stdio.

The first line says what it is for: {"bench": "..."} starts a hub here from that bench file, which
sends its ready line and lives as long as the connection; {"control": path} connects to such a
hub's control socket. So boards and physics run at the machine's own speed, and only the tested
software is emulated.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import BinaryIO


def run_hub(bench: str, results: Path) -> None:
    """Run a hub with the connection as its stdin and stdout; console logs go to `results`."""
    # Paths of sockets must be short, so they are not below `results`.
    with tempfile.TemporaryDirectory(prefix="crowdcharge-") as name:
        folder = Path(name)
        (folder / "bench.toml").write_text(bench, encoding="utf-8")
        hub = [sys.executable, "-m", "crowdcharge.bench.hub", "--until-eof"]
        with (folder / "hub.log").open("w") as log:
            command = [*hub, str(folder / "bench.toml"), "--folder", str(folder)]
            subprocess.run(command, stderr=log, check=False)
        for log_path in folder.rglob("*.log"):
            kept = results / folder.name / log_path.relative_to(folder)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(log_path, kept)


def call(control: str, guest: BinaryIO) -> None:
    """Copy both ways until one side ends."""
    with socket.socket(socket.AF_UNIX) as hub:
        hub.connect(control)
        threading.Thread(target=copy_answers, args=(hub,), daemon=True).start()
        while data := guest.read1(1 << 16):  # type: ignore[attr-defined]  # of BufferedReader
            hub.sendall(data)


def copy_answers(hub: socket.socket) -> None:
    while data := hub.recv(1 << 16):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    os._exit(0)  # the reader above waits for the guest


def main() -> None:
    guest = sys.stdin.buffer
    wanted = json.loads(guest.readline())
    if "bench" in wanted:
        run_hub(wanted["bench"], Path(sys.argv[1]))
    else:
        call(wanted["control"], guest)


if __name__ == "__main__":
    main()
