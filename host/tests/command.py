# SPDX-License-Identifier: MIT
"""The command as its user starts it: a process of its own, whatever PATH has."""

import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-c", "from crowdcharge.cli import main; main()"]


def start_run(path: Path) -> subprocess.Popen[bytes]:
    """Start a run of a configuration; its document comes on stdout."""
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, "run", str(path), "--json"], stdout=pipe, stderr=pipe)
