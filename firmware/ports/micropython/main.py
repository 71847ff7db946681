# SPDX-License-Identifier: MIT
"""Starts the firmware on the board that `identity.json` names, and switches off when it ends.

This file owns the pins that let power flow, because it is the only one that sees every end:
Ctrl-C between any two instructions, an import that fails, an exception anywhere. A board that was
left half-flashed stays at the prompt: its files cannot be trusted, and while no firmware drives
the coil's pin, its pull-down holds it low.
"""


def half_flashed() -> bool:
    try:
        with open("maintenance") as file:
            return file.read() == "flash"
    except OSError:
        return False


def start() -> None:
    import memory
    from power_pins import PowerPins

    identity = memory.load_identity()
    name = identity.get("board", "feather_esp32s3")
    pins = getattr(__import__("boards." + name), name)
    power = PowerPins(pins)
    try:
        try:
            run(pins, identity, power)
        finally:
            power.off()
    except KeyboardInterrupt:
        power.off()
        memory.note_reset(memory.ASKED)  # the watchdog goes on, and its reset is no failure
        raise
    finally:
        power.off()  # again, because a second Ctrl-C may have cut the first short


def run(pins, identity: dict, power) -> None:
    import asyncio
    import gc

    for module in ("board_hal", "console", "app"):
        gc.collect()  # else what stays is scattered over a small heap
        __import__(module)
    gc.collect()
    from app import App

    asyncio.run(App(pins, identity, power).run())


if half_flashed():
    print("crowdcharge: half-flashed; run crowdcharge flash again")
else:
    start()
