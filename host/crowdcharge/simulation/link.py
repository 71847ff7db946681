# SPDX-License-Identifier: MIT
"""PURE: the link of a simulated transfer: how fast energy leaves and how much arrives."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError


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
    """Read CSV with the header `sent_W,received_W` and rising sent_W: (k, 2).

    InputError names a wrong line.
    """
    rows: list[list[float]] = []
    for number, text in enumerate(lines, 1):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        fields = [field.strip() for field in text.split(",")]
        if fields == ["sent_W", "received_W"] and not rows:
            continue
        try:
            row = [float(field) for field in fields]
        except ValueError:
            row = []
        before_W = rows[-1][0] if rows else 0.0
        if len(row) != 2 or not before_W < row[0] < inf or not 0 < row[1] <= row[0]:
            raise InputError(
                f"{name}:{number}: expected sent_W,received_W with rising sent_W and"
                " 0 < received_W <= sent_W"
            )
        rows.append(row)
    if not rows:
        raise InputError(f"{name}: no measured points")
    return np.array(rows)
