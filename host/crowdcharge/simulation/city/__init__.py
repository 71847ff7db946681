# SPDX-License-Identifier: MIT
"""The compiled event simulator: `crowdcharge.simulation.world` over arrays, for whole cities.

Needs the extra `crowd` (numba), so nothing here is imported before it is needed.
"""
