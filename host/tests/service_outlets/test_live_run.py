# SPDX-License-Identifier: MIT
"""A real run on a virtual bench: what is scraped and told is what its ledger has."""

import asyncio
import json
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from crowdcharge import open_ledger

from .broker import Broker, answers_in
from .crowd import until
from .serving import Service, serving

pytestmark = [
    pytest.mark.program("mosquitto", "mosquitto"),
    pytest.mark.bench,
    pytest.mark.vm,
    pytest.mark.slow,
]


async def scraped(service: Service) -> dict[str, float]:
    """Return the metrics that have no labels."""
    text = await service.text("/metrics")
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels
    }


async def test_totals_are_those_of_the_ledger_and_a_pause_by_mqtt_pauses(
    broker: Broker, tmp_path: Path
) -> None:
    sections = f'[mqtt]\nurl = "mqtt://127.0.0.1:{broker.port}"\ncommands = ["pause"]\n'
    async with broker.heard() as heard, serving(tmp_path, sections) as service:
        await until(lambda: told(heard, "Settled"), 60)
        async with broker.client() as client:
            await client.publish("crowdcharge/lab/command", '{"action": "pause"}', qos=1)
        await until(lambda: answers_in(heard), 20)
        await until(lambda: told(heard, "TransferStarted") <= told(heard, "Settled"), 60)
        await asyncio.sleep(2.5)  # the engine adds up once a second
        found = await scraped(service)
    assert [answer["status"] for answer in answers_in(heard)] == [200]
    run = open_ledger(service.ledger)
    settled = [each for each in run.transfers if each.state == "settled"]
    assert settled
    assert found["crowdcharge_run_active"] == 0.0
    assert found["crowdcharge_transfers_settled_total"] == len(settled)
    totals = {
        "sent": sum(each.sent_mJ for each in settled),
        "received": sum(each.received_mJ for each in settled),
        "lost": sum(each.sent_mJ - each.received_mJ for each in settled),
    }
    for name, total_mJ in totals.items():
        assert found[f"crowdcharge_{name}_joules_total"] == pytest.approx(total_mJ / 1000)
    assert told(heard, "Settled", "settled") <= {each.transfer_id for each in settled}


def told(heard: list[tuple[str, str, bool]], event: str, state: str = "") -> set[int]:
    """Return the transfers of which this event was told; the first may precede the window."""
    messages = (json.loads(text) for name, text, _ in heard if name.endswith("/transfer"))
    return {
        each["transfer_id"]
        for each in messages
        if each["event"] == event and state in {"", each.get("state")}
    }
