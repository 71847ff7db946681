# SPDX-License-Identifier: MIT
"""What Prometheus scrapes: its own linter is content, and the figures are the crowd's."""

import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from crowdcharge.service.window import metrics

from .crowd import Crowd


def busy() -> Crowd:
    crowd = Crowd()
    crowd.start()
    crowd.progress()
    crowd.tell("FaultRaised", board_id=2, code=0x8F, name="FOREIGN_OBJECT")
    return crowd


def samples(crowd: Crowd) -> dict[tuple[str, ...], float]:
    """(name, values of its labels) -> value, as Prometheus reads them."""
    text = metrics.exposition(crowd.hub.live.snapshot()).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.program("promtool", "prometheus")
def test_the_linter_of_prometheus_is_content() -> None:
    text = metrics.exposition(busy().hub.live.snapshot())
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_power_charge_and_faults_are_those_of_the_crowd() -> None:
    found = samples(busy())
    assert found["crowdcharge_board_sent_watts", "1"] == 5.0
    assert found["crowdcharge_board_received_watts", "2"] == 3.2
    assert found["crowdcharge_board_charge_ratio", "2"] == pytest.approx(0.301)
    assert found["crowdcharge_board_fault", "2", "FOREIGN_OBJECT"] == 1.0
    assert found["crowdcharge_run_active",] == 1.0


def test_what_is_not_known_has_no_sample() -> None:
    found = samples(Crowd())
    assert ("crowdcharge_board_charge_ratio", "1") not in found
    assert ("crowdcharge_board_coil_temperature_celsius", "1") not in found
    assert ("crowdcharge_board_sent_joules_total", "1") in found


def test_power_is_gone_when_the_transfer_has_ended() -> None:
    crowd = busy()
    crowd.end()
    assert samples(crowd)["crowdcharge_board_sent_watts", "1"] == 0.0
