# SPDX-License-Identifier: MIT
"""What `calibrate` stores of meters and of loss curves; loaded when it is typed."""

from wptcore import calibration, wire
from wptcore.compat import const
from wptcore.console_commands import whole_number

_CURVE_MAX = const(9999)
_PAIRS_MAX = const(16)


def run(stored: dict, sha256, what: str, *arguments):
    """Return what to store, by name, and the answer."""
    if what == "curve":
        return _curve(sha256, *arguments)
    if what == "pair":
        return _pair(stored, sha256, *arguments)
    return _meter(stored, what, *arguments)


def _meter(stored: dict, side: str, gain: str, offset: str):
    correction = (
        whole_number(gain, -calibration.GAIN_MAX_ppm, calibration.GAIN_MAX_ppm),
        whole_number(offset, -calibration.OFFSET_MAX_uA, calibration.OFFSET_MAX_uA),
    )
    meters = dict(stored.get("meters", {}))
    meters[side] = correction
    unit = "offset_uV" if side.endswith("-bus") else "offset_uA"
    answer = (("side", side), ("gain_ppm", correction[0]), (unit, correction[1]))
    return {"meters": meters}, answer


def _curve(sha256, *values):
    curve = _numbers(values)
    curve_hash = calibration.curve_hash(sha256, curve)
    return {"loss_curve": curve, "curve_hash": curve_hash}, (("curve_hash", curve_hash),)


def _pair(stored: dict, sha256, board_id: str, *values):
    """Keep the curve of the pair with another board; a threshold of 0 forgets it."""
    peer = str(whole_number(board_id, 1, wire.BOARD_ID_MAX))
    pairs = dict(stored.get("pair_curves", {}))
    pairs.pop(peer, None)
    if values[3] == "0":
        return {"pair_curves": pairs}, (("curve_hash", "none"),)
    if len(pairs) >= _PAIRS_MAX:
        raise ValueError("range: a board keeps the curves of %d pairs" % _PAIRS_MAX)
    curve = _numbers(values)
    curve_hash = calibration.curve_hash(sha256, curve)
    pairs[peer] = curve + [curve_hash]
    return {"pair_curves": pairs}, (("board", peer), ("curve_hash", curve_hash))


def _numbers(values) -> list:
    curve = [whole_number(value, -_CURVE_MAX, _CURVE_MAX) for value in values]
    if curve[3] <= 0:
        raise ValueError("range: the threshold must be above 0, else it would be off")
    return curve
