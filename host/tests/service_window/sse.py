# SPDX-License-Identifier: MIT
"""Read server-sent events as a browser's `fetch` would."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx


class Told(NamedTuple):
    kind: str
    data: dict[str, Any]
    seq: int | None


@contextmanager
def stream(
    client: httpx.Client, path: str = "/api/v1/events", extensions: Any = None, **headers: str
) -> Iterator[Any]:
    """Yield an iterator of what the stream tells."""
    with client.stream("GET", path, headers=headers, extensions=extensions) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _told(answer.iter_lines())


def _told(lines: Iterator[str]) -> Iterator[Told]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            seq = int(fields["id"]) if "id" in fields else None
            yield Told(fields["event"], json.loads(fields["data"]), seq)
            fields = {}


def next_of(told: Iterator[Told], kind: str) -> Told:
    return next(each for each in told if each.kind == kind)
