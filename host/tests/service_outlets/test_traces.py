# SPDX-License-Identifier: MIT
"""Traces of transfers, as a receiver of OTLP reads them."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from crowdcharge.service.window import traces
from crowdcharge.service.window.traces import Traces

from .broker import free_port
from .crowd import Crowd, T0_s, until
from .receiver import Receiver, receiver
from .working import working


def spans(heard: Receiver) -> dict[str, list[Span]]:
    """Every span that came, by its name."""
    found: dict[str, list[Span]] = {}
    for path, body in heard.posted:
        assert path == "/v1/traces"
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            assert names["service.name"] == "crowdcharge"
            assert names["service.instance.id"] == "lab"
            for scope in resource.scope_spans:
                for span in scope.spans:
                    found.setdefault(span.name, []).append(span)
    return found


def attributes(span: Span) -> dict[str, object]:
    return {
        each.key.removeprefix("crowdcharge."): getattr(
            each.value, str(each.value.WhichOneof("value"))
        )
        for each in span.attributes
    }


async def test_a_transfer_is_one_trace() -> None:
    crowd = Crowd()
    with receiver() as heard:
        async with working(Traces(crowd.hub, f"http://127.0.0.1:{heard.port}/v1/traces").run()):
            crowd.progress(transfer_id=6)  # began before this window: left out
            crowd.start()
            for _ in range(3):
                crowd.progress()
            crowd.end()
            crowd.settle()
        await until(lambda: heard.posted)
    found = spans(heard)
    assert {name: len(each) for name, each in found.items()} == {
        "transfer": 1,
        "charge": 1,
        "settle": 1,
    }
    whole, charge, settle = (found[name][0] for name in ("transfer", "charge", "settle"))
    assert whole.trace_id == charge.trace_id == settle.trace_id
    assert charge.parent_span_id == settle.parent_span_id == whole.span_id
    assert [event.name for event in charge.events] == ["renewed"] * 3
    times_s = [whole.start_time_unix_nano, charge.end_time_unix_nano, whole.end_time_unix_nano]
    assert [round(each / 1e9 - T0_s, 1) for each in times_s] == [0.2, 0.6, 0.7]
    assert attributes(whole) == {
        "transfer_id": 7, "ptx": 1, "prx": 2, "energy_max_J": 7.5,
        "sent_J": 7.5, "received_J": 4.8, "loss_J": 2.7, "state": "settled",
    }  # fmt: skip
    assert attributes(charge) == {"ept_ptx": "ENERGY_BUDGET", "ept_prx": "PEER_ENDED"}
    assert whole.status.code == 0


async def test_what_is_never_settled_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "OPEN_MAX", 5)
    crowd = Crowd()
    with receiver() as heard:
        async with working(Traces(crowd.hub, f"http://127.0.0.1:{heard.port}/v1/traces").run()):
            for transfer_id in range(1, 13):
                crowd.start(transfer_id)
        await until(lambda: heard.posted)
    found = spans(heard)["transfer"]
    assert [attributes(span)["transfer_id"] for span in found] == list(range(1, 8))
    assert {span.status.message for span in found} == {"not settled in time"}


async def test_an_endpoint_that_is_away_costs_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "_EVERY_ms", 300)
    monkeypatch.setattr(traces, "_TIMEOUT_s", 0.3)
    crowd, port = Crowd(), free_port()
    lines: list[str] = []
    async with working(Traces(crowd.hub, f"http://127.0.0.1:{port}/v1/traces").run()):
        for transfer_id in (1, 2):
            crowd.start(transfer_id)
            crowd.end(transfer_id)
            crowd.settle(transfer_id)
            await until(lambda: lines.extend(capsys.readouterr().err.splitlines()) or lines)
        with receiver(port=port) as heard:
            crowd.start(3)
            crowd.end(3)
            crowd.settle(3)
            await until(lambda: heard.posted)
            await until(lambda: lines.extend(capsys.readouterr().err.splitlines()) or lines[1:])
    assert lines == [
        f"crowdcharge: traces to http://127.0.0.1:{port}: could not be delivered; "
        "the crowd goes on",
        f"crowdcharge: traces to http://127.0.0.1:{port}: works again",
    ]
