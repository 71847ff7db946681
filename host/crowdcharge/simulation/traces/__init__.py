# SPDX-License-Identifier: MIT
"""Contact traces: readers of published formats and generators."""
