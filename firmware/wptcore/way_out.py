# SPDX-License-Identifier: MIT
"""Names of the faults that stand, and the way out of each, for the console.

docs/howto/a-fault-stands.md says more. The names are loaded when one is asked for.
"""

from wptcore.declared import BY_HOST, CLEAR_BY, FAULTS


def name_of(code: int) -> str:
    from wptcore.ept_names import NAMES

    start = NAMES.find("%02X " % code)  # no list of lines: a heap in pieces has no room for it
    if start < 0:
        return "0x%02X" % code
    return NAMES[start + 3 : NAMES.find("\n", start)]


def fault_named(name: str) -> int:
    """Return the code of a declared fault; ValueError for any other name."""
    for row in FAULTS:
        if name_of(row[0]) == name:
            return row[0]
    raise ValueError("range: no fault has that name")


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
