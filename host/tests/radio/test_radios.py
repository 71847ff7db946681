# SPDX-License-Identifier: MIT
"""The recording, the factory, and what bleak's errors become."""

import asyncio
import json
import os
import subprocess
import sys

import pytest
from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakError,
)

from crowdcharge.clock import BoardClock
from crowdcharge.errors import InputError, NoAdapter, RadioError
from crowdcharge.radio import open_radio
from crowdcharge.radio.base import Advert
from crowdcharge.radio.bleak_radio import BleakRadio
from crowdcharge.radio.replay_radio import ReplayRadio, dump, load

ADVERTS = [(0.0, Advert("A", -50, b"\x01\x02")), (0.02, Advert("B", -70, b"\x03"))]


async def test_a_recording_plays_what_was_heard(tmp_path):
    path = tmp_path / "adverts.jsonl"
    path.write_text("".join(dump(*entry) + "\n" for entry in ADVERTS))
    assert load(path) == ADVERTS
    heard: asyncio.Queue[Advert] = asyncio.Queue()
    radio = ReplayRadio(load(path), BoardClock(speed=10.0))
    await radio.start_scan(heard.put_nowait)
    async with asyncio.timeout(10):
        assert [await heard.get(), await heard.get()] == [advert for _, advert in ADVERTS]
    with pytest.raises(RadioError, match="recording"):
        await radio.connect("A", lambda: None)
    await radio.close()


async def test_a_recording_that_starts_late_is_heard_at_once(tmp_path):
    path = tmp_path / "adverts.jsonl"
    late = [dump(3600.0 + time_s, advert) for time_s, advert in ADVERTS]
    path.write_text("\ufeff" + "\r\n".join(reversed(late)) + "\r\n\r\n", encoding="utf-8")
    heard: asyncio.Queue[Advert] = asyncio.Queue()
    radio = ReplayRadio(load(path), BoardClock())
    await radio.start_scan(heard.put_nowait)
    async with asyncio.timeout(10):
        assert [await heard.get(), await heard.get()] == [advert for _, advert in ADVERTS]
    await radio.close()


GOOD = {"t_s": 0, "address": "A", "rssi_dBm": -50, "data": "00"}


@pytest.mark.parametrize(
    "line",
    [
        "x", "[]", "null", '{"t_s": 0}', '{"t_s": 0, "data": "0", "address": 1}', "[" * 100_000,
        *(
            json.dumps({**GOOD, key: value})
            for key, value in (
                ("t_s", float("nan")), ("t_s", float("inf")), ("t_s", -1), ("t_s", True),
                ("t_s", 10**400), ("rssi_dBm", 1e300), ("rssi_dBm", 1000), ("data", None),
                ("data", "0" * 9999), ("data", "0"), ("address", ""), ("address", "A" * 9999),
            )
        ),
        '{"t_s": ' + "9" * 5000 + "}",
    ],
)  # fmt: skip
def test_a_line_that_is_no_advert_is_named(tmp_path, line):
    path = tmp_path / "adverts.jsonl"
    path.write_text(dump(*ADVERTS[0]) + "\n" + line + "\n")
    with pytest.raises(InputError, match="line 2"):
        load(path)
    with pytest.raises(InputError, match="none"):
        load(tmp_path / "none")


LINE = json.dumps(GOOD)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (LINE.replace('"t_s": 0', '"t_s": 0, "t_s": 1'), "the key 't_s' is given twice"),
        ("1" * 5000, "a number has too many digits"),
        ("[" * 100_000, "is nested too deep"),
        (LINE[:-1], r"Expecting ',' delimiter at column 57; this is not JSON"),
    ],
)
def test_a_line_of_a_recording_is_told_as_any_json_is(tmp_path, line, words):
    path = tmp_path / "recording"
    path.write_text(f"{LINE}\r\n{line}\n", newline="")
    with pytest.raises(InputError, match=f"recording, line 2: {words}$"):
        load(path)


