# SPDX-License-Identifier: MIT
"""Every decoder against thousands of damaged inputs, on CPython and on the boards' own VM.

The full size is one command: `python host/fuzz/run.py all` (a million each).
"""

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crowdcharge.bench.board.micropython import binary

ROOT = Path(__file__).parents[3]
FUZZ = ROOT / "host" / "fuzz"
INPUTS = {"ledger-file": 300, "bench-config": 1000, "ledger-rows": 1000}
ON_VM = (
    "alias",
    "mandate",
    "beacon",
    "challenge",
    "receipts",
    "frame",
    "command",
    "journal",
    "console",
)
VM_INPUTS = 10_000


def load(name: str):
    sys.path.insert(0, str(FUZZ))
    try:
        spec = importlib.util.spec_from_file_location(name, FUZZ / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FUZZ))
    return module


targets = load("targets")
mutate = load("mutate")
run = load("run")


@pytest.mark.parametrize("name", targets.TARGETS)
def test_damaged_inputs_raise_what_is_declared_and_nothing_else(name):
    run.by_mutation(name, INPUTS.get(name, 2000), seed=1)


def test_what_was_found_once_stays_mended():
    for path in sorted((FUZZ / "findings").glob("*-*")):
        name = path.name.rpartition("-")[0]
        run.try_one(name, targets.TARGETS[name], path.read_bytes())


def test_a_decoder_that_breaks_is_reported_and_its_input_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "FINDINGS", tmp_path)
    broken = targets.Target(lambda data: data[5], (ValueError,), lambda: [b"0123456"])
    monkeypatch.setitem(run.TARGETS, "broken", broken)
    with pytest.raises(run.FindingError, match="IndexError"):
        run.by_mutation("broken", 1000, 1)
    assert len(list(tmp_path.iterdir())) == 1
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)  # or it would end another test


@pytest.mark.vm
@pytest.mark.parametrize("name", ON_VM)
def test_ten_thousand_inputs_on_the_vm(name, tmp_path):
    seeds = targets.TARGETS["command" if name == "frame" else name].seeds()
    source = mutate.inputs(seeds, 1)
    with (tmp_path / "inputs").open("wb") as file:
        for _ in range(VM_INPUTS):
            data = next(source)
            file.write(len(data).to_bytes(4, "little") + data)
    command = [
        binary(),
        "-X",
        "heapsize=4m",
        ROOT / "firmware" / "tools" / "vm_decoders.py",
        ROOT / "firmware",
        name,
    ]
    ran = subprocess.run(
        [*command, tmp_path / "inputs"], capture_output=True, text=True, timeout=110, check=False
    )
    assert ran.stdout.strip().endswith(f"{name}: {VM_INPUTS} inputs"), ran.stdout + ran.stderr
