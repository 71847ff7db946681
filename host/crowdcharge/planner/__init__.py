# SPDX-License-Identifier: MIT
"""Planners on a time-space graph: who charges whom at which of the known contacts."""

from crowdcharge.planner.lal import lal
from crowdcharge.planner.lay import lay
from crowdcharge.planner.problem import Plan, Problem
from crowdcharge.planner.reading import PaperReading
from crowdcharge.planner.replan import replan
from crowdcharge.planner.timed import lyp
from crowdcharge.planner.verify import Verification, verify
from crowdcharge.planner.worth import Worth, worth

__all__ = [
    "PaperReading",
    "Plan",
    "Problem",
    "Verification",
    "Worth",
    "lal",
    "lay",
    "lyp",
    "replan",
    "verify",
    "worth",
]
