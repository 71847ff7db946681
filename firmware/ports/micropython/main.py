# SPDX-License-Identifier: MIT
"""Starts the firmware on the board that `identity.json` names.

A board that was left half-flashed stays at the prompt: its files cannot be trusted, and while no
firmware drives the coil's pin, its pull-down holds it low.
"""


def half_flashed() -> bool:
    try:
        with open("maintenance") as file:
            return file.read() == "flash"
    except OSError:
        return False


def start() -> None:
    import asyncio

    from app import App
    from memory import load_identity

    name = load_identity().get("board", "feather_esp32s3")
    pins = getattr(__import__("boards." + name), name)
    asyncio.run(App(pins).run())


if half_flashed():
    print("crowdcharge: half-flashed; run crowdcharge flash again")
else:
    start()
