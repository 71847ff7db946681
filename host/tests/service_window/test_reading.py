# SPDX-License-Identifier: MIT
"""What the interface says of a crowd."""

from .engine import Engine, reading, until


def test_a_reading_shows_on_the_board(engine: Engine) -> None:
    engine.emit(reading(2, 632))
    with engine.client() as client:
        until(lambda: client.get("/api/v1/boards").json()[1]["soc_pct"] == 63.2)
