# SPDX-License-Identifier: MIT
"""Foreign object detection by power loss: more is sent than the received power explains.

P_sent = c + b P_received + a P_received^2 for this rig, measured by `crowdcharge calibrate` (the
form that Qi transmitters are tuned with: Infineon AN234970). Another rig's curve is worthless,
misalignment looks like an object, and in-band detection can be fooled (VoltSchemer, USENIX
Security 2024). Therefore the coil's thermistor is an independent cut-off.
"""

from wptcore.compat import const

UNCALIBRATED_MAX_mW = const(1000)  # what a rig without a curve may be granted
_EXCEEDANCES = const(3)
_REPORT_mW = const(80)  # by how much a receiver's ripple moves what the curve expects
_METERS_permille = const(20)  # two meters of 1 %
_STEADY_mW = const(250)  # while power changes, both values are not of the same instant


class LossCurve:
    """`offset_mW` c, `linear_permille` b, `square_permille_per_W` a, `threshold_mW` above it."""

    def __init__(
        self, offset_mW: int, linear_permille: int, square_permille_per_W: int, threshold_mW: int
    ):
        self.offset_mW = offset_mW
        self.linear_permille = linear_permille
        self.square_permille_per_W = square_permille_per_W
        self.threshold_mW = threshold_mW

    def sent_mW(self, received_mW: int) -> int:
        """Return the power that the rig must send when there is no foreign object."""
        square_mW = received_mW * received_mW // 1000 * self.square_permille_per_W // 1000
        return self.offset_mW + received_mW * self.linear_permille // 1000 + square_mW


class ForeignObject:
    """`curve` None: not calibrated. A curve whose threshold is not above 0 counts as none.

    `exceedances`: those in a row until now, over transfers and reboots, so that an object is not
    forgotten because a host ends each transfer early. `judged`: the last pair of powers was
    enough for a verdict.
    """

    def __init__(self, curve=None, exceedances: int = 0):
        self._curve = curve if curve is not None and curve.threshold_mW > 0 else None
        self._sent_mW = 0
        self._received_mW = 0
        self.exceedances = exceedances
        self.judged = False

    @property
    def is_calibrated(self) -> bool:
        return self._curve is not None

    def allows(self, power_max_mW: int, group_size: int = 0) -> bool:
        """May the rig transmit this power? Without a curve only a little, and to no group.

        What a group's reports leave uncertain must be within the threshold that one pair has. All
        errors may have one sign, so they add up; an object of twice the threshold is then always
        above it.
        """
        if not group_size:
            return self._curve is not None or power_max_mW <= UNCALIBRATED_MAX_mW
        uncertain_mW = group_size * _REPORT_mW + power_max_mW * _METERS_permille // 1000
        return self._curve is not None and uncertain_mW <= self._curve.threshold_mW

    def begin(self) -> None:
        """Begin a transfer: the powers of the last one are no reference."""
        self._sent_mW = 0
        self._received_mW = 0

    def compare(self, sent_mW: int, received_mW: int) -> bool:
        """Take the powers of one renewal; True when the last three were all above the curve."""
        steady = (
            abs(sent_mW - self._sent_mW) < _STEADY_mW
            and abs(received_mW - self._received_mW) < _STEADY_mW
        )
        self._sent_mW = sent_mW
        self._received_mW = received_mW
        self.judged = False
        if self._curve is None or not steady:
            return False
        self.judged = True
        excess_mW = sent_mW - self._curve.sent_mW(received_mW)
        self.exceedances = self.exceedances + 1 if excess_mW > self._curve.threshold_mW else 0
        return self.exceedances >= _EXCEEDANCES
