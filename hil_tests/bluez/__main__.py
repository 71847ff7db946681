# SPDX-License-Identifier: MIT
"""Run the product's tests under the real BlueZ, as root, from the top of the checkout.

    sudo .venv/bin/python -m hil_tests.bluez [--results DIR] [pytest arguments]

Exit codes: 0 passed, 1 a test failed, 2 usage, 3 the guest died, 77 this machine cannot run it.
"""

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from . import machine, rootfs
from .errors import CannotRunError, GuestDiedError

PROJECT = Path(__file__).parents[2]
# program -> its Debian package
NEEDS = {machine.QEMU: "qemu-system-x86", "debootstrap": "debootstrap"}
WHERE_PYTHON_IS = "import sys, sysconfig as s; print(sys.prefix, s.get_path('purelib'), sep='\\n')"
# Only the plugins that the tests need, because each one costs seconds under emulation.
PYTEST = ["python3", "-m", "pytest", "-v", "--color=no", "--timeout=600"]
PYTEST += ["--junitxml=/results/junit.xml", "--confcutdir=hil_tests/bluez"]
PYTEST += ["-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin", "-p", "pytest_timeout"]


def install_missing() -> None:
    if os.geteuid():
        raise CannotRunError("building and booting the guest needs root: run it with sudo")
    missing = [package for program, package in NEEDS.items() if not shutil.which(program)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise CannotRunError(
            f"missing {', '.join(missing)}, and there is no apt-get to install it"
        )
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    for command in (["apt-get", "update"], install):
        if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
            raise CannotRunError(
                f"'{shlex.join(command)}' failed: install {', '.join(missing)} by hand"
            )


def guest_environment(python: str, root: Path) -> tuple[Path, dict[str, str]]:
    """Return the directory to share as the guest's /venv, and the guest's environment.

    The guest's own interpreter uses the installed packages of `python` through PYTHONPATH.
    """
    done = subprocess.run(
        [python, "-c", WHERE_PYTHON_IS], capture_output=True, text=True, check=True
    )
    prefix, site = (Path(line) for line in done.stdout.splitlines())
    guest_python = (root / "usr/bin/python3").readlink().name
    if site.parent.name != guest_python:
        raise CannotRunError(
            f"the guest has {guest_python}, {python} is {site.parent.name}: use the same"
        )
    if not (site / "bumble").is_dir():
        raise CannotRunError(
            f"{python} has no bumble: install the project with its [test] extra there"
        )
    path = ["/project", "/project/firmware", "/project/host", f"/venv/{site.relative_to(prefix)}"]
    environment = {
        "PYTHONPATH": ":".join(path),
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/venv/bin",
        "CROWDCHARGE_GUEST": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/root",
    }
    return prefix, environment


def compile_once(python: str) -> None:
    """Compiles all sources here, which would take each emulated process many seconds."""
    folders = [str(PROJECT / name) for name in ("firmware", "hil_tests", "host")]
    subprocess.run([python, "-m", "compileall", "-q", *folders], check=False)


def write_job(results: Path, environment: dict[str, str], command: list[str]) -> None:
    results.mkdir(parents=True, exist_ok=True)
    (results / "exit_code").unlink(missing_ok=True)
    lines = [f"{name}={value}\n" for name, value in environment.items()]
    (results / "job.env").write_text("".join(lines))
    (results / "job").write_text(shlex.join(command) + "\n")


def read_exit_code(results: Path) -> int:
    try:
        return int((results / "exit_code").read_text())
    except (OSError, ValueError):
        raise GuestDiedError(f"the guest stopped before the tests ended: see {results}") from None


def run(arguments: argparse.Namespace, pytest_arguments: list[str]) -> int:
    install_missing()
    results = arguments.results.resolve()
    results.mkdir(parents=True, exist_ok=True)
    root = rootfs.ensure(results / "debootstrap.log")
    venv, environment = guest_environment(arguments.python, root)
    compile_once(arguments.python)
    named = any("hil_tests/" in argument for argument in pytest_arguments)
    tests = pytest_arguments if named else [*pytest_arguments, "hil_tests/bluez/guest"]
    write_job(results, environment, arguments.command or [*PYTEST, *tests])
    shares = {"project": PROJECT, "venv": venv}
    machine.boot(root, shares, results, arguments.timeout)
    return 1 if read_exit_code(results) else 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="hil_tests.bluez", description=__doc__.split("\n", maxsplit=1)[0]
    )
    parser.add_argument("--results", type=Path, default=Path("build/bluez"), metavar="DIR")
    parser.add_argument("--python", default=sys.executable, help="whose installed packages to use")
    parser.add_argument("--timeout", type=float, default=900.0, metavar="SECONDS")
    parser.add_argument("--command", type=shlex.split, help="run this in the guest, not pytest")
    arguments, pytest_arguments = parser.parse_known_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that QEMU is ended, too
    try:
        return run(arguments, pytest_arguments)
    except CannotRunError as error:
        sys.stderr.write(f"bluez: cannot run here: {error}\n")
        return 77
    except GuestDiedError as error:
        sys.stderr.write(f"bluez: {error}\n")
        return 3


if __name__ == "__main__":
    sys.exit(main())
