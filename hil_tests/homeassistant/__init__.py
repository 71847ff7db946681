# SPDX-License-Identifier: MIT
"""The crowd in a real Home Assistant, which has an environment of its own."""
