# SPDX-License-Identifier: MIT
"""CircuitPython's `watchdog` module; the timer itself is `microcontroller.watchdog`."""


class WatchDogTimeout(Exception):
    pass


class WatchDogMode:
    RAISE = "watchdog.WatchDogMode.RAISE"
    RESET = "watchdog.WatchDogMode.RESET"
