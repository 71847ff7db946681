# SPDX-License-Identifier: MIT
"""Turn all sources into all generated texts, in memory; callers write or compare them."""

from math import ceil
from pathlib import Path
from typing import Any

from generator import (
    bom,
    breaks,
    cable,
    erc,
    fault_page,
    faults,
    firmware,
    kicad,
    kit,
    pages,
    profile_page,
    rules,
    schematic,
    sheet_svg,
    wiring,
)
from generator.circuit import Circuit, circuit
from generator.hold import hold, times
from generator.sheet import sheet
from generator.source import HARDWARE, HardwareError, read_board
from generator.tables import Tables, read_tables

Texts = dict[str, str]  # path below the repository's root -> content


def load(folder: Path, hardware: Path = HARDWARE) -> tuple[dict[str, dict[str, Any]], Tables]:
    """Every board of `folder`, checked against the tables in `hardware`.

    HardwareError lists the faults of all boards.
    """
    tables = read_tables(hardware)
    boards, errors = {}, []
    for path in sorted(folder.glob("*.toml")):
        try:
            board = read_board(path)
        except HardwareError as error:
            errors += error.faults
            continue
        errors += rules.check(board, tables)
        boards[path.stem] = board.values
    if errors:
        raise HardwareError(list(dict.fromkeys(errors)))
    return boards, tables


def outputs(boards: dict[str, dict[str, Any]], tables: Tables) -> Texts:
    """Every generated file's path and text. HardwareError: a circuit breaks a rule."""
    texts: Texts = {
        "docs/reference/boards/index.md": pages.index_page(boards, tables),
        "docs/reference/profiles.md": profile_page.page(),
    }
    errors: list[str] = []
    circuits = []
    for name, board in boards.items():
        built = circuit(board, tables) if board["build"] != "none" else None
        texts[f"firmware/boards/{name}.py"] = firmware.module(
            board, tables.mcus[board["mcu"]], _off_max_ms(board, built)
        )
        found = _faults(built, board, tables) if built else []
        if not found:
            texts[f"docs/reference/boards/{name}.md"] = pages.board_page(board, tables, built)
            texts |= _of_circuit(built, tables) if built else {}
            texts |= _single_faults(built, board, tables, texts) if built else {}
            texts |= _drawn(built, tables.builds[board["build"]]) if built else {}
            circuits += [built] if built else []
        errors += found
    if errors:
        raise HardwareError(errors)
    return texts | _libraries(circuits) | _kit(circuits, tables)


def _off_max_ms(board: dict[str, Any], built: Circuit | None) -> int:
    """Of the second break; the virtual board has what the rule allows at most."""
    if "tx_pulse" not in board["pins"]:
        return 0
    held = hold(built) if built else None
    return ceil(times(built, held).off_max_ms or 0) if built and held else breaks.OFF_MAX_ms


def _faults(built: Circuit, board: dict[str, Any], tables: Tables) -> list[str]:
    found = erc.check(built)
    chain = tables.builds[board["build"]].get("chain")
    if found or not chain:
        return found
    return breaks.check(built, board, chain) or cable.check_circuit(built, chain)


def _single_faults(built: Circuit, board: dict[str, Any], tables: Tables, before: Texts) -> Texts:
    """Return the table of each board that transmits; a build's page comes from its first board."""
    build = tables.builds[board["build"]]
    if "chain" not in build:
        return {}
    rows = faults.table(built, board, build["chain"])
    page = f"docs/reference/faults-{board['build']}.md"
    texts = {f"hardware/faults/{board['name']}.csv": faults.text(rows)}
    return (
        texts if page in before else texts | {page: fault_page.page(board, build["title"], rows)}
    )


def _drawn(built: Circuit, build: dict[str, Any]) -> Texts:
    name = built.board
    drawn = sheet(built, build["sheet"])
    return {
        f"docs/reference/boards/img/{name}-circuit.svg": sheet_svg.svg(name, drawn),
        f"hardware/kicad/{name}.kicad_sch": schematic.schematic(built, drawn),
        f"hardware/kicad/{name}.kicad_pro": schematic.PROJECT % name,
    }


def _kit(circuits: list[Circuit], tables: Tables) -> Texts:
    found = kit.read_kit(HARDWARE)
    built = next((one for one in circuits if one.board == found["board"]), None)
    if built is None:
        raise HardwareError([f"hardware/kit.toml:1: board: there is no board {found['board']!r}"])
    return {"docs/howto/kit.md": kit.page(found, built, tables)}


def _libraries(circuits: list[Circuit]) -> Texts:
    files = {"crowdcharge.kicad_sym": schematic.library(circuits)} | schematic.tables(circuits)
    return {f"hardware/kicad/{name}": text for name, text in files.items()}


def _of_circuit(built: Circuit, tables: Tables) -> Texts:
    name = built.board
    return {
        f"hardware/bom/{name}.csv": bom.table(built, tables),
        f"hardware/kicad/{name}.net": kicad.netlist(built),
        f"hardware/wiring/{name}.yml": wiring.wireviz(built),
    }


def stale(root: Path, texts: Texts) -> list[str]:
    """Paths of the files that are missing or differ."""
    return [path for path, text in texts.items() if _read(root / path) != text]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
