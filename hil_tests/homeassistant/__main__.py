# SPDX-License-Identifier: MIT
"""Hold the crowd against a real Home Assistant, from the top of the checkout.

    python -m hil_tests.homeassistant [--folder DIR] [pytest arguments]

Home Assistant gets an environment of its own in DIR (400 MB, about a minute the first time).
Exit codes: 0 passed, 1 a test failed, 2 usage, 77 this machine cannot run it.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .home import VERSION, WHERE

PROJECT = Path(__file__).parents[2]
# What it needs beside itself: josepy 2 lacks what it imports, and paho is what its MQTT asks for.
PACKAGES = [f"homeassistant=={VERSION}", "josepy<2", "paho-mqtt==1.6.1"]
PYTHON = (3, 11)  # of the newest Home Assistant that this version of Python still runs


class CannotRunError(Exception):
    """This machine lacks something; the text says what, and what to do."""


def environment(folder: Path) -> Path:
    """Return Home Assistant's program, installed once."""
    if sys.version_info[:2] != PYTHON:
        wanted = ".".join(map(str, PYTHON))
        raise CannotRunError(f"Home Assistant {VERSION} needs Python {wanted}: run this with it")
    if not shutil.which("mosquitto"):
        raise CannotRunError("there is no mosquitto: install the package mosquitto")
    program = folder / "venv" / "bin" / "hass"
    if not (folder / "whole").exists():
        shutil.rmtree(folder / "venv", ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        install = [str(program.with_name("pip")), "install", "--quiet", *PACKAGES]
        if subprocess.run(install, check=False).returncode:
            raise CannotRunError(f"pip could not install {' '.join(PACKAGES)}")
        (folder / "whole").touch()
    return program


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="hil_tests.homeassistant", description=__doc__.split("\n", maxsplit=1)[0]
    )
    parser.add_argument("--folder", type=Path, default=Path("build/homeassistant"), metavar="DIR")
    arguments, pytest_arguments = parser.parse_known_args(argv)
    try:
        program = environment(arguments.folder.resolve())
    except CannotRunError as error:
        sys.stderr.write(f"homeassistant: cannot run here: {error}\n")
        return 77
    tests = [str(PROJECT / "hil_tests" / "homeassistant" / "live"), "--timeout=900"]
    command = [sys.executable, "-m", "pytest", "-v", *tests, *pytest_arguments]
    done = subprocess.run(
        command, env=os.environ | {WHERE: str(program)}, cwd=PROJECT, check=False
    )
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
