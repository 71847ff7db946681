# SPDX-License-Identifier: MIT
"""Starts the firmware on the board that provisioning or settings.toml names, and switches off.

This file owns the pins that let power flow, because it is the only one that sees every end:
Ctrl-C between any two instructions, an import that fails, an exception anywhere. A board that was
left half-flashed stays at the prompt: its files cannot be trusted, and while no firmware drives
the coil's pin, its pull-down holds it low.
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
    import memory

    identity = memory.load_identity()
    name = identity.get("board") or os.getenv("CROWDCHARGE_BOARD")
    if not name:
        print("crowdcharge: settings.toml must name the board in CROWDCHARGE_BOARD")
        return
    from power_pins import PowerPins

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
    """Start the firmware. To compile a source takes memory, so the longest come first.

    Collecting in between keeps what stays from being scattered over a small heap.
    """
    longest = ("wptcore.board", "wptcore.console_commands", "wptcore.wire", pins.METER + "_meter")
    for module in longest + ("board_hal", "app"):
        gc.collect()
        __import__(module)
    gc.collect()
    from app import App

    App(pins, identity, power).run()


if half_flashed():
    print("crowdcharge: half-flashed; run crowdcharge flash again")
else:
    start()
