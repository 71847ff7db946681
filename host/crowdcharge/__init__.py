# SPDX-License-Identifier: MIT
"""crowdcharge: peer-to-peer reverse wireless charging on real boards."""

__version__ = "0.1.0"
