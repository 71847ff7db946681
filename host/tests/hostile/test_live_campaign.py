# SPDX-License-Identifier: MIT
"""Random faults and commands on the live bench, with the bench's own witness after every step.

CI plays four sequences; two hundred: `pytest -m long host/tests/hostile/test_live_campaign.py`.
`--seed N` repeats a failure as far as real time allows: the bench's timing is not seeded.
"""

import asyncio
import contextlib
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from crowdcharge.errors import WptError
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.settlement import ONE_SIDED
from crowdcharge.ledger.verify import verify
from crowdcharge.radio.bleak_radio import BleakLink
from wptcore import wire

pytestmark = [
    pytest.mark.bench,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]

LATENCY_s = 0.35  # from the host's write to the board's loop, on a busy machine
GAUGE_s = 0.6  # until a battery that was swapped is known
WATCHDOG_s = 8.0  # a hung processor keeps its coil for so long at the most
# (fault, what it does, what takes it back)
FAULTS: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = [
    ("hot-coil", {"temperature_C": 70.0}, {"on": False}),
    ("hot-battery", {"temperature_C": -5.0}, {"on": False}),
    ("sensor", {"which": "coil", "broken": "open"}, {"which": "coil", "on": False}),
    ("meter-dead", {"side": "tx"}, {"side": "tx", "on": False}),
    ("meter-dead", {"side": "rx"}, {"side": "rx", "on": False}),
    ("meter-overflow", {"side": "tx"}, {"side": "tx", "on": False}),
    ("meter-calibration", {"side": "rx"}, None),
    ("meter-jump", {"side": "tx", "current_A": 2.5}, None),
    ("gauge-lost", {}, {"on": False}),
    ("cable", {}, {"on": False}),
    ("foreign-object", {"power_W": 1.5}, {"power_W": 0.0}),
    ("stuck-switch", {}, {"on": False}),
    ("link-drop", {}, {"on": False}),
    ("packet-loss", {"share": 0.2}, {"share": 0.0}),
    ("packet-duplication", {"share": 0.5}, {"share": 0.0}),
    ("rssi", {"rssi_dBm": -95.0}, {"rssi_dBm": -55.0}),
    ("clock-jump", {"seconds": -3600.0}, None),
    ("reset", {}, None),
    ("brown-out", {"off_s": 0.2}, None),
    ("freeze", {}, {}),
    ("soc", {"soc_pct": 21.0}, {"soc_pct": 60.0}),
]
COMMANDS = ("stop", "grant", "clear", "ping", "none", "none")


# For how long the body of a command allows power.
_ALLOWS_ms = {
    wire.GRANT: lambda body: body[9],
    wire.RENEW: lambda body: body[1],
    wire.PING: lambda body: body[1] + 1000,
}


class Grants:
    """Every permission that a host wrote, by board: (bench time, transfer, lease)."""

    def __init__(self, rig: Any) -> None:
        self._rig = rig
        self.written: dict[str, list[tuple[float, float]]] = {}
        self.offset_s = 0.0
        self._hung_until_s: dict[str, float] = {}

    async def calibrate(self) -> None:
        """Measure what lies between the host's clock and the bench's, which run alike."""
        self.offset_s = await self._rig.now_s() - self._rig.clock.now_s()

    def note(self, address: str, frame: bytes) -> None:
        if frame[1] not in _ALLOWS_ms:
            return
        lease_ms = _ALLOWS_ms[frame[1]](wire.unpack_body(frame))
        now_s = self._rig.clock.now_s() + self.offset_s
        self.written.setdefault(address, []).append((now_s, lease_ms / 1000))

    def hang(self, address: str, at_s: float) -> None:
        self._hung_until_s[address] = at_s + WATCHDOG_s + LATENCY_s

    def thaw(self, address: str, at_s: float) -> None:
        self._hung_until_s[address] = at_s + LATENCY_s

    def hangs(self, address: str, at_s: float) -> bool:
        return at_s <= self._hung_until_s.get(address, 0.0)

    def allowed(self, address: str, at_s: float) -> bool:
        """Tell whether a host's permission may be live at `at_s`."""
        return any(
            written_s - LATENCY_s <= at_s <= written_s + lease_s + LATENCY_s
            for written_s, lease_s in self.written.get(address, ())
        )


@pytest_asyncio.fixture(loop_scope="module")
async def grants(rig, monkeypatch):
    found = Grants(rig)
    await found.calibrate()
    write = BleakLink.write

    async def tapped(self, uuid: str, data: bytes) -> None:
        if uuid == wire.COMMAND_UUID:
            found.note(self.address.upper(), data)
        await write(self, uuid, data)

    monkeypatch.setattr(BleakLink, "write", tapped)
    return found


async def check(rig: Any, grants: Grants, since_s: float, soc_changed_s: float) -> None:
    """Check the witness's word on every edge since `since_s`, and on the plant now."""
    for board_id in (1, 2):
        address = rig.bench.addresses[board_id].upper()
        edges = (await rig.control.witness(since_s=since_s, board=board_id))["changes"]
        on: set[str] = set()
        for edge in edges:
            (on.add if edge["on"] else on.discard)(edge["coil"])
            assert len(on) < 2, f"board {board_id}: both roles at {edge['time_s']}"
            allowed = grants.allowed(address, edge["time_s"])
            assert allowed or not edge["on"], f"board {board_id} on without a grant: {edge}"
    status = await rig.control.status()
    for board in status["boards"][:2]:
        address = rig.bench.addresses[board["id"]].upper()
        if not board["tx_on"] or grants.hangs(address, status["time_s"]):
            continue
        allowed = grants.allowed(address, status["time_s"])
        assert allowed, f"board {board['id']} transmits without a live grant"
        known = status["time_s"] - soc_changed_s > GAUGE_s
        assert board["soc_pct"] > 19.9 or not known, f"below the floor: {board}"
    sent_J = sum(board["sent_J"] for board in status["boards"])
    assert sent_J >= sum(board["received_J"] for board in status["boards"])


