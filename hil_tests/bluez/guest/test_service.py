# SPDX-License-Identifier: MIT
"""The systemd unit, with all its hardening, runs the product and lets it reach bluetoothd.

Only the place of the program differs from the operators' page.
"""

import asyncio
import os
from importlib import resources
from pathlib import Path

import pytest
from hil_tests.bluez.guest import bluez
from hil_tests.bluez.guest.bench import launch_plugged

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards import keys as key_file
from crowdcharge.ledger.settlement import SETTLED
from crowdcharge.ledger.store import Store

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

UNITS = Path("/run/systemd/system")
SETTINGS = Path("/etc/crowdcharge")
KEYS = {1: bytes([1]) * 32, 2: bytes([2]) * 32}
PLACE = f"""
[Service]
Type=exec
WatchdogSec=0
ExecStart=
ExecStart=/usr/bin/python3 -c "from crowdcharge.cli import main; main()" run {SETTINGS}/run.toml
Environment=PYTHONPATH={os.environ.get("PYTHONPATH", "")} PYTHONDONTWRITEBYTECODE=1
"""
RUN = """
[run]
policy = "oblivious-share"
keys = "/run/credentials/crowdcharge.service/keys.toml"
out = "/var/lib/crowdcharge"
[transfer]
lease_ms = 5000
[contacts]
slots = [[[1, 2]]]
"""


def install() -> None:
    unit = resources.files("crowdcharge").joinpath("data", "crowdcharge.service")
    (UNITS / "crowdcharge.service").write_text(unit.read_text(encoding="utf-8"))
    (UNITS / "crowdcharge.service.d").mkdir(parents=True)
    (UNITS / "crowdcharge.service.d" / "place.conf").write_text(PLACE)
    SETTINGS.mkdir()
    (SETTINGS / "run.toml").write_text(RUN)
    key_file.save(SETTINGS / "keys.toml", KEYS)


async def test_the_hardened_service_transfers_and_stops_in_good_order() -> None:
    assert not await bluez.said("useradd", "--system", "crowdcharge")
    install()
    boards = tuple(
        BoardConfig(board, soc_pct, key=KEYS[board].hex())
        for board, soc_pct in ((1, 90.0), (2, 10.0))
    )
    contacts = ContactsConfig(((Placement((1, 2)),),), 10_000.0)
    async with launch_plugged(BenchConfig(boards, contacts=contacts)) as bench:
        assert not await bluez.said("systemctl", "daemon-reload")
        assert not await bluez.said("systemctl", "start", "crowdcharge")
        async with asyncio.timeout(300):
            while True:
                if (await bench.control.witness())["on"]:
                    break
                await asyncio.sleep(0.2)
        assert not await bluez.said("systemctl", "stop", "crowdcharge")
        assert not (await bench.control.witness())["on"]
    log = await bluez.said("journalctl", "--unit=crowdcharge", "--output=cat", "--no-pager")
    assert "Deactivated successfully" in log
    with Store.read(Path("/var/lib/crowdcharge/ledger.sqlite")) as store:
        states = {each.state for each in store.load().transfers.values()}
    assert states == {SETTLED}
