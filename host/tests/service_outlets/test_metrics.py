# SPDX-License-Identifier: MIT
"""What Prometheus scrapes: its own linter is content, and the figures are the crowd's."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from crowdcharge.service.window import metrics

from .crowd import Crowd

DOCS = Path(__file__).parents[3] / "docs"
GRAFANA = DOCS / "grafana" / "crowdcharge.json"


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


def expressions() -> list[str]:
    """Every question that the committed Grafana board asks."""
    board = json.loads(GRAFANA.read_text(encoding="utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def test_the_grafana_board_asks_for_metrics_that_are_there() -> None:
    text = metrics.exposition(busy().hub.live.snapshot()).decode()
    known = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(text)
    }
    asked = {name for each in expressions() for name in re.findall(r"crowdcharge_\w+", each)}
    assert asked
    assert asked <= known


@pytest.mark.program("promtool", "prometheus")
def test_prometheus_understands_the_grafana_board(tmp_path: Path) -> None:
    rules = [{"record": f"asked:{n}", "expr": each} for n, each in enumerate(expressions())]
    file = tmp_path / "rules.json"  # JSON is YAML, too
    file.write_text(json.dumps({"groups": [{"name": "board", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_page_of_metrics_lists_exactly_these() -> None:
    page = (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(crowdcharge_\w+)", page, re.MULTILINE))
    assert listed == {
        family.name + ("_total" if family.kind is CounterMetricFamily else "")
        for family in metrics.FAMILIES
    }
