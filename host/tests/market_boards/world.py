# SPDX-License-Identifier: MIT
"""The orchestrator's world without hardware, with boards that trade: real cores and desks on
CPython, a radio in memory. Not modelled: radio stacks, port files, a VM's arithmetic.
"""

import random
from hashlib import sha256
from pathlib import Path

from crowdcharge.bench.sessions.core_radio import CoreLink, CoreRadio
from crowdcharge.bench.sessions.jumping_time import LoopClock
from crowdcharge.bench.sessions.steady_board import SteadyBoard
from crowdcharge.errors import RadioError
from crowdcharge.ledger.payments import accounts_of
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.events import Event
from crowdcharge.orchestrator.trading import Trading
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.radio.base import OnClosed
from crowdcharge.report.summary import summarise
from wptcore import wire
from wptcore.market import EFFICIENCY_MIN_permille
from wptcore.market_desk import MarketDesk, Settings, new_keys

from ..orchestrator.world import MortalStore, World

HUB = 1
CAPACITY_J, HUB_CAPACITY_J = 20.0, 200.0
KEEP_pct, TARGET_pct = 45, 80
# board -> (charge %, a in credits/Wh^2, b in credits/Wh): even ones are full and sell
OWNERS = {
    1: (60.0, 100.0, 30.0),
    2: (90.0, 900.0, 26.0),
    3: (30.0, 800.0, 34.0),
    4: (85.0, 1000.0, 27.0),
    5: (25.0, 900.0, 33.0),
}
PATIENCE_s = 5.0


def capacity_J(board_id: int) -> float:
    return HUB_CAPACITY_J if board_id == HUB else CAPACITY_J


class TradingBoard(SteadyBoard):
    """Its owner's terms outlive a reboot; a market in progress does not."""

    def boot(self) -> None:
        super().boot()
        _, a, b = OWNERS[self.board_id]
        if not hasattr(self, "identity"):
            bits = random.Random(self.board_id)
            secret, public = new_keys(bits.randbytes)
            self.identity = {"market_secret": secret, "market_key": public}
        self.identity["market"] = [round(a * 1e6), round(b * 1e6), KEEP_pct, TARGET_pct]
        self.desk = MarketDesk(Settings(self.identity), self.key, sha256, random.randbytes)
        self.core._commands._market = self.desk

    def step(self, now_s: float, dt_ms: int) -> None:
        super().step(now_s, dt_ms)
        self.desk.step()


class WatchedRadio(CoreRadio):
    """Shows the world each frame before it is written."""

    def __init__(self, world: "MarketWorld") -> None:
        super().__init__(world)
        self._market_world = world

    async def connect(self, address: str, on_closed: OnClosed) -> CoreLink:
        world = self._market_world
        link = await super().connect(address, on_closed)
        board_id = link.board.board_id
        write = link.write

        async def watched(uuid: str, data: bytes) -> None:
            world.on_frame(board_id, wire.unpack_header(data)[1])
            if address in world.out_of_reach:
                raise RadioError("it has vanished")
            await write(uuid, data)

        link.write = watched  # type: ignore[method-assign]
        return link


class MarketWorld(World):
    """`on_frame(board id, frame type)` sees what the host writes, `on_event` what it tells; they
    may make boards vanish.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {})
        self.boards = {
            board_id: TradingBoard(board_id, soc_pct, capacity_J(board_id))
            for board_id, (soc_pct, _, _) in OWNERS.items()
        }
        self.keys = {board.board_id: board.key for board in self.boards.values()}
        self.on_frame = lambda *_: None
        self.on_event = lambda _: None
        self.slots = len(self.keys)

    def vanish(self, board_id: int) -> None:
        self.part(self.boards[board_id])

    # -- the host --

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def trading(self, store: Store) -> Trading:
        async def together(seller: int, buyer: int) -> None:
            self.lay((seller, buyer))

        return Trading(
            WatchedRadio(self),
            store,
            self.keys,
            together,
            LoopClock(),
            self._emit,
            TransferTerms(lease_ms=1500),
            slots=self.slots,
            patience_s=PATIENCE_s,
        )

    async def trade(self, *boards: int) -> None:
        """One market of these boards (all, if none is named) with the hub."""
        with MortalStore.open(self, self.ledger) as store:
            await self.trading(store).run(HUB, boards or sorted(self.keys.keys() - {HUB}))

    def summary_market(self) -> dict:
        with self.store() as store:
            return summarise(store.book)["markets"][-1]

    def check_accounts(self) -> dict[int, int]:
        """Check that the ledger verifies with all keys, and that the accounts add up to zero."""
        self.check_books()
        with self.store() as store:
            balances_u = accounts_of(store.book).balances_u()
        assert sum(balances_u.values()) == 0
        return balances_u


Owner = tuple[float, float, float, float]  # a, b, charge in %, capacity in Wh


def clearing_price(boards: set[int]) -> float:
    """Of this world's boards with the hub."""
    owners = []
    for board_id in boards | {HUB}:
        soc_pct, a, b = OWNERS[board_id]
        owners.append((a, b, soc_pct, capacity_J(board_id) / 3600))
    return clearing_price_of(owners)


def clearing_price_of(owners: list[Owner]) -> float:
    """By bisection, from what no host knows: the owners' terms."""
    low, high = 0.0, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        net_Wh = sum(energy_Wh(owner, middle) for owner in owners)
        low, high = (middle, high) if net_Wh < 0 else (low, middle)
    return (low + high) / 2


def energy_Wh(owner: Owner, price: float) -> float:
    """Above 0 sells. A seller keeps back what the way to the buyer may cost at most."""
    a, b, soc_pct, capacity_Wh = owner
    sell = capacity_Wh * max(soc_pct - KEEP_pct, 0) / 100 * EFFICIENCY_MIN_permille / 1000
    buy = capacity_Wh * max(TARGET_pct - soc_pct, 0) / 100
    return min(max((price - b) / (2 * a), -buy), sell)
