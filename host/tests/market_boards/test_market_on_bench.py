# SPDX-License-Identifier: MIT
"""Eight boards and a hub, each a real MicroPython VM with the real firmware, trade over real BLE.

The host never sees the boards' terms; the tests do, and find the price in another way.
"""

import asyncio
from pathlib import Path

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.bench.runs.market import make_trading
from crowdcharge.boards import keys as key_file
from crowdcharge.errors import MarketVoidError
from crowdcharge.ledger.payments import NOTHING, PAID, SHORT, accounts_of
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from crowdcharge.orchestrator.events import BoardReading, MarketCleared, Progress
from crowdcharge.report.summary import summarise

from ..command import COMMAND
from .world import clearing_price_of

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(300)]

HUB = 1
SPEED = 2.0
KEEP_pct, TARGET_pct = 45.0, 80.0


def owner(board_id: int, soc_pct: float, a: float, b: float) -> BoardConfig:
    """All run MicroPython: no CircuitPython board has the memory to carry a market."""
    return BoardConfig(
        board_id,
        soc_pct,
        capacity_J=400.0 if board_id == HUB else 50.0,
        key=bytes([board_id]).hex() * 32,
        market_a=a,
        market_b=b,
        keep_pct=KEEP_pct,
        target_pct=TARGET_pct,
    )


HUB_BOARD = owner(HUB, 60.0, 100.0, 30.0)
# Even ones are full and sell, odd ones are low and buy, 2 to 5 J each.
TRADERS = tuple(
    owner(board_id, 90.0 if board_id % 2 == 0 else 30.0, 1500.0 + 100 * board_id, b)
    for board_id, b in zip(range(2, 10), (27, 33, 26.5, 34, 27.5, 33.5, 26, 34.5), strict=True)
)


class BenchMarket:
    """A bench, a ledger, and a host whose events `on_event` may answer with a fault."""

    def __init__(self, folder: Path, *boards: BoardConfig) -> None:
        self.config = BenchConfig((HUB_BOARD, *boards), speed=SPEED)
        self.keys = {board.id: bytes.fromhex(board.key) for board in self.config.boards}
        self.ledger = folder / "ledger.sqlite"
        self.readings: dict[int, int | None] = {}
        self.on_event = lambda _: None

    def _emit(self, event: object) -> None:
        if isinstance(event, BoardReading):
            self.readings.setdefault(event.board_id, event.soc_permille)
        self.on_event(event)

    async def trade(self, bench) -> None:
        with Store.create(self.ledger) as store:
            trading = make_trading(bench, store, self.keys, SPEED, self._emit)
            await trading.run(HUB, sorted(self.keys.keys() - {HUB}))

    def price(self) -> float:
        """From the owners' terms and what the gauges said: bisection."""
        return clearing_price_of(
            [
                (
                    board.market_a,
                    board.market_b,
                    (self.readings[board.id] or 0) / 10,
                    board.capacity_J / 3600,
                )
                for board in self.config.boards
            ]
        )

    def check(self) -> dict:
        """Check that the ledger verifies and accounts add up to zero; return the last market."""
        with Store.read(self.ledger) as store:
            book = store.load()
            assert [str(each) for each in verify(store.rows(), self.keys)] == []
            assert store.damage() is None
            assert sum(accounts_of(book).balances_u().values()) == 0
            return summarise(book)["markets"][-1]


def outcomes(market: dict) -> dict[int, str]:
    """Return the outcome of the last try of each board."""
    return {
        each["seller"] if each["buyer"] == HUB else each["buyer"]: each["outcome"]
        for each in market["bargains"]
    }


@pytest.mark.long
async def test_eight_boards_and_a_hub_trade_though_one_drops_out_and_one_gets_less(tmp_path):
    bench_market = BenchMarket(tmp_path, *TRADERS)
    tasks: list[asyncio.Task[None]] = []
    async with launch(bench_market.config) as bench:

        def disturb(event: object) -> None:
            if isinstance(event, MarketCleared):
                tasks.append(asyncio.create_task(bench.control.fault("kill", 8)))
            short = isinstance(event, Progress) and event.prx == 5 and event.received_mJ > 300
            if short and len(tasks) == 1:
                tasks.append(asyncio.create_task(bench.control.call("hold", pairs=[])))

        bench_market.on_event = disturb
        await bench_market.trade(bench)
        await asyncio.gather(*tasks)
    market = bench_market.check()
    assert market["confirmed"]
    assert market["price_per_Wh"] == pytest.approx(bench_market.price(), rel=1e-9)
    assert sum(market["energies_mJ"].values()) == pytest.approx(0, abs=9)
    expected = dict.fromkeys(range(2, 10), PAID) | {5: SHORT, 8: NOTHING}
    assert outcomes(market) == expected
    assert market["accounts"]["8"] == 0
    assert market["accounts"]["2"] > 0 > market["accounts"]["3"]
    for bargain in market["bargains"]:
        owed = market["price_per_Wh"] * bargain["received_mJ"] / 3_600_000
        assert bargain["paid"] == pytest.approx(owed, abs=1e-6)
        if bargain["outcome"] == PAID:
            assert bargain["received_mJ"] == pytest.approx(bargain["energy_mJ"], abs=300)


LIE = "        return (c + mask_c"
LIED = "        c *= 2\n        return (c + mask_c"


@pytest.mark.long
async def test_a_board_that_lies_in_a_round_voids_the_market_until_it_is_honest(tmp_path):
    bench_market = BenchMarket(tmp_path, *TRADERS[:3])
    async with launch(bench_market.config, tmp_path / "hub") as bench:
        source = tmp_path / "hub" / "board-3" / "flash" / "wptcore" / "market.py"
        honest = source.read_text(encoding="utf-8")
        assert honest.count(LIE) == 1
        await flash(bench, source, honest.replace(LIE, LIED))
        with pytest.raises(MarketVoidError, match="out of balance"):
            await bench_market.trade(bench)
        void = bench_market.check()
        assert "out of balance" in void["void"]
        assert void["bargains"] == []
        await flash(bench, source, honest)
        await command(bench_market, bench, tmp_path)
    market = bench_market.check()
    assert market["market_id"] == 2
    assert outcomes(market) == dict.fromkeys((2, 3, 4), PAID)


async def command(bench_market: BenchMarket, bench, folder: Path) -> None:
    """Trade on the same boards as a user does: three connections must do for four boards."""
    key_file.save(folder / "keys.toml", bench_market.keys)
    path = folder / "run.toml"
    text = f"""
[run]
policy = "online-average"
keys = "keys.toml"
out = "."
[radio]
transport = "{bench.transport}"
speed = {SPEED}
slots = 3
[contacts]
source = "bench"
control = "{bench.control_path}"
"""
    await asyncio.to_thread(path.write_text, text, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "trade",
        "--run",
        str(path),
        "--lane",
        str(HUB),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert b"3 bargains: 3 paid" in out


async def flash(bench, source: Path, text: str) -> None:
    """Other firmware on board 3, which starts anew with it."""
    await asyncio.to_thread(source.write_text, text, encoding="utf-8")
    boots = (await bench.control.board(3))["boots"]
    await bench.control.fault("reset", 3)
    assert (await bench.control.board(3))["boots"] == boots + 1
