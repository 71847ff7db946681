# SPDX-License-Identifier: MIT
"""A policy of one's own: the fuller board gives half of the difference if that is large."""

from collections.abc import Mapping

import numpy as np

import crowdcharge


class LargeGapsOnly:
    """Exchange nothing while two boards differ by less than `gap_J`."""

    name = "large-gaps-only"

    def __init__(self, gap_J: float) -> None:
        self.gap_J = gap_J

    def decide(
        self,
        encounter: crowdcharge.Encounter,
        views: Mapping[int, crowdcharge.AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> crowdcharge.Offer | None:
        """Offer half of the difference from the fuller board to the other, or nothing."""
        a, b = encounter.a, encounter.b
        difference_J = views[a].energy_J - views[b].energy_J
        if abs(difference_J) < self.gap_J:
            return None
        ptx, prx = (a, b) if difference_J > 0 else (b, a)
        return crowdcharge.Offer(ptx, prx, abs(difference_J) / 2)


def main() -> None:
    """Compare three gaps on the same crowd of 100 boards."""
    for gap_J in (0.0, 10.0, 40.0):
        policy: crowdcharge.Policy = LargeGapsOnly(gap_J)
        crowd = crowdcharge.simulate(policy, n=100, interactions=2000, beta=0.2, seed=1)
        print(f"{gap_J:>4.0f} J: imbalance {crowd.imbalance[-1]:.3f}, lost {crowd.loss_J:.0f} J")


if __name__ == "__main__":
    main()
