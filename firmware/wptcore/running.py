# SPDX-License-Identifier: MIT
"""One running transfer: its bounds, its lease, and what it has measured so far."""

from wptcore import ept, wire
from wptcore.compat import const
from wptcore.units import odometer_delta_mJ

_PING_WINDOW_ms = const(5000)
_QUIET_MAX_ms = const(1800)  # Qi's control-error timeout
_CELL_LOSS = const(32)  # a cell's inner resistance takes 1/32 of what leaves it


class Running:
    """`grant`: the fields of wire.GRANT; `start_mJ`: the role's odometer at the start."""

    def __init__(self, grant: tuple, start_mJ: int, soc_permille: int):
        (
            self.transfer_id,
            self.role,
            self.peer,
            self.power_max_mW,
            self.energy_max_mJ,
            self.duration_max_ms,
            self.floor_pct,
            self.lease_ms,
        ) = grant
        self.start_mJ = start_mJ
        self.soc_before_permille = soc_permille
        self.energy_mJ = 0
        self.sample_mJ = 0  # what the newest sample added
        self.power_mW = 0
        self.duration_ms = 0
        self.quiet_ms = 0  # time since power was last seen
        self.peak_mW = 0
        self.peak_dC = -1000

    def is_same(self, other) -> bool:
        return self.transfer_id == other.transfer_id and self.role == other.role

    def in_range(self, power_max_mW: int) -> bool:
        """Are the bounds acceptable? `power_max_mW`: the most that the board bears."""
        return (
            self.transfer_id > 0
            and 0 < self.lease_ms <= wire.LEASE_MAX_ms
            and 0 < self.power_max_mW <= power_max_mW
            and self.energy_max_mJ > 0
            and self.duration_max_ms > 0
        )

    def elapse(self, dt_ms: int) -> None:
        self.lease_ms -= dt_ms
        self.duration_ms += dt_ms
        self.quiet_ms += dt_ms

    def measure(self, power_mW: int, energy_mJ: int, coil_dC: int, flowing: bool) -> None:
        self.power_mW = power_mW
        self.sample_mJ = energy_mJ - self.energy_mJ
        self.energy_mJ = energy_mJ
        if flowing:
            self.quiet_ms = 0
        self.peak_mW = max(self.peak_mW, power_mW)
        self.peak_dC = max(self.peak_dC, coil_dC)

    def soc_after_next_permille(self, capacity_mJ: int) -> int:
        """Counts a donor's charge one sample ahead: a gauge lags, and a cut-off must not."""
        spent_mJ = self.energy_mJ + self.sample_mJ
        spent_mJ += spent_mJ // _CELL_LOSS
        return self.soc_before_permille + -spent_mJ // (capacity_mJ // 1000)

    def exhausted(self, pinging: bool) -> int:
        """Returns which bound is used up, or NONE; `pinging`: no power has been seen yet."""
        if self.lease_ms <= 0:
            return ept.LEASE_LOST
        if self.energy_mJ >= self.energy_max_mJ:
            return ept.ENERGY_BUDGET
        if self.power_mW > self.power_max_mW:
            return ept.POWER_BUDGET
        if self.duration_ms >= self.duration_max_ms:
            return ept.DURATION_BUDGET
        if self.quiet_ms > (_PING_WINDOW_ms if pinging else _QUIET_MAX_ms):
            return ept.NO_RESPONSE
        return ept.NONE


def interrupted(saved, meter):
    """Returns the transfer that `saved` left open, as far as `meter` knows its energy, or None."""
    if not saved.open_transfer_id:
        return None
    grant = (saved.open_transfer_id, saved.open_role, saved.open_peer, 0, 0, 0, 0, 0)
    running = Running(grant, saved.open_start_mJ, saved.open_soc_permille)
    running.energy_mJ = odometer_delta_mJ(running.start_mJ, meter.odometer_mJ(running.role))
    return running
