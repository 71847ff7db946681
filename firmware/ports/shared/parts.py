# SPDX-License-Identifier: MIT
"""Loads a part of the core for one use, and lets it go: what it takes, a transfer may need."""

import sys


def part(name: str):
    """Return a module of the core that only its caller keeps."""
    package = __import__("wptcore." + name)
    found = getattr(package, name)
    delattr(package, name)
    del sys.modules["wptcore." + name]
    return found
