# SPDX-License-Identifier: MIT
"""Starts the firmware on the board that settings.toml or provisioning names."""

import os

from app import App
from memory import load_identity


def board_module():
    name = load_identity().get("board") or os.getenv("CROWDCHARGE_BOARD")
    return getattr(__import__("boards." + name), name)


App(board_module()).run()