def test_only_a_line_feed_ends_a_line_of_a_recording(tmp_path):
    path = tmp_path / "recording"
    path.write_text(LINE.replace('"A"', '"a\u2028b"'), encoding="utf-8")
    assert [each.address for _, each in load(path)] == ["a\u2028b"]


def scanner_that_fails(error):
    class Failing(BaseBleakScanner):
        def __init__(self, callback, uuids, *args, **kwargs):
            super().__init__(callback, uuids)

        async def start(self):
            raise error

        async def stop(self):
            pass

    return Failing


Reason = BleakBluetoothNotAvailableReason


def no_bluetooth(reason):
    return BleakBluetoothNotAvailableError("bleak's words", reason)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (
            BleakBluetoothNotAvailableError("off", BleakBluetoothNotAvailableReason.NO_BLUETOOTH),
            NoAdapter,
        ),
        (BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", []), NoAdapter),
        (FileNotFoundError("no system bus"), NoAdapter),
        (BleakError("odd"), RadioError),
    ],
)
async def test_no_adapter_is_one_line(error, kind):
    radio = BleakRadio(scanner_that_fails(error), BaseBleakClient)
    with pytest.raises(kind) as caught:
        await radio.start_scan(lambda _: None)
    assert "\n" not in str(caught.value)
    await radio.close()


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (no_bluetooth(Reason.NO_BLUETOOTH), "no Bluetooth adapter"),
        (no_bluetooth(Reason.POWERED_OFF), "switched off"),
        (no_bluetooth(Reason.DENIED_BY_SYSTEM), "may not use Bluetooth"),
        (BleakDBusError("org.bluez.Error.NotReady", ["Resource Not Ready"]), "switched off"),
        (BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", ["x"]), "may not use"),
        (BleakDBusError("org.freedesktop.DBus.Error.Spawn.ExecFailed", []), "BlueZ does not run"),
        (BleakError("adapter 'hci9' not found"), "hci9"),
        (PermissionError(13, "Permission denied"), "may not use Bluetooth"),
        (ConnectionRefusedError(111, "Connection refused"), "system bus"),
    ],
)
async def test_absent_off_and_forbidden_are_told_apart(said, word):
    radio = BleakRadio(scanner_that_fails(said), BaseBleakClient)
    with pytest.raises(NoAdapter, match=word):
        await radio.start_scan(lambda _: None)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("org.bluez.Error.Failed", "BlueZ failed"),
        ("org.freedesktop.DBus.Error.NoReply", "did not answer"),
        ("org.example.Unheard", "org.example.Unheard"),
    ],
)
async def test_other_errors_of_dbus_do_not_claim_that_there_is_no_adapter(name, word):
    radio = BleakRadio(scanner_that_fails(BleakDBusError(name, ["why"])), BaseBleakClient)
    with pytest.raises(RadioError, match=word) as caught:
        await radio.start_scan(lambda _: None)
    assert not isinstance(caught.value, NoAdapter)
    assert "why" in str(caught.value)


async def test_only_what_was_heard_can_be_connected():
    radio = BleakRadio(scanner_that_fails(BleakError("odd")), BaseBleakClient)
    with pytest.raises(RadioError, match="has not been heard"):
        await radio.connect("11:22:33:44:55:66", lambda: None)


async def test_a_transport_that_nobody_knows():
    with pytest.raises(RadioError):
        await open_radio("carrier-pigeon:7").start_scan(lambda _: None)


async def test_a_hub_that_is_not_there():
    with pytest.raises(RadioError):
        await open_radio("tcp-client:127.0.0.1:9").start_scan(lambda _: None)


def test_only_one_module_imports_bleak():
    """The pure parts and the whole host run without it."""
    program = """
import sys
sys.modules["bleak"] = sys.modules["bumble"] = None
import crowdcharge.orchestrator.runner, crowdcharge.report.summary, crowdcharge.ledger.verify
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr.decode()
