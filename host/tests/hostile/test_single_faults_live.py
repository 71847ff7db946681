# SPDX-License-Identifier: MIT
"""Every row of the single-fault tables, done to boards that transfer: they do what it says.

The rows are those of hardware/faults/*.csv; rows that differ in nothing but the part are one test.
Judged is the bench's own state of the transmitter's supply, which no firmware can talk away.
"""

import csv
import dataclasses
import tomllib
from pathlib import Path

import pytest
import pytest_asyncio

from crowdcharge.bench.hub.launch import launch
from crowdcharge.boards import codes
from crowdcharge.flash import firmware_tree
from crowdcharge.orchestrator.events import FaultRaised
from wptcore import ept, wire

from .instant import Instant
from .qi_chip import let_chip_transmit
from .rig import Rig, matrix_config

pytestmark = [
    pytest.mark.bench,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

TABLES = sorted((Path(__file__).parents[3] / "hardware" / "faults").glob("*.csv"))
ERRORS = tomllib.loads((firmware_tree.root() / "errors.toml").read_text(encoding="utf-8"))
REACTION_ms = {
    entry["name"]: entry["reaction_ms"]
    for entry in (*ERRORS["fault"], *ERRORS["end"])
    if "reaction_ms" in entry
}
OFF_MAX_ms = 500
LOOK_ms = 50  # how exactly the bench tells when the supply went
COUNTED_ms = {"gauge-frozen": 60_000}  # not timed: 3 % of the cell's energy
DEAD = ("kill", "freeze", "brown-out")
# What shows that a guard is lost, and another one acts.
PROVOKED = {
    "interlock-lost which=first": ("cable", {}),
    "interlock-lost which=second": ("cable", {}),
    "pin-stuck pin=cable_sense level=low": ("cable", {}),
    "cut-lost which=coil": ("hot-coil", {"temperature_C": 75.0}),
    "reading-frozen which=coil": ("hot-coil", {"temperature_C": 75.0}),
    "cut-lost which=cell": ("bus-voltage", {"side": "tx", "voltage_V": 2.5}),
}
IN_CI = ("stuck-switch which=first", "stuck-switch which=second", "interlock-lost which=first")


@dataclasses.dataclass(frozen=True)
class Row:
    bench: str  # the fault and its parameters
    power: str
    noticed_by: str

    @property
    def fault(self) -> str:
        return self.bench.split()[0]

    @property
    def parameters(self) -> dict[str, str]:
        return dict(pair.split("=") for pair in self.bench.split()[1:])

    @property
    def board(self) -> int:
        """1 sends to 2; 5 has a Qi chip."""
        if self.fault == "qi-locked":
            return 5
        return 2 if "rx" in self.parameters.values() or "receiver" in self.bench else 1


def rows() -> list[object]:
    found: dict[Row, str] = {}
    for path in TABLES:
        with path.open(encoding="utf-8") as file:
            for line in csv.DictReader(file):
                row = Row(line["bench"], line["power"], line["noticed by"])
                found.setdefault(row, line["fault"])
    assert len(found) > 40, "the tables are not all there"
    return [
        pytest.param(row, id=name, marks=[] if row.bench in IN_CI else [pytest.mark.long])
        for row, name in found.items()
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes(tmp_path_factory):
    """As the shared rig, with boards that somebody may build as the pair."""
    config = matrix_config()
    pair = [dataclasses.replace(board, board="feather_esp32s3") for board in config.boards[:2]]
    config = dataclasses.replace(config, boards=(*pair, *config.boards[2:]))
    folder = tmp_path_factory.mktemp("single")
    async with launch(config, folder / "bench") as bench:
        rig = Rig(bench, folder, None)
        async with rig.running():
            yield rig


@pytest.mark.parametrize("row", rows())
async def test_a_single_fault_does_what_its_row_says(nodes, row):
    rig = nodes
    await rig.healthy()
    sender = 5 if row.board == 5 else 1
    await (let_chip_transmit(rig) if sender == 5 else rig.flowing())
    rig.quiet()
    mark = len(rig.events)
    since = await rig.fault(row.fault, row.board, **row.parameters)
    if row.noticed_by in REACTION_ms and row.fault != "stuck-receiver":
        await ends_by_itself(rig, row, sender, since, mark)
    elif row.fault in DEAD:
        await supply_ends(rig, sender, since, OFF_MAX_ms)
    elif row.bench in PROVOKED:
        fault, parameters = PROVOKED[row.bench]
        provoked = await rig.fault(fault, row.board, **parameters)
        await supply_ends(rig, sender, provoked, OFF_MAX_ms)
    elif row.fault == "open-switch":
        await supply_ends(rig, sender, since, OFF_MAX_ms)
        await told(rig, sender, "NO_RESPONSE", mark)
    else:
        await stop(rig, sender)
        await found_at_the_next_test(rig, row)


async def ends_by_itself(rig, row: Row, sender: int, since: Instant, mark: int) -> None:
    """Expect that the board that has the fault notices and names it."""
    within_ms = REACTION_ms[row.noticed_by]
    within_ms += COUNTED_ms.get(row.fault, 0)
    if row.board == 2:
        off = await rig.off(2, "rx", since.time_s)
        assert off.after_ms(since) <= within_ms
        await supply_ends(rig, sender, off, None)
    else:
        await supply_ends(rig, sender, since, within_ms)
    await told(rig, row.board, row.noticed_by, mark)


async def found_at_the_next_test(rig, row: Row) -> None:
    """Expect a stuck switch latched, at the end of this transfer, or the start of the next."""
    if row.fault == "stuck-receiver" or row.parameters.get("which") == "second":
        await rig.poll(lambda: supply_rests(rig), "half a second without pulses")
        assert await rig.grant(1, wire.PTX, lease_ms=5000) == ept.NONE
    if row.fault.startswith("stuck-"):
        await rig.stands(row.board, ept.STUCK_SWITCH, True, 10.0)


async def supply_rests(rig) -> bool:
    board = await rig.control.board(1)
    return not board["tx_power"] and await rig.now_s() - board["tx_power_since_s"] > 1.0


async def supply_ends(rig, board: int, since: Instant, within_ms: int | None) -> None:
    """Expect that the transmitter loses its supply; None: in whatever time."""

    async def off() -> dict | None:
        found = await rig.control.board(board)
        return None if found["tx_power"] else found

    found = await rig.poll(off, f"board {board} without power", 120.0)
    if within_ms is not None:
        off = Instant(found["tx_power_since_s"], found["tx_power_waited_s"])
        assert off.after_ms(since) <= within_ms + LOOK_ms


async def told(rig, board: int, name: str, mark: int) -> None:
    """Expect that the board names it, as a fault that it raised or as its end."""

    async def so() -> bool:
        if rig.told(FaultRaised, mark, board, name):
            return True
        return codes.name((await (await rig.link(board)).ask()).ept) == name

    await rig.poll(so, f"board {board} tells {name}")


async def stop(rig, board: int) -> None:
    """By the host's word, as the second host passes it on."""
    running = (await (await rig.link(board)).ask()).transfer_id
    since = Instant(await rig.now_s(), await rig.waited_s(board))
    if running:
        await rig.command(board, wire.STOP, running)
    off = await rig.off(board, "tx", since.time_s) if await is_on(rig, board) else since
    await supply_ends(rig, board, off, OFF_MAX_ms)


async def is_on(rig, board: int) -> bool:
    return bool((await rig.control.board(board))["tx_on"])
