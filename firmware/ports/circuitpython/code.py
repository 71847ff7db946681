# SPDX-License-Identifier: MIT
"""Starts the firmware on the board that provisioning or settings.toml names.

A board that was left half-flashed stays at the prompt: its files cannot be trusted, and while no
firmware drives the coil's pin, its pull-down holds it low.
"""

import gc
import os


def half_flashed() -> bool:
    try:
        with open("maintenance") as file:
            return file.read() == "flash"
    except OSError:
        return False


def start() -> None:
    from memory import load_identity

    name = load_identity().get("board") or os.getenv("CROWDCHARGE_BOARD")
    if not name:
        print("crowdcharge: settings.toml must name the board in CROWDCHARGE_BOARD")
        return
    for module in ("board_hal", "console", "app"):
        __import__(module)
        gc.collect()  # else what imports leave behind fragments a small heap
    from app import App

    App(getattr(__import__("boards." + name), name)).run()


if half_flashed():
    print("crowdcharge: half-flashed; run crowdcharge flash again")
else:
    start()
