# SPDX-License-Identifier: MIT
"""A run for people to look at, from the ledger alone: summary.json, plots and one HTML page.

Nothing is imported here: a run needs the summary at its end, but not the plots' matplotlib.
"""
