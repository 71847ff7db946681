# SPDX-License-Identifier: MIT
"""Starts the firmware on the board that provisioning or settings.toml names.

A board that was left half-flashed stays at the prompt: its files are not to be trusted, and with
nobody to drive it the coil's pin is held low by its pull-down.
"""

import os


def half_flashed() -> bool:
    try:
        with open("maintenance") as file:
            return file.read() == "flash"
    except OSError:
        return False


def start() -> None:
    from app import App
    from memory import load_identity

    name = load_identity().get("board") or os.getenv("CROWDCHARGE_BOARD")
    if name:
        App(getattr(__import__("boards." + name), name)).run()
    else:
        print("crowdcharge: settings.toml must name the board in CROWDCHARGE_BOARD")


if half_flashed():
    print("crowdcharge: half-flashed; run crowdcharge flash again")
else:
    start()
