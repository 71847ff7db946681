# SPDX-License-Identifier: MIT
"""All sources -> all generated texts, in memory; writing and comparing is the caller's."""

from pathlib import Path
from typing import Any

from generator import firmware, rules
from generator.source import HardwareError, read_board
from generator.tables import Tables, read_tables

Texts = dict[str, str]  # path below the repository's root -> content


def load(folder: Path) -> tuple[dict[str, dict[str, Any]], Tables]:
    """Every board of `folder`, checked; HardwareError lists the faults of all of them."""
    tables = read_tables()
    boards, faults = {}, []
    for path in sorted(folder.glob("*.toml")):
        try:
            board = read_board(path)
        except HardwareError as error:
            faults += error.faults
            continue
        faults += rules.check(board, tables)
        boards[path.stem] = board.values
    if faults:
        raise HardwareError(list(dict.fromkeys(faults)))
    return boards, tables


def outputs(boards: dict[str, dict[str, Any]], tables: Tables) -> Texts:
    """Every generated file's path and text."""
    texts: Texts = {}
    for name, board in boards.items():
        texts[f"firmware/boards/{name}.py"] = firmware.module(board, tables.mcus[board["mcu"]])
    return texts


def stale(root: Path, texts: Texts) -> list[str]:
    """Paths whose file is missing or differs."""
    return [path for path, text in texts.items() if _read(root / path) != text]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
