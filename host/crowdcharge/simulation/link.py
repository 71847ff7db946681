# SPDX-License-Identifier: MIT
"""PURE: the link of a simulated transfer: how fast energy leaves and how much arrives."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.simulation.traces.rows import positions, rows_of


@dataclass(frozen=True, slots=True)
class LinkModel:
    """A link that takes `power_W` from the transmitter; if infinite, transfers take no time.

    `start_J` leaves the transmitter before anything arrives (handshake, foreign-object check).
    The efficiency is constant: temperature, alignment and the taper of a full battery are not
    modelled here; the virtual bench does that.
    """

    power_W: float = inf
    efficiency: float = 0.8
    start_J: float = 0.0

    def __post_init__(self) -> None:
        if not self.power_W > 0 or not 0 < self.efficiency <= 1 or not 0 <= self.start_J < inf:
            raise InputError("link: power_W > 0, 0 < efficiency <= 1 and start_J >= 0 are needed")

    @property
    def beta(self) -> float:
        return 1 - self.efficiency

    def received_J(self, sent_J: float) -> float:
        return self.efficiency * max(sent_J - self.start_J, 0.0)


def efficiency_at(curve: NDArray[np.float64], power_W: float) -> float:
    """Interpolate the efficiency at this power from a measured curve, rows (sent W, received W).

    InputError outside the measured range.
    """
    sent_W, received_W = curve.T
    if not sent_W[0] <= power_W <= sent_W[-1]:
        raise InputError(
            f"the measured curve covers {sent_W[0]:g} to {sent_W[-1]:g} W, not {power_W:g} W"
        )
    return float(np.interp(power_W, sent_W, received_W) / power_W)


def read_curve(lines: Iterable[str], name: str) -> NDArray[np.float64]:
    """Read a table with the columns sent_W and received_W and rising sent_W: (k, 2).

    The header may be left out if the table has just these two columns. InputError names a wrong
    line.
    """
    rows: list[list[float]] = []
    where = [0, 1]
    for count, row in enumerate(rows_of(lines, name, 2)):
        if count == 0 and row.is_header:
            where = positions(row, ("sent_W", "received_W"))
            continue
        sent_W, received_W = (row.number_at(index) for index in where)
        before_W = rows[-1][0] if rows else 0.0
        row.expect(
            before_W < sent_W and 0 < received_W <= sent_W,
            "expected rising sent_W and 0 < received_W <= sent_W",
        )
        rows.append([sent_W, received_W])
    if not rows:
        raise InputError(f"{name}: no measured points")
    return np.array(rows)
