# SPDX-License-Identifier: MIT
# ruff: noqa: E402 - the order of these imports is the point
"""CircuitPython's names on the bench's VM, instead of MicroPython's.

The modules of shims/circuitpython are built on `machine`, `bluetooth` and `time` of this folder,
which are then removed: firmware of this port finds what CircuitPython has and nothing else. This
checks the firmware's logic and its use of the API. It is not CircuitPython: its VM, its `_bleio`
and its timing are not here.
"""

import sys

# First, because its _ble_central goes before the one of this folder.
sys.path.insert(0, __file__.rpartition("/")[0] + "/circuitpython")

import bluetooth
import machine

for _name in [
    "_bleio",
    "analogio",
    "board",
    "busio",
    "digitalio",
    "microcontroller",
    "supervisor",
    "usb_cdc",
    "watchdog",
]:
    __import__(_name)
for _module in (machine, bluetooth):
    sys.modules.pop(_module.__name__)
import _circuitpython_hashlib
import _circuitpython_struct
import _circuitpython_time

sys.modules["hashlib"] = _circuitpython_hashlib
sys.modules["struct"] = _circuitpython_struct
sys.modules["time"] = _circuitpython_time
for _name in ("uctypes", "umachine"):
    sys.modules.pop(_name, None)
