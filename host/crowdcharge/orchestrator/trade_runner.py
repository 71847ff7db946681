# SPDX-License-Identifier: MIT
"""A market as configured: radio, ledger, keys and boards put together."""

import json
import time

from crowdcharge.boards import keys as key_file
from crowdcharge.clock import BoardClock
from crowdcharge.errors import InputError
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.config import RunConfig
from crowdcharge.orchestrator.events import Emit
from crowdcharge.orchestrator.runner import LEDGER, SUMMARY, writable
from crowdcharge.orchestrator.trading import Together, Trading
from crowdcharge.radio import open_radio
from crowdcharge.report.summary import Summary, summarise
from wptcore.market import PEERS_MIN


async def run(
    config: RunConfig, lane: int, together: Together, emit: Emit, vm: str | None = None
) -> Summary:
    """One market of all boards in the keys file with the lane, in the ledger of earlier runs."""
    keys = key_file.load(config.run.keys)
    if lane not in keys:
        raise InputError(f"--lane {lane}: the keys file {config.run.keys} has no such board")
    if len(keys) < PEERS_MIN:
        raise InputError(f"{config.run.keys}: a market takes {PEERS_MIN} boards, not {len(keys)}")
    radio = open_radio(config.radio.transport, config.radio.adapter)
    await radio.start_scan(lambda _: None)  # fails before anything is written
    await radio.stop_scan()
    out = writable(config.run.out)
    with Store.create(out / LEDGER) as store:
        body = {"policy": "market", "seed": None, "vm": vm, "started_unix_s": int(time.time())}
        store.append([("run", body)])
        trading = Trading(
            radio,
            store,
            keys,
            together,
            BoardClock(config.radio.speed),
            emit,
            config.transfer.terms(),
            config.radio.slots,
        )
        await trading.run(lane, sorted(keys.keys() - {lane}))
        summary = summarise(store.book)
    (out / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary
