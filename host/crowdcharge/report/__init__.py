# SPDX-License-Identifier: MIT
"""A run for people to look at: plots and one HTML page, drawn from the ledger alone."""

from crowdcharge.report.page import write_report

__all__ = ["write_report"]
