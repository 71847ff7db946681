# SPDX-License-Identifier: MIT
"""A run as configured: radio, ledger, keys, policy and contacts put together."""

import json
import secrets
import time
from pathlib import Path

import numpy as np

from crowdcharge import policy as policies
from crowdcharge.boards import keys as key_file
from crowdcharge.clock import BoardClock
from crowdcharge.errors import InputError
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.config import RunConfig
from crowdcharge.orchestrator.contacts import Contacts
from crowdcharge.orchestrator.events import Emit
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.radio import open_radio
from crowdcharge.report.summary import Summary, summarise

LEDGER, SUMMARY = "ledger.sqlite", "summary.json"


class Runner:
    """`contacts` and `vm` come from a bench, if any. Bad input shows before any work."""

    def __init__(
        self,
        config: RunConfig,
        emit: Emit,
        contacts: Contacts | None = None,
        vm: str | None = None,
    ) -> None:
        self._config = config
        self._emit = emit
        self._vm = vm
        if config.contacts.source == "declared":
            contacts = config.contacts.schedule()
        self._contacts = contacts
        self._keys = key_file.load(config.run.keys)
        self._policy = policies.make(config.run.policy, **config.run.policy_options)
        self._radio = open_radio(config.radio.transport, config.radio.adapter)
        self._orchestrator: Orchestrator | None = None
        self._stopped = False
        self.out = writable(config.run.out)

    def stop(self) -> None:
        """Ends running transfers and settles them; then `run` returns."""
        self._stopped = True
        if self._orchestrator is not None:
            self._orchestrator.stop()

    async def run(self) -> Summary:
        """Goes on in the ledger of earlier runs; writes summary.json beside it."""
        config = self._config
        await self._check_radio()
        with Store.create(self.out / LEDGER) as store:
            self._orchestrator = Orchestrator(
                radio=self._radio,
                store=store,
                keys=self._keys,
                policy=self._policy,
                contacts=self._contacts,
                clock=BoardClock(config.radio.speed),
                rng=np.random.default_rng(config.run.seed),
                emit=self._emit,
                terms=config.transfer.terms(),
                slots=config.radio.slots,
                first_transfer_id=secrets.randbits(31) | 1,
            )
            if self._stopped:
                self._orchestrator.stop()
            store.append([("run", self._description())])
            await self._orchestrator.run(config.run.duration_s or None)
            summary = summarise(store.book)
        (self.out / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        return summary

    async def _check_radio(self) -> None:
        """Before anything is written."""
        await self._radio.start_scan(lambda _: None)
        await self._radio.stop_scan()

    def _description(self) -> dict[str, object]:
        return {
            "policy": self._config.run.policy,
            "seed": self._config.run.seed,
            "vm": self._vm,
            "started_unix_s": int(time.time()),
        }


def writable(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write into {out}: {error.strerror}") from None
    return out
