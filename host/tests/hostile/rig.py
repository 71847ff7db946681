# SPDX-License-Identifier: MIT
"""A live bench under a real orchestrator, a second host with the keys, and the bench's witness.

Deadlines count the bench's own seconds, and reactions what the board had of the machine, so a busy
machine makes these tests slow, not red.
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import Bench
from crowdcharge.bench.physics.breaks import CUTS, SWITCHES
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards import codes
from crowdcharge.boards.link import BoardLink
from crowdcharge.clock import BoardClock
from crowdcharge.errors import RadioError, WptError
from crowdcharge.flash.clearing import clear_by_console
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.events import (
    Event,
    FaultCleared,
    FaultRaised,
    Settled,
    TransferEnded,
)
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.radio import open_radio
from wptcore import ept, transfer, wire

from .instant import Instant
from .meetings import Give, Meetings

SPEED = 1.5
LEASE_ms = 2000
KEYS = {board_id: bytes([board_id]) * 32 for board_id in (1, 2, 4, 5)}
SOCS_pct = {1: 60.0, 2: 30.0}
UNHEARD = {"LEASE_LOST", "REBOOTED"}  # nobody could be asked when the transfer ended
STRANGERS = 3  # radios that belong to nobody
PATIENCE_s = 40.0  # bench seconds for what is not measured


def matrix_config() -> BenchConfig:
    """1 lies on 2; 3 was never provisioned, 4 has no coil, 5 on 3 has a Qi chip and no curve."""
    boards = (
        BoardConfig(1, SOCS_pct[1], 2000.0, key=KEYS[1].hex()),
        BoardConfig(2, SOCS_pct[2], 2000.0, key=KEYS[2].hex()),
        BoardConfig(3, 60.0),
        BoardConfig(4, 60.0, board="pico_w", key=KEYS[4].hex()),
        BoardConfig(5, 60.0, board="feather_esp32s3_st", key=KEYS[5].hex(), calibrated=False),
    )
    together = ((Placement((1, 2)), Placement((3, 5))),)
    return BenchConfig(boards, contacts=ContactsConfig(together), speed=SPEED, hosts=2 + STRANGERS)


class Rig:
    """`events` are the orchestrator's; `link` is the second host's."""

    def __init__(
        self, bench: Bench, folder: Path, strangers: Any, reactions: Path | None = None
    ) -> None:
        self._strangers = strangers
        self.bench = bench
        self.control = bench.control
        self.ledger = folder / "ledger.sqlite"
        self.events: list[Event] = []
        self.policy = Give()
        self.keys = KEYS
        self._meetings = Meetings()
        self._radio = open_radio(bench.transports[1])
        self._strange_radios = [open_radio(transport) for transport in bench.transports[2:]]
        self._links: dict[int, BoardLink] = {}
        self._heard: set[str] = set()
        self._reactions = reactions
        self._rounds = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Rig"]:
        """With the orchestrator at work and the second host listening."""
        await self._radio.start_scan(lambda advert: self._heard.add(advert.address))
        for radio in self._strange_radios:
            await radio.start_scan(lambda _advert: None)
        with Store.create(self.ledger) as store:
            self.store = store
            self.clock = BoardClock(self.bench.config.speed)
            self.orchestrator = Orchestrator(
                radio=open_radio(self.bench.transports[0]),
                store=store,
                keys={board_id: KEYS[board_id] for board_id in SOCS_pct},
                policy=self.policy,
                contacts=self._meetings,
                clock=self.clock,
                rng=np.random.default_rng(1),
                emit=self.events.append,
                terms=TransferTerms(lease_ms=LEASE_ms),
                first_transfer_id=secrets.randbits(31) | 1,
            )
            working = asyncio.create_task(self.orchestrator.run())
            try:
                yield self
            finally:
                self.orchestrator.stop()
                await working
                for link in self._links.values():
                    await link.close()
                await self._radio.close()
                for radio in self._strange_radios:
                    await radio.close()

    # -- time --

    async def now_s(self) -> float:
        return float((await self.control.witness(since_s=1e12))["time_s"])

    async def until(self, found: Callable[[], Any], what: str) -> Any:
        """Its first true value."""

        async def ask() -> Any:
            return found()

        return await self.poll(ask, what)

    async def poll(
        self, ask: Callable[[], Awaitable[Any]], what: str, within_s: float = PATIENCE_s
    ) -> Any:
        """Its first true answer; AssertionError after so many bench seconds."""
        ends_s = await self.now_s() + within_s
        while not (value := await ask()):
            if await self.now_s() > ends_s and not await ask():
                tail = "\n".join(str(event)[:160] for event in self.events[-25:])
                raise AssertionError(f"{what}: not in time; the last events:\n{tail}")
            await asyncio.sleep(0.01)
        return value

    async def fault(self, fault: str, board_id: int, **parameters: Any) -> Instant:
        """Do a fault, and return when."""
        done_s = await self.control.fault(fault, board_id, **parameters)
        return Instant(done_s, await self.waited_s(board_id))

    async def waited_s(self, board_id: int) -> float:
        """How long the machine has kept this board waiting, in bench seconds."""
        return float((await self.control.board(board_id))["waited_s"])

    # -- what the witness saw --

    async def edges(self, board_id: int, coil: str, since_s: float = 0.0) -> list[dict[str, Any]]:
        seen = await self.control.witness(since_s=since_s, board=board_id)
        return [edge for edge in seen["changes"] if edge["coil"] == coil]

    async def off(self, board_id: int, coil: str, since_s: float) -> Instant:
        """When the pin went low, at or after `since_s`."""

        async def lows() -> list[Instant]:
            edges = await self.edges(board_id, coil, since_s)
            return [Instant(each["time_s"], each["waited_s"]) for each in edges if not each["on"]]

        return (await self.poll(lows, f"board {board_id}: {coil} off"))[0]

    async def off_s(self, board_id: int, coil: str, since_s: float) -> float:
        return (await self.off(board_id, coil, since_s)).time_s

    # -- what the orchestrator saw --

    def of(self, kind: type[Event], since: int = 0) -> list[Any]:
        return [event for event in self.events[since:] if isinstance(event, kind)]

    async def flowing(self, energy_J: float = 500.0, steady_s: float = 1.0) -> None:
        """Run a transfer from 1 to 2 for a while."""
        self.start(energy_J)
        since_s: float | None = None

        async def steady() -> bool:
            nonlocal since_s
            status = {board["id"]: board for board in (await self.control.status())["boards"]}
            now_s = await self.now_s()
            both = status[1]["tx_W"] > 1.0 and status[2]["rx_W"] > 1.0
            since_s = (since_s or now_s) if both else None
            return since_s is not None and now_s - since_s >= steady_s

        await self.poll(steady, "a transfer that flows")

    def start(self, energy_J: float = 500.0, lasts_s: float = 300.0) -> None:
        self.policy.energy_J = energy_J
        self._meetings.meet((1, 2), self.clock.now_s() + lasts_s)

    def quiet(self) -> None:
        """No new transfer begins."""
        self._meetings.current = []

    def rows(self, kind: str) -> list[dict[str, Any]]:
        return [row.fields() for row in self.store.rows() if row.kind == kind]

    def receipt(self, board_id: int) -> dict[str, Any] | None:
        """Return the ledger's newest receipt of this board."""
        found = [row for row in self.rows("receipt") if row["board_id"] == board_id]
        return found[-1] if found else None

    def told(self, kind: type[Event], mark: int, board_id: int, name: str) -> Any:
        """Return the first such event since `mark`."""
        events = self.of(kind, mark)
        return next((e for e in events if (e.board_id, e.name) == (board_id, name)), None)

    async def raised(self, mark: int, board_id: int, name: str) -> None:
        await self.until(lambda: self.told(FaultRaised, mark, board_id, name), f"{name} told")

    async def cleared(self, mark: int, board_id: int, name: str) -> None:
        what = f"the end of {name} told"
        await self.until(lambda: self.told(FaultCleared, mark, board_id, name), what)

    async def receipted(self, mark: int, board_id: int, name: str) -> TransferEnded:
        """Wait until the ledger has the transfer settled; return why this side ended."""
        (settled,) = await self.until(lambda: self.of(Settled, mark), "settled")
        receipt = self.receipt(board_id)
        assert receipt is not None
        assert receipt["transfer_id"] == settled.transfer_id
        assert codes.name(receipt["ept"]) == name
        (ended,) = self.of(TransferEnded, mark)
        seen = {ended.ept_ptx, ended.ept_prx}  # of a board with a latch: the latch
        assert seen & {name, "REPEATED_OVERLOAD"} or name in UNHEARD
        return ended

    # -- the second host --

    async def link(self, board_id: int) -> BoardLink:
        """Kept open; made anew when it was lost."""
        link = self._links.get(board_id)
        tries = 0
        await self.until(lambda: self.bench.addresses[board_id] in self._heard, "an advert")
        while link is None or link.closed:
            try:
                link = await BoardLink.open(
                    self._radio,
                    self.bench.addresses[board_id],
                    board_id,
                    KEYS.get(board_id, bytes(32)),
                    secrets.token_bytes,
                    self.clock,
                )
            except WptError:
                tries += 1
                if tries > 20:
                    raise
                await asyncio.sleep(0.2)
        self._links[board_id] = link
        return link

    def link_is_lost(self, board_id: int) -> bool:
        return self._links[board_id].closed

    async def stranger(self, board_id: int, number: int = 0) -> Any:
        """Return the `number`th stranger's connection to a board."""
        radio, address = self._strange_radios[number], self.bench.addresses[board_id]
        for _ in range(20):
            with contextlib.suppress(RadioError):
                return await self._strangers.connect(radio, address)
            await asyncio.sleep(0.2)
        return await self._strangers.connect(radio, address)

    async def maintain(self, board_id: int, on: bool) -> None:
        """Over the board's serial console, as its owner does."""

        def ask() -> None:
            with SerialLine(self.bench.serial_ports[board_id]) as line:
                line.maintain(on)

        await asyncio.to_thread(ask)

    async def clear(self, board_id: int, code: int) -> None:
        """Clear a latched fault in its declared way; WptError if the board refuses."""
        if codes.CLEAR_BY[code] == "host":
            await self.command(board_id, wire.CLEAR, code)
            return

        def ask() -> None:
            with SerialLine(self.bench.serial_ports[board_id]) as line:
                clear_by_console(line, codes.name(code))

        await asyncio.to_thread(ask)

    async def command(self, board_id: int, frame_type: int, *fields: int) -> int:
        """Return the Ack's code; a command that got lost is sent again."""
        for _ in range(5):
            with contextlib.suppress(WptError):
                return (await (await self.link(board_id)).command(frame_type, *fields)).code
        return (await (await self.link(board_id)).command(frame_type, *fields)).code

    async def grant(self, board_id: int, role: int = wire.PTX, **changes: int) -> int:
        fields = {
            "transfer_id": secrets.randbits(31) | 1,
            "role": role,
            "peer": 3 - board_id if board_id < 3 else 9,
            "group": 0,
            "granter": 0,
            "power_max_mW": 5000,
            "energy_max_mJ": 20_000,
            "duration_max_ms": 20_000,
            "floor_pct": 20,
            "lease_ms": LEASE_ms,
            "flags": 0,
            **changes,
        }
        return await self.command(board_id, wire.GRANT, *fields.values())

    async def faults(self, board_id: int) -> frozenset[int]:
        for _ in range(5):
            with contextlib.suppress(WptError):
                return await (await self.link(board_id)).faults()
        return await (await self.link(board_id)).faults()

    async def stands(self, board_id: int, code: int, wanted: bool, within_s: float) -> float:
        """Bench time at which the board says so; what can be read lags by 250 ms."""

        async def so() -> bool:
            return (code in await self.faults(board_id)) == wanted

        await self.poll(so, f"{codes.name(code)} {wanted}", within_s)
        return await self.now_s()

    async def healthy(self) -> None:
        """Boards idle, without any fault, and aware of their charge."""
        self.quiet()
        self._rounds += 1  # a gauge that always comes back to one value counts as stuck
        socs_pct = {board_id: soc - 5 * (self._rounds % 2) for board_id, soc in SOCS_pct.items()}
        for board_id, soc_pct in socs_pct.items():
            for fault, back in CURES:
                await self.control.fault(fault, board_id, **back)
            await self.control.fault("power-on", board_id)
            await self.control.fault("soc", board_id, soc_pct=soc_pct)
        await self.control.call("resume")
        for board_id in (*SOCS_pct, 5):
            soc_pct = socs_pct.get(board_id)
            heal = partial(self._heal, board_id, soc_pct)
            await self.poll(heal, "a healthy board")

    async def _heal(self, board_id: int, soc_pct: float | None) -> bool:
        link = await self.link(board_id)
        with contextlib.suppress(WptError):
            ack = await link.ask()
            if ack.state in {transfer.PING, transfer.POWER}:
                await link.command(wire.STOP, ack.transfer_id)
                return False
            standing = await link.faults()
            for code in standing & codes.CLEAR_BY.keys():
                await self.clear(board_id, code)
            known = ack.soc_permille is not None or soc_pct is None
            aware = known and (soc_pct is None or abs(ack.soc_permille - 10 * soc_pct) <= 10)
            well = ack.state == transfer.IDLE and ack.code == ept.NONE and not standing
            return well and aware
        return False

    # -- measured --

    def note(self, name: str, **figures: float) -> None:
        if self._reactions is not None:
            with self._reactions.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"name": name, **figures}) + "\n")


