# SPDX-License-Identifier: MIT
"""PURE: share by what both are expected to have left, from each agent's own demand forecast."""

from collections.abc import Mapping, Sequence
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.policy.rule import PairPolicy, Side, Tables, Zeros, bounded_J

HOURS, HOUR_s = 24, 3600.0


def share_what_is_left(told: Any, tables: Tables, now_s: float, one: Side, other: Side) -> float:
    left_J = one.has.energy_J - expected_J(told, tables, now_s, one.at)
    others_J = other.has.energy_J - expected_J(told, tables, now_s, other.at)
    return bounded_J(one, other, (left_J - others_J) / 2)


def expected_J(told: Any, tables: Tables, now_s: float, agent: int) -> float:
    start_s = told.starts_s + now_s
    return used_J(tables, agent, start_s + told.horizon_s) - used_J(tables, agent, start_s)


def used_J(tables: Tables, agent: int, until_s: float) -> float:
    """Add up the use from hour 0 of some day until then."""
    hours = int(until_s // HOUR_s)
    day, hour = hours // HOURS, hours % HOURS
    whole_W = day * tables.before_W[agent, HOURS] + tables.before_W[agent, hour]
    return whole_W * HOUR_s + tables.use_W[agent, hour] * (until_s % HOUR_s)


class ExpectedShare(PairPolicy):
    """P_OS over levels less the use that is expected in the next `horizon_s`. Ours.

    `use_W` maps an agent to its 24 hourly means of power, as `crowdcharge forecast` makes them,
    or to one number; who is not there is expected to use nothing. The clock's 0 is `starts_hour`.
    """

    name = "expected-share"
    says = (
        "The fuller of the two, less what each is expected to use, gives half of the difference."
    )
    rule = staticmethod(share_what_is_left)

    def __init__(
        self,
        use_W: Mapping[int, float | Sequence[float]] | None = None,
        horizon_s: float = 6 * HOUR_s,
        starts_hour: float = 0.0,
    ) -> None:
        super().__init__()
        if not horizon_s > 0:
            raise InputError(f"horizon_s must be positive, not {horizon_s!r}")
        self.horizon_s, self.starts_s = horizon_s, starts_hour * HOUR_s
        power_W, before_W = Zeros(), Zeros()
        for agent, use in (use_W or {}).items():
            for hour, mean_W in enumerate(hourly_W(agent, use)):
                power_W[int(agent), hour] = mean_W
                before_W[int(agent), hour + 1] = before_W[int(agent), hour] + mean_W
        self.tables = Tables(use_W=power_W, before_W=before_W)

    def expected_J(self, agent: int, now_s: float) -> float:
        """Return what the agent is expected to use from now to the horizon."""
        return expected_J(self, self.tables, now_s, agent)


def hourly_W(agent: object, use: float | Sequence[float]) -> list[float]:
    """Return 24 powers; InputError unless `use` is one power of 0 or more, or 24 of them."""
    powers_W = [use] * HOURS if isinstance(use, int | float) else list(use)
    if len(powers_W) != HOURS or not all(
        type(power_W) in (int, float) and power_W >= 0 for power_W in powers_W
    ):
        raise InputError(f"use_W of agent {agent} must be a power in W, or 24, a mean an hour")
    return [float(power_W) for power_W in powers_W]
