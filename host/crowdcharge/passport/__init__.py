# SPDX-License-Identifier: MIT
"""A board's battery in figures, from its ledger's rows alone, signed and with intervals."""
