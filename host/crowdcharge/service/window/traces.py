# SPDX-License-Identifier: MIT
"""A trace of each transfer, sent by OTLP over HTTP: granted, renewed, ended, settled.

The span `transfer` lasts until the ledger has settled it and holds two: `charge`, with an event
for each answer to a renewal (the newest 128), and `settle`, the wait for both receipts.
"""

import asyncio
import logging
from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, Status, StatusCode

from crowdcharge.service.window.hub import Numbered, Record, WindowHub
from crowdcharge.service.window.outlet import Condition, place

OPEN_MAX = 500  # transfers that are followed at once; then the oldest is ended unsettled
_TIMEOUT_s = 5.0
_EVERY_ms = 2000


class _Followed:
    """A transfer that has not been settled yet."""

    def __init__(self, whole: Span, charge: Span) -> None:
        self.whole = whole
        self.charge = charge
        self.settle: Span | None = None


class Traces:
    """Follows transfers from their records; one that began before this window did is left out."""

    def __init__(self, hub: WindowHub, endpoint: str) -> None:
        self._hub = hub
        run = hub.live.run
        names = {"service.name": "crowdcharge", "service.version": str(run.get("version"))}
        site = str(run.get("site") or run.get("name"))
        self._provider = TracerProvider(
            resource=Resource.create(names | {"service.instance.id": site})
        )
        exporter = _Exporter(endpoint)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, schedule_delay_millis=_EVERY_ms)
        )
        self._tracer = self._provider.get_tracer("crowdcharge")
        self._followed: dict[int, _Followed] = {}
        self._steps = {
            "TransferStarted": self._started,
            "Progress": self._renewed,
            "TransferEnded": self._ended,
            "Settled": self._settled,
        }

    async def run(self) -> None:
        """Work until cancelled, then send what is left."""
        records = self._hub.subscribe()
        try:
            while True:
                self._take(await records.get())
        finally:
            while not records.empty():
                self._take(records.get_nowait())
            await asyncio.to_thread(self._provider.shutdown)

    def _take(self, numbered: Numbered) -> None:
        _, record = numbered
        if step := self._steps.get(record["event"]):
            step(record)

    def _started(self, record: Record) -> None:
        while len(self._followed) >= OPEN_MAX:
            self._close(next(iter(self._followed)), record["time_s"], "not settled in time")
        start_ns = _ns(record)
        named = {f"crowdcharge.{key}": record[key] for key in ("transfer_id", "ptx", "prx")}
        named["crowdcharge.energy_max_J"] = record["energy_max_mJ"] / 1000
        whole = self._tracer.start_span("transfer", start_time=start_ns, attributes=named)
        self._followed[record["transfer_id"]] = _Followed(
            whole, self._inner(whole, "charge", start_ns)
        )

    def _inner(self, whole: Span, name: str, start_ns: int) -> Span:
        context = trace.set_span_in_context(whole)
        return self._tracer.start_span(name, context=context, start_time=start_ns)

    def _renewed(self, record: Record) -> None:
        if followed := self._followed.get(record["transfer_id"]):
            told = {
                "sent_W": record["sent_mW"] / 1000,
                "received_W": record["received_mW"] / 1000,
                "sent_J": record["sent_mJ"] / 1000,
                "received_J": record["received_mJ"] / 1000,
            }
            followed.charge.add_event("renewed", told, timestamp=_ns(record))

    def _ended(self, record: Record) -> None:
        followed = self._followed.get(record["transfer_id"])
        if followed is None or followed.settle is not None:
            return
        for side in ("ept_ptx", "ept_prx"):
            followed.charge.set_attribute(f"crowdcharge.{side}", record[side] or "not heard")
        followed.charge.end(_ns(record))
        followed.settle = self._inner(followed.whole, "settle", _ns(record))

    def _settled(self, record: Record) -> None:
        followed = self._followed.get(record["transfer_id"])
        if followed is None:
            return
        for name in ("sent", "received", "loss"):
            followed.whole.set_attribute(f"crowdcharge.{name}_J", record[f"{name}_mJ"] / 1000)
        followed.whole.set_attribute("crowdcharge.state", record["state"])
        wrong = "" if record["state"] in {"settled", "void"} else record["state"]
        self._close(record["transfer_id"], record["time_s"], wrong)

    def _close(self, transfer_id: int, time_s: float, wrong: str) -> None:
        followed, end_ns = self._followed.pop(transfer_id), int(time_s * 1e9)
        if followed.settle is None:
            followed.charge.end(end_ns)
        else:
            followed.settle.end(end_ns)
        if wrong:
            followed.whole.set_status(Status(StatusCode.ERROR, wrong))
        followed.whole.end(end_ns)


class _Exporter(SpanExporter):
    """Says when the endpoint goes away and comes back; its own library would say it each time."""

    def __init__(self, endpoint: str) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
        self._inner = OTLPSpanExporter(endpoint=endpoint, timeout=_TIMEOUT_s)
        self._condition = Condition(f"traces to {place(endpoint)}")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._condition.right()
        else:
            self._condition.wrong("could not be delivered")
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()  # type: ignore[no-untyped-call]


def _ns(record: Record) -> int:
    return int(record["time_s"] * 1e9)