LOADS = ("load", "ripple")
METERS = ["meter-dead", "meter-overflow", "meter-stuck", "bus-voltage", "shunt-bridged"]
CURES: list[tuple[str, dict[str, Any]]] = [
    *((fault, {"side": side, "on": False}) for side in ("tx", "rx") for fault in METERS),
    *((fault, {"side": side, "current_mA": 0.0}) for side in ("tx", "rx") for fault in LOADS),
    *(("open-switch", {"which": which, "on": False}) for which in ("first", "second")),
    *(("interlock-lost", {"which": which, "on": False}) for which in SWITCHES),
    *(("cut-lost", {"which": which, "on": False}) for which in CUTS),
    *(("pin-stuck", {"pin": pin, "on": False}) for pin in ("cable_sense", "button", "led")),
    *((fault, {"on": False}) for fault in ("open-receiver", "gauge-frozen")),
    *((fault, {"on": False}) for fault in ("hot-coil", "hot-battery", "stuck-switch", "cable")),
    *((fault, {"on": False}) for fault in ("stuck-receiver", "gauge-lost", "link-drop")),
    *(("sensor", {"which": which, "on": False}) for which in ("coil", "battery")),
    ("foreign-object", {"power_W": 0.0}),
    ("packet-loss", {"share": 0.0}),
    ("thaw", {}),
]
