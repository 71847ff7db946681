# SPDX-License-Identifier: MIT
"""scan, run and ledger as their user sees them: output, exit codes, one line for each mistake."""

import json
import sqlite3

import pytest

from crowdcharge.boards import keys as key_file
from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from crowdcharge.radio.base import Advert
from crowdcharge.radio.replay_radio import dump
from wptcore import wire

KEYS = {1: bytes([1]) * 32}


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Store.create(path) as store:
        store.append([kinds.Run("p", seed=3, vm=None)])
        store.append([kinds.Open(5, 1, 2, energy_max_mJ=9, power_max_mW=0, t_ms=1)])
    return path


def one_line(error):
    return error.startswith("crowdcharge: ") and error.count("\n") == 1


def beacon(board_id, soc_permille=421):
    buffer = bytearray(wire.BEACON_SIZE)
    fields = (board_id, 1, 2, 0, 0, 4012, -150, soc_permille, 253, 0, 1000, 2000)
    wire.pack_beacon_into(buffer, 0, *fields)
    return bytes(buffer)


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "adverts.jsonl"
    adverts = [(0.0, beacon(7)), (0.01, b"other"), (0.02, beacon(9, wire.SOC_UNKNOWN_permille))]
    lines = [dump(time_s, Advert(f"A{time_s}", -60, data)) for time_s, data in adverts]
    path.write_text("\n".join(lines))
    return path


def test_scan_lists_boards(crowdcharge, recording):
    code, out, _ = crowdcharge("scan", "--seconds", 0.3, "--replay", recording)
    assert code == 0
    assert "42 %" in out
    assert "unknown" in out


def test_scan_as_json(crowdcharge, recording):
    code, out, err = crowdcharge("scan", "--seconds", 0.3, "--replay", recording, "--json")
    seven, nine = json.loads(out)["boards"]
    assert (code, err) == (0, "")
    assert (seven["board_id"], seven["soc_pct"], seven["state"]) == (7, 42, "IDLE")
    assert (seven["bus_mV"], seven["current_mA"], seven["sent_mJ"]) == (4012, -150, 1000)
    assert nine["soc_pct"] is None


def test_scan_records_what_it_can_replay(crowdcharge, recording, tmp_path):
    copy = tmp_path / "copy.jsonl"
    crowdcharge("scan", "--seconds", 0.3, "--replay", recording, "--record", copy)
    _, out, _ = crowdcharge("scan", "--seconds", 0.3, "--replay", copy, "--json")
    assert len(json.loads(out)["boards"]) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("scan", "--seconds", "0"), 2, "--seconds must be above 0"),
        (("scan", "--seconds", "x"), 2, "is not a valid float"),
        (("scan", "--replay", "/none"), 2, "/none"),
        (("scan", "--transport", "tcp-client:127.0.0.1:9", "--seconds", "1"), 1, "127.0.0.1"),
        (("run", "/none.toml"), 2, "/none.toml: No such file"),
        (("ledger", "show", "/none"), 2, "no ledger at /none"),
        (("ledger", "export", "/etc/hostname"), 2, "not a crowdcharge ledger"),
        (("ledger", "verify", "/etc/hostname"), 2, "not a crowdcharge ledger"),
    ],
)
def test_a_mistake_is_one_line(crowdcharge, arguments, code, words):
    got, out, err = crowdcharge(*arguments)
    assert (got, out) == (code, "")
    assert one_line(err)
    assert words in err


@pytest.fixture
def run_file(tmp_path):
    key_file.save(tmp_path / "keys.toml", KEYS)
    path = tmp_path / "run.toml"
    path.write_text(
        '[run]\npolicy = "online-average"\nkeys = "keys.toml"\nout = "out"\n'
        '[radio]\ntransport = "tcp-client:127.0.0.1:9"\n'
        "[contacts]\nslots = [[[1, 2]]]\n"
    )
    return path


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("online-average", "none-such", 2, 'no policy "none-such"; known: '),
        ('"keys.toml"', '"no-keys.toml"', 2, "no-keys.toml: No such file"),
        ('out = "out"', 'out = "keys.toml/out"', 2, "cannot write into"),
        ("slots = [[[1, 2]]]", "slots = 3", 2, "line 8: contacts.slots"),
        ('"online-average"', '"online-average"\npolicy_options = { x = 1 }', 2, "has no option x"),
        ("", "", 1, "127.0.0.1"),
    ],
)
def test_a_run_that_cannot_start_is_one_line(crowdcharge, run_file, old, new, code, words):
    run_file.write_text(run_file.read_text().replace(old, new))
    got, out, err = crowdcharge("run", run_file)
    assert (got, out) == (code, "")
    assert one_line(err)
    assert words in err


def test_verify_says_what_it_checked(crowdcharge, ledger, tmp_path):
    key_file.save(tmp_path / "keys.toml", KEYS)
    code, out, _ = crowdcharge("ledger", "verify", ledger)
    assert code == 0
    assert "2 rows, chain, conservation, odometers: all in order" in out
    _, out, _ = crowdcharge("ledger", "verify", ledger, "--keys", tmp_path / "keys.toml")
    assert "signatures" not in out  # nothing is signed here, so nothing was checked


def test_verify_names_an_altered_row_and_fails(crowdcharge, ledger):
    db = sqlite3.connect(ledger)
    db.execute("DROP TRIGGER no_update")
    db.execute("""UPDATE journal SET body = replace(body, '"seed":3', '"seed":4')""")
    db.commit()
    db.close()
    code, out, err = crowdcharge("ledger", "verify", ledger)
    assert code == 1
    assert out == ""
    assert "row 1: (run) was altered" in err


def test_show_and_export(crowdcharge, ledger):
    code, out, _ = crowdcharge("ledger", "show", ledger)
    assert code == 0
    assert "open" in out
    _, out, _ = crowdcharge("ledger", "show", ledger, "--json")
    assert json.loads(out)["transfers"][0]["state"] == "open"
    _, out, _ = crowdcharge("ledger", "export", ledger)
    assert out == "seq,transfer_id,account,amount_mJ\n"
    _, out, _ = crowdcharge("ledger", "export", ledger, "--format", "json")
    assert [row["kind"] for row in json.loads(out)["rows"]] == ["run", "open"]


@pytest.mark.parametrize("group", [(), ("ledger",), ("bench",)])
def test_a_group_alone_shows_its_commands_a_line_each(crowdcharge, group):
    code, out, err = crowdcharge(*group)
    assert (code, out) == (2, "")
    assert err.startswith("Usage: crowdcharge")
    assert len(err.splitlines()) > 8


@pytest.mark.parametrize("name", [(), ("fig99",)])
def test_reproduce_says_what_there_is(crowdcharge, name):
    code, out, err = crowdcharge("reproduce", *name)
    assert (code, out) == (2, "")
    assert one_line(err)
    assert "table5" in err
    assert "lane-attack" in err
