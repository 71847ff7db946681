# SPDX-License-Identifier: MIT
"""Foreign object detection by power loss: more is sent than the received power explains.

P_sent = c + b P_received + a P_received^2 for a pair of coils, measured by `crowdcharge calibrate`
(the form that Qi transmitters are tuned with: Infineon AN234970). Another pair's curve is
worthless, misalignment looks like an object, and in-band detection can be fooled (VoltSchemer,
USENIX Security 2024). Therefore the coil's thermistor is an independent cut-off.
"""

from wptcore import ept
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
    """`curve`: the rig's own, for what a host vouches for; None: not calibrated. `pairs`:
    ((board, LossCurve of the coils of both), ...), which go before it; boards that meet by
    themselves have these only. A curve whose threshold is not above 0 counts as none.

    `exceedances`: those in a row until now, over transfers and reboots, so that an object is not
    forgotten because a host ends each transfer early. `judged`: the last pair of powers was
    enough for a verdict.
    """

    def __init__(self, curve=None, exceedances: int = 0, pairs=()):
        self._rig = curve if curve is not None and curve.threshold_mW > 0 else None
        self._pairs = pairs
        self._curve = self._rig  # of the transfer that runs
        self._of_pair = False
        self._deficits = 0
        self._sent_mW = 0
        self._received_mW = 0
        self.exceedances = exceedances
        self.judged = False

    @property
    def is_calibrated(self) -> bool:
        return self._rig is not None

    @property
    def judges(self) -> bool:
        """Has the transfer that runs a curve?"""
        return self._curve is not None

    def allows(self, running) -> bool:
        """May the board transmit what `running` (running.Running) asks for?

        Without a curve only a little, and to no group. What a group's reports leave uncertain must
        be within the threshold that one pair has. All errors may have one sign, so they add up; an
        object of twice the threshold is then always above it.
        """
        curve = self._curve_of(running)
        if not running.is_pad:
            return curve is not None or running.power_max_mW <= UNCALIBRATED_MAX_mW
        uncertain_mW = (
            running.receivers * _REPORT_mW + running.power_max_mW * _METERS_permille // 1000
        )
        return curve is not None and uncertain_mW <= curve.threshold_mW

    def begin(self, running) -> None:
        """Begin a transfer: the powers of the last one are no reference."""
        self._curve = self._curve_of(running)
        self._of_pair = self._curve is not None and self._curve is not self._rig
        self._deficits = 0
        self._sent_mW = 0
        self._received_mW = 0

    def _curve_of(self, running):
        if running.is_pad:  # its `peer` is how many receivers it has
            return self._rig
        for board, curve in self._pairs:
            if board == running.peer:
                return curve
        return None if running.by_peer else self._rig

    def compare(self, sent_mW: int, received_mW: int) -> int:
        """Take the powers of one renewal; return what the last three in a row say, or NONE.

        FOREIGN_OBJECT: more was sent than the curve explains. PEER_LOST: more is said to arrive
        than the curve of this pair allows, so a meter or a board lies. Where there is only the
        rig's curve, a report of more than was sent is such a lie, and gives no verdict.
        """
        steady = (
            abs(sent_mW - self._sent_mW) < _STEADY_mW
            and abs(received_mW - self._received_mW) < _STEADY_mW
        )
        self._sent_mW = sent_mW
        self._received_mW = received_mW
        self.judged = False
        if self._curve is None or not steady:
            return ept.NONE
        if received_mW > sent_mW and not self._of_pair:
            return ept.NONE
        self.judged = True
        excess_mW = sent_mW - self._curve.sent_mW(received_mW)
        self.exceedances = self.exceedances + 1 if excess_mW > self._curve.threshold_mW else 0
        if self.exceedances >= _EXCEEDANCES:
            return ept.FOREIGN_OBJECT
        self._deficits = self._deficits + 1 if excess_mW < -self._curve.threshold_mW else 0
        return ept.PEER_LOST if self._of_pair and self._deficits >= _EXCEEDANCES else ept.NONE
