# SPDX-License-Identifier: MIT
"""Where the figures of a run go: airfuel.jsonl in pytest's own temporary folder."""

import json
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def note(tmp_path_factory) -> Callable[..., None]:
    path = tmp_path_factory.getbasetemp() / "airfuel.jsonl"

    def write(name: str, **figures_ms: object) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"name": name, **figures_ms}) + "\n")

    return write
