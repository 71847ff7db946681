# SPDX-License-Identifier: MIT
"""Write everything that follows from `hardware/boards/*.toml`: firmware modules, wiring, parts lists, pages."""

import tomllib
from pathlib import Path

from generator import firmware

HERE = Path(__file__).parent
ROOT = HERE.parent


def outputs() -> dict[Path, str]:
    """Every generated file's path and text."""
    mcus = tomllib.loads((HERE / "mcus.toml").read_text())
    texts = {}
    for path in sorted((HERE / "boards").glob("*.toml")):
        board = tomllib.loads(path.read_text())
        texts[ROOT / "firmware/boards" / f"{board['name']}.py"] = firmware.module(
            board, mcus[board["mcu"]]
        )
    return texts


if __name__ == "__main__":
    for path, text in outputs().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
