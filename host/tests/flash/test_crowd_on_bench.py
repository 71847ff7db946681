# SPDX-License-Identifier: MIT
"""`crowd` and `owner`: two boards become members, one charges the other, an owner forbids it."""

import asyncio
import json
from hashlib import sha256

import pytest

from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.boards import keys as key_file
from crowdcharge.boards.aliases import Aliases
from crowdcharge.radio.bleak_radio import BleakRadio
from wptcore import alias, ept, wire

from .conftest import KEYS, Transfer, command, done, until

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow]


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


@pytest.mark.long  # a minute of a live bench
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(300)
async def test_an_owner_signs_and_anybody_brings_it(bench, tmp_path) -> None:
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
    transfer = Transfer(bench)
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


async def heard(bench, good) -> str:
    """Return the address of the first advert that is good."""
    radio = BleakRadio(*backends(bench.transport))
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_advert(advert) -> None:
        if good(advert) and not found.done():
            found.set_result(advert.address)

    await radio.start_scan(on_advert)
    try:
        async with asyncio.timeout(20):
            return await found
    finally:
        await radio.stop_scan()
        await radio.close()


@pytest.mark.long  # a minute of a live bench
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(300)
async def test_a_hidden_board_is_found_by_those_who_have_its_key(bench, tmp_path) -> None:
    """Board 1 was adopted above; this owner is another one, so it is adopted anew."""
    file, words, keys = tmp_path / "owner.toml", tmp_path / "words", tmp_path / "keys.toml"
    key_file.save(keys, KEYS)
    await done("owner", "create", file)
    await done("owner", "adopt", file, "--port", bench.serial_ports[1])
    sign = ("owner", "sign", file, "--id", "1", "--out", words)
    bring = ("owner", "bring", words, "--owner", file, "--transport", bench.transport)
    await done(*sign, "--hide")
    await done(*bring)
    ours = Aliases(KEYS)

    def is_hidden(advert) -> bool:
        return alias.is_alias(advert.data) and ours.beacon(advert.data).board_id == 1

    public = bench.addresses[1]
    hidden = await heard(bench, is_hidden)
    assert hidden != public
    with pytest.raises(ValueError, match="alias"):
        Aliases({}).beacon(alias.pack(sha256, b"1" * 32, b"2" * 32, bytes(6), 1, 0, 9))
    strange = await command(*bring)
    assert strange.returncode != 0 and "not heard" in strange.stderr
    await asyncio.sleep(1.1)
    await done(*sign)
    assert "Board 1 obeys it." in await done(*bring, "--keys", keys)

    def is_shown(advert) -> bool:
        return not alias.is_alias(advert.data) and ours.beacon(advert.data).board_id == 1

    assert await heard(bench, is_shown) == hidden  # the next one comes when it is hidden again
    await asyncio.sleep(1.1)
    await done(*sign, "--hide")
    await done(*bring)
    assert await heard(bench, is_hidden) not in {hidden, public}
