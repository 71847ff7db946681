# SPDX-License-Identifier: MIT
"""The coil link: the power a transmitter takes for what the receiver delivers, with its start-up.

From the battery lead of the donor to the output of the receiver,
P_tx = c + b P_rx / coupling + a P_rx^2, the form with which Qi transmitters are calibrated
(Infineon AN234970). The defaults give 63 % at 2.5 W, 60 % at 1 W and 41 % at 0.25 W. Measured with
power banks were 60 % aligned, 55 % normal and 45-50 % misaligned; the best modules reach 67 % at
2.5 W. No curve is universal: measure your own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, sqrt


@dataclass(frozen=True, slots=True)
class CoilLink:
    power_W: float = 2.5  # the most that the receiver draws
    fixed_W: float = 0.25  # c: drive and boost converter without load
    linear: float = 1.35  # b
    quadratic_per_W: float = 0.05  # a
    ping_W: float = 0.5  # while it searches for a receiver: in each ping, and nothing between
    ping_s: float = 0.065
    ping_every_s: float = 0.4
    inrush_W: float = 5.0  # just after the switch closes: the boost converter's capacitors
    inrush_s: float = 0.003
    startup_W: float = 1.5  # on top of the rest when the receiver connects its load
    startup_s: float = 0.05
    handshake_s: float = 0.3  # ping, identification, configuration; the field stays up
    output_V: float = 5.0  # regulated output of the receiver
    charger_efficiency: float = 0.9  # receiver output to cell terminals
    gap_nominal_mm: float = 3.0
    gap_scale_mm: float = 20.0
    offset_scale_mm: float = 17.0  # 8 mm off centre: 80 % of the coupling
    coupling_min: float = 0.4  # below it, no receiver answers a ping

    def averaged(self) -> "CoilLink":
        """Return the same link without its life in time: one steady search power and no peaks."""
        mean_W = self.ping_W * self.ping_s / self.ping_every_s
        return replace(self, ping_W=mean_W, ping_s=self.ping_every_s, inrush_W=0.0, startup_W=0.0)

    def search_W(self, since_s: float, dt_s: float) -> float:
        """Mean power from `since_s` after the search began, over `dt_s`."""
        return self.ping_W * (self._pinged_s(since_s + dt_s) - self._pinged_s(since_s)) / dt_s

    def _pinged_s(self, since_s: float) -> float:
        periods, phase_s = divmod(since_s, self.ping_every_s)
        return periods * self.ping_s + min(phase_s, self.ping_s)

    def pings(self, since_s: float) -> bool:
        return since_s % self.ping_every_s < self.ping_s

    def coupling(self, gap_mm: float, offset_mm: float) -> float:
        """1 where it was calibrated, less with distance: see docs/explanation/plant.md."""
        extra_gap_mm = max(gap_mm - self.gap_nominal_mm, 0.0)
        return exp(-extra_gap_mm / self.gap_scale_mm - (offset_mm / self.offset_scale_mm) ** 2)

    def sent_W(self, received_W: float, coupling: float) -> float:
        """Power in the donor's battery lead while `received_W` leaves the receiver."""
        return (
            self.fixed_W
            + self.linear * received_W / coupling
            + self.quadratic_per_W * received_W**2
        )

    def loss_curve(self, threshold_mW: int = 500) -> list[int]:
        """Return the arguments of LossCurve that `crowdcharge calibrate` would find here."""
        permille = (round(self.linear * 1000), round(self.quadratic_per_W * 1000))
        return [round(self.fixed_W * 1000), *permille, threshold_mW]

    def peaks_W(self, on_s: float, powered_s: Sequence[float], dt_s: float) -> float:
        """Mean of the peaks over a step: `on_s` since the switch, `powered_s` since each load."""
        inrush = max(min(self.inrush_s - on_s, dt_s), 0.0) / dt_s
        startups = (max(min(self.startup_s - each_s, dt_s), 0.0) for each_s in powered_s if each_s)
        return self.inrush_W * inrush + self.startup_W * sum(startups) / dt_s

    def received_W(self, sent_W: float, coupling: float) -> float:
        """Return the inverse of `sent_W`, for a transmitter that limits its power."""
        over_W = max(sent_W - self.fixed_W, 0.0)
        slope = self.linear / coupling
        root = sqrt(slope**2 + 4 * self.quadratic_per_W * over_W)
        return 2 * over_W / (slope + root)
