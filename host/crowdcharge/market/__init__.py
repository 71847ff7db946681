# SPDX-License-Identifier: MIT
"""The market: peers and a lane agree on a price and on energies."""
