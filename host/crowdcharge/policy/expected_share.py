# SPDX-License-Identifier: MIT
"""PURE: share by what both are expected to have left, from each agent's own demand forecast."""

from collections.abc import Mapping, Sequence

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.pairwise import offer

HOURS, HOUR_s = 24, 3600.0


class ExpectedShare:
    """P_OS over levels less the use that is expected in the next `horizon_s`. Ours.

    `use_W` maps an agent to its 24 hourly means of power, as `crowdcharge forecast` makes them,
    or to one number; who is not there is expected to use nothing. The clock's 0 is `starts_hour`.
    """

    name = "expected-share"
    says = (
        "The fuller of the two, less what each is expected to use, gives half of the difference."
    )

    def __init__(
        self,
        use_W: Mapping[int, float | Sequence[float]] | None = None,
        horizon_s: float = 6 * HOUR_s,
        starts_hour: float = 0.0,
    ) -> None:
        if not horizon_s > 0:
            raise InputError(f"horizon_s must be positive, not {horizon_s!r}")
        self.horizon_s, self.starts_s = horizon_s, starts_hour * HOUR_s
        self.use_W = {int(agent): hourly_W(agent, use) for agent, use in (use_W or {}).items()}

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        left_a_J, left_b_J = (
            views[agent].energy_J - self.expected_J(agent, now_s)
            for agent in (encounter.a, encounter.b)
        )
        return offer(encounter, (left_a_J - left_b_J) / 2, views)

    def expected_J(self, agent: int, now_s: float) -> float:
        """Return what the agent is expected to use from now to the horizon."""
        if agent not in self.use_W:
            return 0.0
        start_s = self.starts_s + now_s
        return _used_J(self.use_W[agent], start_s + self.horizon_s) - _used_J(
            self.use_W[agent], start_s
        )


def hourly_W(agent: object, use: float | Sequence[float]) -> list[float]:
    """Return 24 powers; InputError unless `use` is one power of 0 or more, or 24 of them."""
    powers_W = [use] * HOURS if isinstance(use, int | float) else list(use)
    if len(powers_W) != HOURS or not all(
        type(power_W) in (int, float) and power_W >= 0 for power_W in powers_W
    ):
        raise InputError(f"use_W of agent {agent} must be a power in W, or 24, a mean an hour")
    return [float(power_W) for power_W in powers_W]


def _used_J(powers_W: Sequence[float], until_s: float) -> float:
    """Add up the use from hour 0 of some day until then."""
    hours, rest_s = divmod(until_s, HOUR_s)
    days, hour = divmod(int(hours), HOURS)
    whole_W = days * sum(powers_W) + sum(powers_W[:hour])
    return whole_W * HOUR_s + powers_W[hour] * rest_s
