# SPDX-License-Identifier: MIT
"""The firmware's sources, in the wheel or the repository, and where each goes on a board."""

from importlib.util import find_spec
from pathlib import Path

import wptcore
from crowdcharge.errors import WptError

# Drivers that run on the boards as their makers publish them.
VENDOR = ("adafruit_bus_device", "adafruit_register", "adafruit_ina219")

SETTINGS = "settings.toml"  # what CircuitPython reads at boot


def root() -> Path:
    """Return the folder that holds `ports/`, `drivers/` and `boards/`."""
    packaged = Path(__file__).parents[1] / "_firmware"
    repository = Path(__file__).parents[3] / "firmware"
    for folder in (packaged, repository):
        if (folder / "ports").is_dir():
            return folder
    raise WptError(f"the firmware's sources are neither at {packaged} nor at {repository}")


def files(port: str, firmware: Path | None = None) -> dict[str, Path]:
    """Path on the board -> source; `firmware` is a folder in place of the port's own files."""
    tree = root()
    folder = firmware or tree / "ports" / port
    found = _python(folder, "")
    if (folder / SETTINGS).is_file():
        found[SETTINGS] = folder / SETTINGS
    if firmware is None:
        found |= _python(tree / "ports" / "shared", "")
    core = Path(wptcore.__path__[0])
    for name, source in (
        ("wptcore", core),
        ("boards", tree / "boards"),
        ("drivers", tree / "drivers"),
    ):
        found |= _python(source, f"{name}/")
    for name in VENDOR:
        found |= _vendor(name)
    return found


def _python(folder: Path, prefix: str) -> dict[str, Path]:
    return {
        f"{prefix}{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*.py"))
        if "__pycache__" not in path.parts
    }


def _vendor(name: str) -> dict[str, Path]:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise WptError(
            f"the driver {name} is not installed: install crowdcharge with its dependencies"
        )
    origin = Path(spec.origin)
    if origin.name == "__init__.py":
        return _python(origin.parent, f"lib/{name}/")
    return {f"lib/{name}.py": origin}
