# SPDX-License-Identifier: MIT
"""CircuitPython's `board`: every pin that the board's generated module names."""

from machine import _board

_used = set()


class _Pin:
    def __init__(self, name):
        self._name = name

    def _claim(self):
        """Take the pin: one part of the chip uses it at a time."""
        if self._name in _used:
            raise ValueError("%s in use" % self._name)
        _used.add(self._name)

    def _release(self):
        _used.discard(self._name)

    def __repr__(self):
        return "board." + self._name


for _name in _board["pins"]:
    globals()[_name] = _Pin(_name)
