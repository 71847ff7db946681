# SPDX-License-Identifier: MIT
"""PURE: least squares for a meter's correction and for a loss curve, with uncertainties.

Standard uncertainties (k = 1) follow the GUM (JCGM 100:2008): the spread of the residuals of
ordinary least squares and the reference's uncertainty are added in quadrature.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crowdcharge.errors import InputError

SPAN_MIN_mA = 50.0
_RANGE_MIN = 1.3  # the largest received power over the smallest
_PAIRS_MIN = 12
_THRESHOLD_SIGMAS = 4.0
_THRESHOLD_MIN_mW = 250
_CONDITION_MAX = 1e5  # of the scaled terms: beyond it, noise decides
_UNCERTAINTY_MAX = (
    0.1  # the curve's standard uncertainty over its own value, where it was measured
)


@dataclass(frozen=True, slots=True)
class Point:
    """One load: the reference's value, our meter's raw mean, and the spread of that mean.

    All are in the quantity's milli-unit: mA for a current, mV for a bus voltage.
    """

    reference: float
    raw: float
    spread: float


@dataclass(frozen=True, slots=True)
class Correction:
    """A meter's correction: true = (raw - offset) x (1 + gain). `u_*`: standard uncertainties.

    Offsets are in the quantity's micro-unit: uA for a current, uV for a bus voltage.
    """

    gain_ppm: int
    offset: int
    u_gain_ppm: float
    u_offset: float


@dataclass(frozen=True, slots=True)
class Curve:
    """The arguments of wptcore.fod.LossCurve, with `u_*` and the rms `residual_mW` of the fit."""

    offset_mW: int
    linear_permille: int
    square_permille_per_W: int
    threshold_mW: int
    residual_mW: float
    u_offset_mW: float
    u_linear_permille: float
    u_square_permille_per_W: float
    pairs: int
    received_min_mW: float
    received_max_mW: float

    @property
    def values(self) -> tuple[int, int, int, int]:
        return (
            self.offset_mW,
            self.linear_permille,
            self.square_permille_per_W,
            self.threshold_mW,
        )


def correction(
    points: Sequence[Point], reference_ppm: float, span_min: float = SPAN_MIN_mA
) -> Correction:
    """Fit a correction; `reference_ppm` is the reference's uncertainty.

    InputError: the references span less than `span_min`, a number is not finite, or the meter does
    not follow its reference.
    """
    true = np.array([point.reference for point in points])
    _need_finite("reference", true, [reference_ppm])
    _need_finite("reading", [(point.raw, point.spread) for point in points])
    span = float(np.ptp(true)) if len(points) else 0.0
    if span < span_min:
        raise InputError(f"a gain needs two references at least {span_min:g} apart; add a point")
    raw = np.array([point.raw for point in points])
    spread = np.array([max(point.spread, 1e-4) for point in points])
    terms = np.column_stack((true, np.ones_like(true)))
    (slope, offset), covariance = _weighted(terms, raw, spread)
    if slope <= 0:
        raise InputError(
            "the meter does not rise with the reference: look at the order of the loads and at the"
            " polarity of the shunt"
        )
    return Correction(
        gain_ppm=round((1 / slope - 1) * 1e6),
        offset=round(offset * 1000),
        u_gain_ppm=float(np.hypot(np.sqrt(covariance[0, 0]) * 1e6, reference_ppm)),
        u_offset=float(np.sqrt(covariance[1, 1])) * 1000,
    )


def loss_curve(sent_mW: Sequence[float], received_mW: Sequence[float]) -> Curve:
    """Fit P_sent = c + b P_received + a P_received^2 to steady pairs of all powers and gaps.

    The threshold is four times the residuals' spread, so it covers the gaps that were measured.
    InputError: there are too few pairs, all are at about one power, or the curve that fits them is
    no loss curve (see `_check_curve`).
    """
    sent, received = np.asarray(sent_mW, float), np.asarray(received_mW, float)
    _need_finite("power", sent, received)
    if len(sent) < _PAIRS_MIN:
        raise InputError(
            f"a loss curve needs {_PAIRS_MIN} steady pairs of powers, there are {len(sent)}:"
            " let transfers run longer"
        )
    if received.min() <= 0 or received.max() < _RANGE_MIN * received.min():
        raise InputError(
            f"all transfers ran at about {received.mean():.0f} mW: a loss curve needs several"
            " powers (other gaps, or a receiver that is nearly full)"
        )
    terms = np.column_stack((np.ones_like(received), received, received**2 / 1000))
    values, covariance = _weighted(terms, sent, np.ones_like(sent))
    residual_mW = float(np.sqrt(np.sum((sent - terms @ values) ** 2) / (len(sent) - 3)))
    covariance *= residual_mW**2
    u = np.sqrt(np.diag(covariance))
    _check_curve(values, covariance, received)
    return Curve(
        offset_mW=round(values[0]),
        linear_permille=round(values[1] * 1000),
        square_permille_per_W=round(values[2] * 1000),
        threshold_mW=max(round(_THRESHOLD_SIGMAS * residual_mW), _THRESHOLD_MIN_mW),
        residual_mW=residual_mW,
        u_offset_mW=float(u[0]),
        u_linear_permille=float(u[1] * 1000),
        u_square_permille_per_W=float(u[2] * 1000),
        pairs=len(sent),
        received_min_mW=float(received.min()),
        received_max_mW=float(received.max()),
    )


def _check_curve(values: np.ndarray, covariance: np.ndarray, received_mW: np.ndarray) -> None:
    """Refuse what no rig can do, or what these pairs do not determine.

    Over the measured range the sent power must rise, stay above the received, and be known to a
    tenth. Two clusters of pairs determine a line and no square.
    """
    at_mW = np.linspace(received_mW.min(), received_mW.max(), 50)
    terms = np.column_stack((np.ones_like(at_mW), at_mW, at_mW**2 / 1000))
    curve_mW = terms @ values
    rises = bool(np.all(np.diff(curve_mW) > 0))
    if not rises or np.any(curve_mW < at_mW):
        raise InputError(
            "these pairs give a curve that falls, or that receives more than is sent: measure at"
            " more powers and gaps, with the meters calibrated and no object between the coils"
        )
    u_mW = np.sqrt(np.einsum("ij,jk,ik->i", terms, covariance, terms))
    if np.any(u_mW > _UNCERTAINTY_MAX * curve_mW):
        raise InputError(
            f"these pairs leave the curve uncertain by {u_mW.max():.0f} mW: measure at powers"
            " between the smallest and the largest, too"
        )


def _need_finite(what: str, *numbers: object) -> None:
    for each in numbers:
        if not np.all(np.isfinite(np.asarray(each, float))):
            raise InputError(f"a {what} is not a finite number")


def _weighted(
    terms: np.ndarray, observed: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Solve by weighted least squares; returns the values and their covariance.

    InputError: the observations do not determine the values (a singular or ill-conditioned fit).
    """
    weighted = terms / spread[:, None]
    scale = np.linalg.norm(weighted, axis=0)
    scaled = weighted / scale
    if np.linalg.cond(scaled) > _CONDITION_MAX:
        raise InputError("these points lie too close together to determine the fit; add others")
    values, *_ = np.linalg.lstsq(scaled, observed / spread, rcond=None)
    covariance = np.linalg.inv(scaled.T @ scaled)
    return values / scale, covariance / np.outer(scale, scale)
