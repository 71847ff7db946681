# SPDX-License-Identifier: MIT
"""The command as its user starts it: a process of its own, whatever PATH has."""

import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-c", "from crowdcharge.cli import main; main()"]


def run_command(
    *arguments: object, timeout_s: float = 110.0, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run the command until it ends; `options` are those of `subprocess.run`."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        **options,
    )


def start_run(path: Path) -> subprocess.Popen[bytes]:
    """Start a run of a configuration; its document comes on stdout."""
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, "run", str(path), "--json"], stdout=pipe, stderr=pipe)
