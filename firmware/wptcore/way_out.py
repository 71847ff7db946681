# SPDX-License-Identifier: MIT
"""Names of the faults that stand, and the way out of each, for the console.

docs/howto/a-fault-stands.md says more. The names are those of ept.py, so they cost no memory.
"""

from wptcore import ept
from wptcore.declared import BY_HOST, CLEAR_BY, FAULTS


def name_of(code: int) -> str:
    for name in dir(ept):
        if name[0] != "_" and getattr(ept, name) == code:
            return name
    return "0x%02X" % code


def fault_named(name: str) -> int:
    """Return the code of a declared fault; ValueError for any other name."""
    code = getattr(ept, name, -1)
    if code not in [row[0] for row in FAULTS]:
        raise ValueError("range: no fault has that name")
    return code


def describe(codes: bytes) -> list:
    """Return the pairs that `status` and `selftest` show for the codes that stand."""
    names = ",".join(name_of(code) for code in codes)
    ways = ", ".join(_way_out(code) for code in codes)
    return [("faults", names or "none"), ("way_out", ways or "none")]


def _way_out(code: int) -> str:
    if code not in CLEAR_BY:
        return name_of(code) + " goes with its cause"
    if CLEAR_BY[code] == BY_HOST:
        return "a host clears " + name_of(code)
    return "clear " + name_of(code)
