# SPDX-License-Identifier: MIT
"""A process with this on its path has a wall clock as wrong as a file says, in seconds."""

import os
import time
from pathlib import Path

_true_s, _file = time.time, Path(os.environ["WRONG_CLOCK"])
time.time = lambda: _true_s() + float(_file.read_text(encoding="utf-8"))
