# SPDX-License-Identifier: MIT
"""CircuitPython's `board`: every pin that the board's generated module names."""

from machine import _board


class _Pin:
    def __init__(self, name):
        self._name = name

    def __repr__(self):
        return "board." + self._name


for _name in _board["pins"]:
    globals()[_name] = _Pin(_name)
