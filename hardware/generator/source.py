# SPDX-License-Identifier: MIT
"""Read the TOML sources, remember the line of every key, check boards against the JSON schema."""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

HARDWARE = Path(__file__).parents[1]

# What a board says for itself alone, because the schematic of another is not made safe by it.
OWN = ("vbus_interlock",)
ABSENT = "absent"  # a board writes this to drop a key of the board that it extends

Where = dict[tuple[str, ...], tuple[str, int]]  # key path -> (file, line)


class HardwareError(Exception):
    """One or more faults in the sources, each one line `file:line: what is wrong`."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Source:
    """A board's values with `extends` resolved, and where each came from."""

    values: dict[str, Any]
    where: Where

    def fault(self, path: str, text: str) -> str:
        file, line = self.locate(tuple(path.split(".")))
        return f"{file}:{line}: {path}: {text}"

    def locate(self, path: tuple[str, ...]) -> tuple[str, int]:
        """Where `path` stands; a missing key is located at its table."""
        while path not in self.where:
            path = path[:-1]
        return self.where[path]


def read_toml(path: Path) -> Source:
    """Read one file as it is. HardwareError: it is not TOML, with the line."""
    shown = _shown(path)
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise HardwareError([f"{shown}:1: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise HardwareError([f"{shown}:{line}: is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at ")
        found = re.search(r"line (\d+)", place)
        line = int(found.group(1)) if found else len(text.splitlines())
        raise HardwareError([f"{shown}:{line}: is not TOML: {reason}"]) from None
    return Source(values, {(): (shown, 1)} | _lines(text, shown))


def read_board(path: Path) -> Source:
    """Read a board over the keys of the board that it extends; check it by the schema."""
    own = read_toml(path)
    source = _extended(own, path)
    faults = schema_faults(source, json.loads((HARDWARE / "boards.schema.json").read_text()))
    if not faults and source.values["name"] != path.stem:
        faults.append(source.fault("name", f"must be the file's name, {path.stem!r}"))
    if faults:
        raise HardwareError(faults)
    return source


def read_table(path: Path, kind: str) -> Source:
    """mcus.toml, a file of parts/ or a build, checked; `kind` is its definition in the schema."""
    source = read_toml(path)
    schema = json.loads((HARDWARE / "tables.schema.json").read_text())
    faults = schema_faults(source, schema | {"$ref": f"#/$defs/{kind}"})
    if faults:
        raise HardwareError(faults)
    return source


def schema_faults(source: Source, schema: dict[str, Any]) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(source.values), key=lambda e: list(map(str, e.path)))
    return [source.fault(".".join(map(str, e.absolute_path)), _plain(e)) for e in errors]


def _extended(own: Source, path: Path) -> Source:
    base_name = own.values.get("extends")
    if base_name is None:
        return own
    base_path = path.with_name(f"{base_name}.toml")
    if not base_path.is_file():
        raise HardwareError([own.fault("extends", f"there is no board {base_name!r}")])
    base = read_toml(base_path)
    if "extends" in base.values:
        raise HardwareError([own.fault("extends", f"{base_name!r} extends another board itself")])
    inherited = {key: value for key, value in base.values.items() if key not in OWN}
    return Source(_merged(inherited, own.values), base.where | own.where)


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        below = base.get(key)
        if value == ABSENT:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(below, dict):
            merged[key] = _merged(below, value)
        else:
            merged[key] = value
    return merged


def _lines(text: str, shown: str) -> Where:
    """Return each table's and key's line; a source has a key a line and no multi-line strings."""
    where: Where = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            table = tuple(part.strip().strip('"') for part in header.group(1).split("."))
            where[table] = (shown, number)
        elif key := re.match(r'\s*("?)([A-Za-z0-9_.+-]+)\1\s*=', line):
            where[(*table, *key.group(2).split("."))] = (shown, number)
    return where


def _plain(error: jsonschema.ValidationError) -> str:
    """Return the message of jsonschema without the dump of a whole table."""
    if error.validator == "const":
        return f"must be {error.validator_value!r}"
    if error.validator == "pattern":
        return f"{error.instance!r} must match {error.validator_value}"
    return str(error.message).replace("Additional properties are not allowed ", "unknown key ")


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(HARDWARE.parent))
    except ValueError:
        return path.name
