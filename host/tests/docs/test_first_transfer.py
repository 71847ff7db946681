# SPDX-License-Identifier: MIT
"""Every command of docs/tutorials/first-transfer.md, in its order, against a virtual bench."""

import json
import math
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.boards import codes
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.store import Store
from wptcore import wire
from wptcore.fod import LossCurve

PAGE = Path(__file__).parents[3] / "docs" / "tutorials" / "first-transfer.md"
BLOCK = re.compile(r"^```(sh|toml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MARGIN = 0.05  # the receiver's meter is as built: 2.5 %, and the pairs are of two instants
BENCH_UP = "crowdcharge bench up bench.toml"


def blocks():
    """(kind, text) in the page's order."""
    return BLOCK.findall(PAGE.read_text(encoding="utf-8"))


class Reader:
    """Somebody who follows the page in a folder of their own."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        self.folder = folder
        self.out = ""
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        (folder / "bin").mkdir()
        shim = folder / "bin" / "crowdcharge"
        shim.write_text(
            f"#!{sys.executable}\nfrom crowdcharge.cli import main\nmain()\n", encoding="utf-8"
        )
        shim.chmod(0o755)
        self.environment = os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
        self.bench = None

    def write(self, text: str) -> None:
        name = text.splitlines()[0].removeprefix("# ")
        if self.bench:
            text = re.sub(
                r'transport = ".*"', f'transport = "{self.ready["transports"][0]}"', text
            )
        (self.folder / name).write_text(text, encoding="utf-8")

    def run(self, text: str) -> None:
        if text.strip() == BENCH_UP:
            self.start_bench()
        elif text.startswith("A="):
            names = (board["serial"] for board in self.ready["boards"])
            self.environment |= dict(zip("AB", names, strict=True))
        else:
            for line in text.splitlines():
                self.command(line)

    def start_bench(self) -> None:
        self.bench = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {BENCH_UP} --json"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ready = json.loads(self.bench.stdout.readline())

    def command(self, line: str) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        self.out += done.stdout

    def close(self) -> None:
        if self.bench:
            self.bench.terminate()
            self.bench.wait(20)
            self.bench.stdout.close()


def check_curve(curve: dict) -> None:
    """Finite, monotone, and within MARGIN of the loss that the bench really simulates."""
    assert all(math.isfinite(value) for value in curve.values() if isinstance(value, float))
    keys = ("offset_mW", "linear_permille", "square_permille_per_W", "threshold_mW")
    board, link = LossCurve(*(curve[key] for key in keys)), CoilLink()
    assert curve["received_max_mW"] > 2 * curve["received_min_mW"]
    powers_mW = range(round(curve["received_min_mW"]), round(curve["received_max_mW"]), 20)
    sent_mW = [board.sent_mW(power_mW) for power_mW in powers_mW]
    assert all(after > before for before, after in pairwise(sent_mW))
    for power_mW, found_mW in zip(powers_mW, sent_mW, strict=True):
        true_mW = 1000 * link.sent_W(power_mW / 1000, 1.0)
        assert found_mW == pytest.approx(true_mW, rel=MARGIN), power_mW


@pytest.fixture
def reader(tmp_path, monkeypatch):
    reader = Reader(tmp_path, monkeypatch)
    try:
        yield reader
    finally:
        reader.close()


@pytest.mark.bench
@pytest.mark.vm
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_command_of_the_page(reader):
    for kind, text in blocks():
        if kind == "toml":
            reader.write(text)
        else:
            reader.run(text)
    with Store.read(reader.folder / "first" / "ledger.sqlite") as store:
        transfers = Book.of(store.rows()).transfers.values()
    states = [transfer.state for transfer in transfers]
    assert len(states) >= 2
    assert set(states) == {"settled"}
    found = json.loads((reader.folder / "calibration.json").read_text())["boards"]["1"]
    assert found["tx"]["correction"]["gain_ppm"] != 0
    assert len(found["tx-bus"]["points"]) == 2
    assert found["tx-bus"]["correction"]["u_gain_ppm"] > 0
    assert found["curve"]["hash"] in reader.out
    check_curve(found["curve"])
    last = list(transfers)[-1]
    assert last.received_mJ > 10_000, "the page ends with a transfer"
    with Store.read(reader.folder / "first" / "ledger.sqlite") as store:
        book = Book.of(store.rows())
    assert codes.name(book.receipt(last, wire.PTX).ept) != "FOREIGN_OBJECT"
    report = (reader.folder / "first" / "report.html").read_text(encoding="utf-8")
    assert "Calibrated meters: 1 tx" in report
    assert "from the donor&#x27;s battery lead" in report


def test_the_page_has_its_commands():
    """The extraction itself: nothing that looks like a command is outside a block."""
    text = PAGE.read_text(encoding="utf-8")
    commands = [line for line in text.splitlines() if line.startswith("crowdcharge ")]
    inside = "".join(block for kind, block in blocks() if kind == "sh").splitlines()
    assert commands == [line for line in inside if line.startswith("crowdcharge ")]
    for name in ("flash", "provision", "selftest", "calibrate", "console", "run", "ledger"):
        assert any(line.startswith(f"crowdcharge {name} ") for line in commands), name
