# SPDX-License-Identifier: MIT
"""`crowd` and `owner` over the cable: two boards become members, and one charges the other."""

import json

import pytest

from crowdcharge.boards import keys as key_file

from .conftest import KEYS, command, until

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow]


async def done(*arguments: object) -> str:
    result = await command(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(300)
async def test_boards_join_consent_and_charge(bench, tmp_path) -> None:
    file = tmp_path / "crowd.toml"
    await done("crowd", "create", file)
    again = await command("crowd", "create", file)
    assert again.returncode == 2 and "already" in again.stderr
    assert file.stat().st_mode & 0o077 == 0
    ports = bench.serial_ports
    await done("crowd", "join", file, "--port", ports[1])
    shown = await done("crowd", "join", file, "--port", ports[2])
    assert "again for: 1" in shown
    await done("crowd", "join", file, "--port", ports[1])
    listed = json.loads(await done("crowd", "list", file, "--json"))
    assert [member["behind"] for member in listed["members"]] == [False, False]
    await done("owner", "consent", "--port", ports[1], "--gives-to", "host,crowd", "--day-wh", "1")
    await until(bench, 1, lambda board: board["tx_on"])
    await until(bench, 2, lambda board: board["rx_on"])
    keys = tmp_path / "keys.toml"
    key_file.save(keys, KEYS)
    radio = ("--keys", keys, "--transport", bench.transport)
    await done("owner", "hold", "--id", "1", *radio)
    await until(bench, 1, lambda board: not board["tx_on"])
    await done("owner", "hold", "--id", "1", "--release", *radio)
    await until(bench, 1, lambda board: board["tx_on"])
    shown = await done("crowd", "leave", file, "--id", "2", "--port", ports[2])
    assert "again for: 1" in shown
