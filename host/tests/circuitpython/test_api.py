# SPDX-License-Identifier: MIT
"""The port uses CircuitPython's API as `circuitpython-stubs` publishes it, and so do its shims.

This checks names, signatures and types. It does not run CircuitPython.
"""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

from crowdcharge.flash import firmware_tree

PORT = firmware_tree.root() / "ports" / "circuitpython"
SHARED = firmware_tree.root() / "ports" / "shared"
SHIMS = Path(firmware_tree.__file__).parents[1] / "bench" / "shims" / "circuitpython"
STUBS = Path(str(distribution("circuitpython-stubs").locate_file("")))
BOARDS = {  # ours -> CircuitPython's own name of the board, if the stubs have it
    "feather_esp32s3_cp": "adafruit_feather_esp32s3_4mbflash_2mbpsram",
    "feather_nrf52840": "feather_nrf52840_express",
    "xiao_nrf52840": "Seeed_XIAO_nRF52840_Sense",
}
# What the checker says and is not so: chips that have no such part have None there, the nRF52840
# has it; and `sha256` is defined in two ways, of which one is taken.
FALSE_POSITIVES = {
    ("hal.py", "union-attr", "WatchDogTimer | None"),
    ("memory.py", "index", "ByteArray | None"),
    ("sha.py", "no-redef", "sha256"),
}
# Made by the runtime, never by a program; the shims make them with what they need.
MADE_BY_THE_RUNTIME = {"_bleio.Connection.__init__", "_bleio.Adapter.__init__"}

# -- types -------------------------------------------------------------------------------


def type_errors(port: Path, folder: Path) -> list[str]:
    """Return what mypy says of the port with one board's pins, apart from false positives."""
    board = folder / "stubs" / "board"
    board.mkdir(parents=True)
    definition = STUBS / "board_definitions" / BOARDS["feather_nrf52840"] / "__init__.pyi"
    shutil.copy(definition, board)
    paths = [board.parent, firmware_tree.root(), port, SHARED]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file=", "--explicit-package-bases"),
            *("--check-untyped-defs", "--ignore-missing-imports", "--no-error-summary"),
            "--follow-imports=silent",  # what both ports share has no CircuitPython in it
            *("--cache-dir", str(folder / "cache")),
            *sorted(path.name for path in port.glob("*.py")),
        ],
        cwd=port,
        env={"MYPYPATH": ":".join(map(str, paths))},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode < 2, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if not _is_false_positive(line)]


def _is_false_positive(line: str) -> bool:
    return any(
        line.startswith(file) and line.endswith(f"[{code}]") and what in line
        for file, code, what in FALSE_POSITIVES
    )


def test_the_port_is_typed_as_circuitpython_is(tmp_path):
    assert type_errors(PORT, tmp_path) == []


def test_a_wrong_name_and_a_wrong_argument_would_show(tmp_path):
    port = tmp_path / "port"
    shutil.copytree(PORT, port)
    radio = port / "radio.py"
    text = radio.read_text().replace("stop_advertising", "halt_advertising")
    radio.write_text(text.replace("interval=_ADVERT_s", "interval_s=_ADVERT_s"))
    told = "\n".join(type_errors(port, tmp_path))
    assert '"Adapter" has no attribute "halt_advertising"' in told
    assert 'Unexpected keyword argument "interval_s"' in told


# -- boards ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOARDS)
def test_the_boards_pins_exist(name):
    """Every pin of our board module is a pin of CircuitPython's `board` for that board."""
    definition = STUBS / "board_definitions" / BOARDS[name] / "__init__.pyi"
    known = set(_names(ast.parse(definition.read_text(encoding="utf-8"))))
    module = ast.parse((firmware_tree.root() / "boards" / f"{name}.py").read_text())
    used = {
        each.value.value
        for each in module.body
        if isinstance(each, ast.Assign)
        and re.search(r"PIN$|^I2C_S", each.targets[0].id)
        and isinstance(each.value, ast.Constant)
        and isinstance(each.value.value, str)
    }
    assert len(used) >= 6
    assert used <= known


# -- shims -------------------------------------------------------------------------------


def _names(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def public_members(source: str) -> dict[str, list[str]]:
    """Public name, of a class's member with its class -> signatures; [] for what is no method."""
    found: dict[str, list[str]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found[node.name] = []
            for member in node.body:
                _note(found, f"{node.name}.", member)
        else:
            _note(found, "", node)
    return {name: signatures for name, signatures in found.items() if _is_public(name)}


def _note(found: dict[str, list[str]], prefix: str, node: ast.stmt) -> None:
    if isinstance(node, ast.FunctionDef):
        signatures = found.setdefault(prefix + node.name, [])
        if not node.decorator_list or _decorators(node) == {"classmethod"}:
            signatures.append(_signature(node.args))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        found.setdefault(prefix + node.target.id, [])
    elif isinstance(node, ast.Assign) and prefix:
        for target in node.targets:
            if isinstance(target, ast.Name):
                found.setdefault(prefix + target.id, [])


def _decorators(node: ast.FunctionDef) -> set[str]:
    return {ast.unparse(each) for each in node.decorator_list}


def _signature(arguments: ast.arguments) -> str:
    for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        each.annotation = None
    return re.sub(r"0x[0-9a-f]+", lambda match: str(int(match[0], 16)), ast.unparse(arguments))


def _is_public(name: str) -> bool:
    return not any(part.startswith("_") and part != "__init__" for part in name.split("."))


@pytest.mark.parametrize(
    "module",
    [
        *("_bleio", "analogio", "busio", "digitalio", "microcontroller", "supervisor", "usb_cdc"),
        "watchdog",
    ],
)
def test_a_shim_promises_nothing_that_circuitpython_has_not(module):
    """Same names, same parameters, same defaults."""
    stub = public_members((STUBS / f"{module}-stubs" / "__init__.pyi").read_text("utf-8"))
    shim = public_members((SHIMS / f"{module}.py").read_text("utf-8"))
    assert shim
    for name, signatures in shim.items():
        if f"{module}.{name}" in MADE_BY_THE_RUNTIME:
            continue
        assert name in stub, f"{module}.{name} is not in CircuitPython"
        for signature in signatures:
            assert signature in stub[name], f"{module}.{name}"


def test_a_shim_with_another_signature_would_show():
    stub = public_members("class I2C:\n    def scan(self, *, fast: bool = False) -> int: ...\n")
    assert stub == {"I2C": [], "I2C.scan": ["self, *, fast=False"]}
    assert public_members("class I2C:\n    def scan(self): ...\n")["I2C.scan"] == ["self"]
