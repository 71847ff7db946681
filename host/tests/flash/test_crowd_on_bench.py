# SPDX-License-Identifier: MIT
"""`crowd` and `owner`: two boards become members, one charges the other, an owner forbids it."""

import asyncio
import json

import pytest

from crowdcharge.boards import keys as key_file
from wptcore import ept, wire

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


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(300)
async def test_an_owner_signs_and_anybody_brings_it(bench, tmp_path, hands) -> None:
    file, words = tmp_path / "owner.toml", tmp_path / "words"
    await done("owner", "create", file)
    port, radio = bench.serial_ports[1], ("--transport", bench.transport)
    sign = ("owner", "sign", file, "--id", "1", "--out", words)
    await done(*sign, "--gives-to", "nobody")
    refused = await command("owner", "bring", words, *radio)
    assert refused.returncode != 0 and "owner adopt" in refused.stderr
    await done("owner", "adopt", file, "--port", port)
    refused = await command("owner", "consent", "--port", port, "--gives-to", "host")
    assert refused.returncode != 0 and "signs what it gives" in refused.stderr
    shown = await done("owner", "bring", words, *radio, "--owner", file)
    assert "Board 1 obeys it." in shown
    transfer = hands.Transfer(bench)
    await transfer.on_air(1)
    link = await transfer.link(1)
    consent = await link.ask_consent()
    assert (consent.gives_to, consent.gives_mJ) == (0, 0)
    grant = (transfer.number, wire.PTX, 2, 0, 0, 900, 5000, 6000, 0, 5000, 0)
    assert (await link.command(wire.GRANT, *grant)).code == ept.NO_CONSENT
    await asyncio.sleep(1.1)  # a mandate's number is the second in which it was signed
    await done(*sign, "--gives-to", "host", "--day-wh", "0.01")
    assert "Board 1 obeys it." in await done(
        "owner", "bring", words, "--port", port, "--owner", file
    )
    assert (await link.ask_consent()).gives_mJ <= 36_000
    assert (await link.command(wire.GRANT, *grant)).code == ept.NONE
    await link.command(wire.STOP, transfer.number)
    await link.close()
