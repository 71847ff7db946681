# SPDX-License-Identifier: MIT
"""A radio that is none: whatever stands in a transport's place, one clear line and no waiting."""

import socket

import pytest
from bleak import BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError

from crowdcharge.bench.radio import central
from crowdcharge.bench.radio.bleak_backend import backends


@pytest.mark.parametrize(
    "transport",
    [
        "tcp-client:127.0.0.1:1", "tcp-client:127.0.0.1:99999", "tcp-client:127.0.0.1:x",
        "tcp-client:a..b:1", "tcp-client:", "ws-client:zz", "file:/nowhere", "zz:1", ":",
    ],
)  # fmt: skip
async def test_no_hub_is_one_clear_line(transport: str) -> None:
    scanner, _client = backends(transport)
    with pytest.raises(BleakBluetoothNotAvailableError, match=r"^.*no radio at .*is the bench up"):
        await BleakScanner(backend=scanner).start()


async def test_what_answers_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program may have the port of a bench that has gone."""
    monkeypatch.setattr(central, "_OPEN_MAX_s", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as other:
        scanner, _client = backends(f"tcp-client:127.0.0.1:{other.getsockname()[1]}")
        starting = BleakScanner(backend=scanner).start()
        with pytest.raises(BleakBluetoothNotAvailableError, match="does not answer as a radio"):
            await starting
