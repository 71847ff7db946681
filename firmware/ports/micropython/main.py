# SPDX-License-Identifier: MIT
"""Starts the firmware on the board that `identity.json` names."""

import asyncio

from app import App
from hal import load_identity


def board_module():
    name = load_identity().get("board", "feather_esp32s3")
    return getattr(__import__("boards." + name), name)


asyncio.run(App(board_module()).run())
