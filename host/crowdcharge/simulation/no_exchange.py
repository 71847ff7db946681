# SPDX-License-Identifier: MIT
"""PURE: the policy of the run that every run is compared with."""

from collections.abc import Mapping

import numpy as np

from crowdcharge.policy import AgentView, Encounter, Offer


class NoExchange:
    """The baseline policy, in which no agent ever sends."""

    name = "no-exchange"

    def decide(
        self,
        encounter: Encounter,  # noqa: ARG002 - the interface
        views: Mapping[int, AgentView],  # noqa: ARG002
        now_s: float,  # noqa: ARG002
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Offer | None:
        return None
