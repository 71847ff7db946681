# SPDX-License-Identifier: MIT
"""PURE: what a scenario may say about a trace file beyond its format."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

UNITS_s = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
COLUMNS = ("a", "b", "start", "end", "lasts")
Column = str | int  # a name in the header, or a position counted from 1


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """`unit` is that of times in the file. A `lasts_s` or `range_m` of 0 was not given."""

    unit: str = "s"
    columns: Mapping[str, Column] = field(default_factory=dict)
    lasts_s: float = 0.0
    range_m: float = 0.0
    rssi_least_dBm: float = -80.0

    @property
    def unit_s(self) -> float:
        return UNITS_s[self.unit]

    @property
    def guess(self) -> "TraceOptions":
        """Return options with which every format can be tried on a few lines."""
        return replace(self, columns={}, lasts_s=1.0, range_m=1.0)


AS_PUBLISHED = TraceOptions()
