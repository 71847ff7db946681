# SPDX-License-Identifier: MIT
"""What a virtual board's VM runs: the firmware on its flash, its identity, the shims below it."""

import shutil
from pathlib import Path

from crowdcharge.bench.board import nvm
from crowdcharge.bench.board.vm import VmOptions
from crowdcharge.bench.config import BoardConfig

# The shims that replace the silicon, by port; imported before the board's file system is mounted.
MODULES: dict[str, tuple[str, ...]] = {
    "micropython": ("time", "machine", "bluetooth", "esp32"),
    "circuitpython": ("time", "_circuitpython"),
}
MAINS = {"micropython": "main.py", "circuitpython": "code.py"}
TRUTH, HARDWARE_SOCKET = "truth", "hardware.socket"
_NVM, _FLASH = "nvm.image", "flash"


def deploy(folder: Path, port: str, files: dict[str, Path], identity: str) -> None:
    """Write files (name on the board -> source) and the identity, a JSON text, into a folder."""
    flash = folder / _FLASH
    for parent in {(flash / name).parent for name in files}:
        parent.mkdir(parents=True, exist_ok=True)
    for name, source in files.items():
        shutil.copyfile(source, flash / name)
    if port == "circuitpython":
        (folder / _NVM).write_bytes(nvm.image(identity.encode()))
    else:
        (flash / "identity.json").write_text(identity, encoding="utf-8")


def vm_options(
    config: BoardConfig, folder: Path, speed: float, hci_port: str, sleeps: bool
) -> VmOptions:
    """Return how to start the VM; `hci_port`: the pty of a controller for its own host stack.

    `sleeps`: has the chip a deep sleep?
    """
    environment = {
        "CROWDCHARGE_HARDWARE_SOCKET": str(folder / HARDWARE_SOCKET),
        "CROWDCHARGE_RADIO_SOCKET": str(folder / "radio.socket"),
        "CROWDCHARGE_TRUTH": str(folder / TRUTH),
        "CROWDCHARGE_NVM": str(folder / _NVM),
        "CROWDCHARGE_SPEED_PERMILLE": str(round(speed * 1000)),
        "CROWDCHARGE_TICKS_START_MS": str(config.ticks_start_ms),
        "CROWDCHARGE_BOARD": config.board,  # as `crowdcharge flash` writes it to settings.toml
    }
    modules = MODULES[config.port]
    if not sleeps:
        modules = tuple(name for name in modules if name != "esp32")
    if config.radio == "hci":  # the VM brings its own Bluetooth host stack
        modules = tuple(name for name in modules if name != "bluetooth")
        environment["MICROPYBTUART"] = hci_port
    flash = folder / _FLASH
    flash.mkdir(parents=True, exist_ok=True)
    storage = f"folder:{flash}"
    if config.storage == "littlefs":
        image = folder / "flash.image"
        image.touch()
        storage = f"littlefs:{image}:{flash}"
    return VmOptions(
        modules=modules,
        main=MAINS[config.port],
        storage=storage,
        heap_kB=config.heap_kB,
        environment=environment,
    )
