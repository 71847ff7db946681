# SPDX-License-Identifier: MIT
"""One running transfer: its bounds, its lease, and what it has measured so far."""

from wptcore import ept, wire
from wptcore.compat import const
from wptcore.units import odometer_delta_mJ

_EXCESS_MAX_ms = const(100)  # a receiver that connects its load draws a peak for 50 ms
_FLOW_MIN_ms = const(150)  # a module without a receiver pings for 65 to 90 ms every 0.4 s
_UNANSWERED_MAX_ms = const(5000)  # power that no receiver's meter reports
_UNJUDGED_MAX_ms = const(10_000)  # power without a verdict about foreign objects
_CELL_LOSS = const(32)  # a cell's inner resistance takes 1/32 of what leaves it


class Running:
    """`grant`: the fields of wire.GRANT; `start_mJ`: the role's odometer at the start."""

    def __init__(self, grant: tuple, start_mJ: int, soc_permille: int):
        (
            self.transfer_id,
            self.role,
            self.peer,
            self.group,
            self.granter,
            self.power_max_mW,
            self.energy_max_mJ,
            self.duration_max_ms,
            self.floor_pct,
            self.lease_ms,
            self.flags,
        ) = grant
        self.receivers = min(self.peer, wire.GROUP_MAX) if self.is_pad else 1
        self._lapses_ms = [self.lease_ms] * self.receivers  # when each one's lease is over
        self.crowd = 0  # of the board that asked for it; PeerDesk sets it
        self.start_mJ = start_mJ
        self.soc_before_permille = soc_permille
        self.energy_mJ = 0
        self.sample_mJ = 0  # what the newest sample added
        self.power_mW = 0
        self.excess_ms = -1  # how long more than the granted power flows; -1: it does not
        self.duration_ms = 0
        self.quiet_ms = 0  # time since power last flowed for longer than a ping
        self.flow_ms = -1  # how long power has flowed without a break; -1: it does not
        self.has_flowed = False  # for longer than in a ping
        self.unanswered_ms = 0  # power has flowed for so long, and no receiver reported any
        self.unjudged_ms = 0  # power has flowed for so long without a verdict
        self.renewed_ms = 0  # duration at the last renewal
        self.renewed_mJ = 0
        self.peak_mW = 0
        self.peak_dC = -1000
        self.ended_by = ept.NONE

    @property
    def by_peer(self) -> bool:
        """Did another board ask for it, and no host?"""
        return bool(self.flags & wire.GRANTED_BY_PEER)

    @property
    def by_press(self) -> bool:
        """Did a stranger ask for it, after a press of both buttons?"""
        return bool(self.flags & wire.GRANTED_BY_PRESS)

    @property
    def is_pad(self) -> bool:
        """Does it send to a group? Then `peer` is how many receivers that has."""
        return self.group > 0 and self.role == wire.PTX

    def is_same(self, other) -> bool:
        return self.transfer_id == other.transfer_id and self.role == other.role

    def in_range(self, power_max_mW: int) -> bool:
        """Are the bounds acceptable? `power_max_mW`: the most that the board bears."""
        return (
            self.transfer_id > 0
            and (not self.is_pad or self.peer == self.receivers > 0)
            and 0 < self.lease_ms <= wire.LEASE_MAX_ms
            and 0 < self.power_max_mW <= power_max_mW
            and self.energy_max_mJ > 0
            and self.duration_max_ms > 0
        )

    def give_at_most(self, power_mW: int) -> None:
        """Bound what a donor gives, whatever its grant asks for."""
        if self.role == wire.PTX:
            self.power_max_mW = min(self.power_max_mW, power_mW)

    def extend(self, leases_ms: tuple, powers_mW: tuple) -> int:
        """Renew the lease of each receiver; return the mW that all of them report.

        A lease of 0 is a report that is missing: it renews nothing and counts as 0 mW. The
        shortest lease counts, so whoever is lost ends the transfer.
        """
        received_mW = 0
        for i in range(self.receivers):
            if leases_ms[i] > 0:
                self._lapses_ms[i] = self.duration_ms + leases_ms[i]
                received_mW += powers_mW[i]
        self.lease_ms = min(self._lapses_ms) - self.duration_ms
        return received_mW

    def elapse(self, dt_ms: int) -> None:
        self.lease_ms -= dt_ms
        self.duration_ms += dt_ms
        self.quiet_ms += dt_ms
        if self.role == wire.PTX and self.is_flowing:
            self.unanswered_ms += dt_ms
            self.unjudged_ms += dt_ms

    @property
    def is_flowing(self) -> bool:
        """Tell whether power flows for longer than in a ping."""
        return self.flow_ms >= _FLOW_MIN_ms

    def measure(
        self, power_mW: int, energy_mJ: int, coil_dC: int, flowing: bool, dt_ms: int
    ) -> None:
        """Take a sample."""
        self.power_mW = power_mW
        self.excess_ms = _lasts_ms(self.excess_ms, power_mW > self.power_max_mW, dt_ms)
        self.sample_mJ = energy_mJ - self.energy_mJ
        self.energy_mJ = energy_mJ
        self.flow_ms = min(_lasts_ms(self.flow_ms, flowing, dt_ms), _FLOW_MIN_ms)
        if self.is_flowing:
            self.quiet_ms = 0
            self.has_flowed = True
        self.peak_mW = max(self.peak_mW, power_mW)
        self.peak_dC = max(self.peak_dC, coil_dC)

    def answered(self, received_mW: int, judged: bool, flow_mW: int) -> int:
        """Take what a renewal says of the receiver; return the mJ lost since the last one."""
        if received_mW >= flow_mW:
            self.unanswered_ms = 0
        if judged:
            self.unjudged_ms = 0
        sent_mJ = self.energy_mJ - self.renewed_mJ
        lost_mJ = sent_mJ - received_mW * (self.duration_ms - self.renewed_ms) // 1000
        self.renewed_ms = self.duration_ms
        self.renewed_mJ = self.energy_mJ
        return lost_mJ

    def soc_after_next_permille(self, capacity_mJ: int) -> int:
        """Count a donor's charge one sample ahead: a gauge lags, and a cut-off must not."""
        spent_mJ = self.energy_mJ + self.sample_mJ
        spent_mJ += spent_mJ // _CELL_LOSS
        return self.soc_before_permille + -spent_mJ // (capacity_mJ // 1000)

    def exhausted(self, quiet_max_ms: int) -> int:
        """Return which bound is used up, or NONE; `quiet_max_ms`: limits.Limits has it."""
        if self.lease_ms <= 0:
            return ept.PEER_LOST if self.by_peer else ept.LEASE_LOST
        if self.energy_mJ >= self.energy_max_mJ:
            return ept.ENERGY_BUDGET
        if self.excess_ms > _EXCESS_MAX_ms:
            return ept.POWER_BUDGET
        if self.duration_ms >= self.duration_max_ms:
            return ept.DURATION_BUDGET
        if self.quiet_ms > quiet_max_ms:
            return ept.NO_RESPONSE
        if self.unanswered_ms > _UNANSWERED_MAX_ms:
            return ept.NO_RESPONSE
        if self.unjudged_ms > _UNJUDGED_MAX_ms:
            return ept.NO_FOD_VERDICT
        return ept.NONE


def _lasts_ms(so_far_ms: int, shown: bool, dt_ms: int) -> int:
    """Count time only between two samples that both show something; -1: the newest does not."""
    if not shown:
        return -1
    return 0 if so_far_ms < 0 else so_far_ms + dt_ms


def interrupted(saved, meter):
    """Return the transfer that `saved` left open, as far as `meter` knows its energy, or None."""
    if not saved.open_transfer_id:
        return None
    begun = (saved.open_transfer_id, saved.open_role, saved.open_peer, 0, saved.open_granter)
    grant = begun + (0,) * 5 + (saved.open_flags,)
    running = Running(grant, saved.open_start_mJ, saved.open_soc_permille)
    running.energy_mJ = odometer_delta_mJ(running.start_mJ, meter.odometer_mJ(running.role))
    running.has_flowed = True  # nobody knows
    running.ended_by = ept.REBOOTED
    return running