async def command(rig: Any, name: str, board_id: int, rng: Random) -> None:
    with contextlib.suppress(WptError, TimeoutError):  # it may be out of reach just now
        async with asyncio.timeout(3):
            await _command(rig, name, board_id, rng)


async def _command(rig: Any, name: str, board_id: int, rng: Random) -> None:
    if name == "stop":
        ack = await (await rig.link(board_id)).ask()
        await rig.command(board_id, wire.STOP, ack.transfer_id)
    elif name == "grant":
        await rig.grant(board_id, rng.choice((1, 2)), lease_ms=rng.choice((500, 2000, 5000)))
    elif name == "clear":
        for code in await rig.faults(board_id):
            await rig.command(board_id, wire.CLEAR, code)
    elif name == "ping":
        await rig.command(board_id, wire.PING, rng.randrange(1, 1 << 31), 1000)


async def sequence(rig: Any, grants: Grants, rng: Random) -> None:
    """Run a transfer, one to three faults and commands at random moments, then all well again."""
    since_s = await rig.now_s()
    soc_changed_s = since_s
    rig.start(energy_J=rng.choice((3.0, 50.0)))
    await asyncio.sleep(rng.uniform(0, 2))
    cures = []
    for _ in range(rng.randint(1, 3)):
        fault, given, back = rng.choice(FAULTS)
        board_id = rng.choice((1, 2))
        done_s = await rig.control.fault(fault, board_id, **given)
        soc_changed_s = done_s if fault == "soc" else soc_changed_s
        if fault == "freeze":
            grants.hang(rig.bench.addresses[board_id].upper(), done_s)
        cures.append((fault, board_id, back))
        await command(rig, rng.choice(COMMANDS), board_id, rng)
        await asyncio.sleep(rng.uniform(0, 1.5))
        await check(rig, grants, since_s, soc_changed_s)
    rig.quiet()
    for fault, board_id, back in cures:
        if fault == "freeze":
            thawed_s = await rig.control.fault("thaw", board_id)
            grants.thaw(rig.bench.addresses[board_id].upper(), thawed_s)
        elif back is not None:
            soc_changed_s = await rig.control.fault(fault, board_id, **back)
    await check(rig, grants, since_s, soc_changed_s)


async def settle(rig: Any) -> Book:
    """Both boards healthy and every transfer closed; the books add up.

    What a board received while its partner refused our grant and obeyed the second host instead
    stays one-sided: there is no receipt that could come.
    """
    await rig.healthy()

    async def closed() -> bool:
        refused = {row["transfer_id"] for row in rig.rows("refusal")}
        left = rig.store.book.unsettled()
        return all(each.state == ONE_SIDED and each.transfer_id in refused for each in left)

    await rig.poll(closed, "every transfer settled")
    findings = [each for each in verify(rig.store.rows(), rig.keys) if each.wrong]
    assert findings == []
    raws = [row["raw"] for row in rig.rows("receipt")]
    assert len(raws) == len(set(raws)), "a receipt was counted twice"
    return rig.store.book


async def check_meters(rig: Any, book: Book) -> None:
    """Check that each role's newest receipt carries the odometer that the board shows now."""
    for board_id in (1, 2):
        beacon = await (await rig.link(board_id)).status()
        for role, shown_mJ in ((wire.PTX, beacon.sent_mJ), (wire.PRX, beacon.received_mJ)):
            last = book.last_receipt.get((board_id, role))
            told_mJ = last.odometer_mJ if last else 0
            alone = await foreign_receipts_mJ(rig, board_id, role, told_mJ)
            assert told_mJ + alone == shown_mJ, (board_id, role)


async def foreign_receipts_mJ(rig: Any, board_id: int, role: int, after_mJ: int) -> int:
    """On receipts of the second host's own transfers, which the first one's ledger may lack."""
    receipts = await (await rig.link(board_id)).receipts()
    mine = [each for each in receipts if each.role == role and each.odometer_mJ > after_mJ]
    return sum(each.energy_mJ for each in mine)


async def campaign(rig: Any, grants: Grants, sequences: int, seed: int) -> None:
    for number in range(sequences):
        rng = Random(seed * 10_000 + number)
        try:
            await sequence(rig, grants, rng)
            await settle(rig)
        except AssertionError as error:
            raise AssertionError(f"--seed {seed}, sequence {number}: {error}") from error
    await check_meters(rig, rig.store.book)


@pytest.mark.timeout(600)
async def test_a_few_sequences_break_nothing(rig, grants, seed):
    await campaign(rig, grants, 4, seed)


@pytest.mark.long
@pytest.mark.timeout(14_400)
async def test_two_hundred_sequences_break_nothing(rig, grants, seed):
    await campaign(rig, grants, 200, seed + 1)
