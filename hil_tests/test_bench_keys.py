# SPDX-License-Identifier: MIT
"""Every key of both kinds of bench file is read by somebody, and the limits do what they say."""

import ast
import asyncio
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from hil_tests import benchfile
from hil_tests.benchfile import BenchBoard, BenchFile, MeteringLimits, Pair, Reference, Scpi
from hil_tests.dut import Dut, Host

from crowdcharge.bench import config
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.clock import BoardClock
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.radio.replay_radio import ReplayRadio

pytestmark = pytest.mark.mocked

HIL = Path(benchfile.__file__).parent
BENCH = Path(config.__file__).parent
# A key of this kind is for the people who read the file and the reports: no program acts on it.
FOR_PEOPLE = {(Pair, "coil"), (Reference, "id"), (Reference, "calibration")}


def _attributes_read(folder: Path) -> set[str]:
    """Return the names of attributes that the code of a folder reads, tests excluded."""
    read: set[str] = set()
    for path in folder.rglob("*.py"):
        if path.name.startswith("test_"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                read.add(node.attr)
    return read


@pytest.mark.parametrize(
    ("folder", "records"),
    [
        (HIL, (BenchFile, BenchBoard, Pair, Reference, Scpi, MeteringLimits)),
        (
            BENCH,
            (config.BenchConfig, config.BoardConfig, config.ContactsConfig, CoilLink, Placement),
        ),
    ],
    ids=["hil", "bench"],
)
def test_somebody_reads_every_key(folder: Path, records: tuple[type, ...]) -> None:
    read = _attributes_read(folder)
    unread = [
        f"{record.__name__}.{each.name}"
        for record in records
        if is_dataclass(record)
        for each in fields(record)
        if each.name not in read and (record, each.name) not in FOR_PEOPLE
    ]
    assert unread == []


def test_no_test_is_granted_longer_than_the_bench_file_says() -> None:
    """`transfer_max_s` bounds what the boards are granted, so it holds when the host dies."""
    granted: list[int] = []

    async def run() -> None:
        host = Host(ReplayRadio([], BoardClock()), {}, 1.0, 1, transfer_max_s=7.5)
        donor, receiver = Dut(host, 1, "virtual", ""), Dut(host, 2, "virtual", "")
        async with host.listening():
            for terms in (TransferTerms(), TransferTerms(duration_max_ms=3000)):
                made = host.run(donor, receiver, terms=terms)
                granted.append(made._transfer_run._terms.duration_max_ms)

    asyncio.run(run())
    assert granted == [7500, 3000]
