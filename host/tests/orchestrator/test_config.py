# SPDX-License-Identifier: MIT
"""CONFIG.toml: every mistake is one line that names file, line and key."""

import json
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.ledger.kinds import Reward
from crowdcharge.orchestrator import config
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.service.about import about_run

PATH = Path("/somewhere/run.toml")
GOOD = """[run]
policy = "online-average"
keys = "keys.toml"
out = "out"

[contacts]
slot_s = 10
slots = [[[1, 2], [3, 4]], [[1, 3]]]
"""


def test_a_small_file_and_its_defaults():
    loaded = config.parse(GOOD, PATH)
    assert loaded.run.keys == Path("/somewhere/keys.toml")
    assert loaded.run.out == Path("/somewhere/out")
    assert loaded.radio == config.RadioSection()
    assert loaded.transfer.terms() == TransferTerms()
    assert loaded.contacts.schedule().slots == (((1, 2), (3, 4)), ((1, 3),))


def test_every_key_has_its_place():
    text = GOOD + (
        '[radio]\ntransport = "tcp-client:127.0.0.1:1"\nadapter = "hci1"\nslots = 4\nspeed = 2\n'
        "[transfer]\nlease_ms = 900\npower_max_mW = 5\nduration_max_s = 9.5\nfloor_pct = 30\n"
        "[run.policy_options]\nquantum_J = 2.5\n"
    )
    loaded = config.parse(text, PATH)
    assert loaded.radio == config.RadioSection("tcp-client:127.0.0.1:1", "hci1", 4, 2.0)
    assert loaded.transfer.terms() == TransferTerms(900, 5, 9500, 30)
    assert loaded.run.policy_options == {"quantum_J": 2.5}


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('policy = "online-average"\n', "", 1, "run.policy: is missing"),
        ('"out"', "7", 4, "run.out: must be a path, not 7"),
        ("slot_s = 10", 'slot_s = "10"', 7, "contacts.slot_s: must be a number"),
        ("slot_s = 10", "slot_s = 0", 7, "contacts.slot_s: must be 0.001 to"),
        ("slot_s = 10", "slots_s = 10", 7, "contacts.slots_s: unknown key; known are control"),
        (
            "slot_s = 10",
            'source = "guess"',
            7,
            "must be one of declared, ping, bench, not 'guess'",
        ),
        ("[contacts]", "[transfer]\nlease_ms = 5001\n[contacts]", 7, "transfer.lease_ms: must"),
        ("slot_s = 10", "slot_s = true", 7, "must be a number, not True"),
        (
            "[1, 3]",
            "[1, 1]",
            8,
            "contacts.slots[1][0]: a pair is two different board ids, not [1, 1]",
        ),
        ("[1, 3]", "[1, 70000]", 8, "contacts.slots[1][0]: a board's number is 1 to 65534"),
        ("[1, 3]", "[1, 3, 4]", 8, "a pair is two different board ids, not [1, 3, 4]"),
        ("[[1, 3]]", "[1, 3]", 8, "a pair is two different board ids, not 1"),
        ("slots = [[[1, 2], [3, 4]], [[1, 3]]]", "", 6, "contacts.slots: is missing"),
        ("[contacts]", "[contact]", 6, "contact: unknown key; known are boards, contacts, "),
        ("[run]", "radio = 3\n[run]", 1, "radio: must be a table"),
    ],
)
def test_a_mistake_names_line_and_key(old, new, line, words):
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        config.parse(GOOD.replace(old, new), PATH)
    assert str(caught.value).startswith(f"{PATH}, line {line}: ")
    assert words in str(caught.value)


def test_broken_toml_names_the_line():
    with pytest.raises(InputError, match=r"run.toml, line 2: Invalid value at column 10"):
        config.parse("[run]\npolicy = \n", PATH)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        config.load(tmp_path / "none.toml")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file"):
        config.load(tmp_path / "binary")


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 8), st.text(max_size=6))
def test_any_damage_is_a_config_or_an_input_error(at, length, put):
    try:
        config.parse(GOOD[:at] + put + GOOD[at + length :], PATH)
    except InputError as error:
        said = str(error)
    else:
        return
    assert str(PATH) in said
    assert "\n" not in said


def test_the_reference_page_lists_exactly_these_keys():
    page = Path(__file__).parents[3] / "docs" / "reference" / "config.md"
    listed = {
        line.split("`")[1] for line in page.read_text().splitlines() if line.startswith("| `")
    }
    sections = get_type_hints(config.RunConfig).items()
    known = {
        f"{name}.{item.name}"
        for name, kind in sections
        for item in fields(get_args(kind)[0] if get_args(kind) else kind)
    }
    assert listed == known


BOARDS = """
[[boards]]
id = 1
profile = "huawei"
[[boards]]
id = 2
profile = ["qi-bpp", "pma"]
"""


def test_boards_take_profiles():
    loaded = config.parse(GOOD + BOARDS, PATH)
    assert loaded.profiles == {1: ("huawei",), 2: ("qi-bpp", "pma")}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("id = 2", "id = 1", "line 14: boards[1].id: board 1 is there twice"),
        ("id = 2", "id = 0", "line 14: boards[1].id: must be 1 to 65534"),
        ('"huawei"', '"hauwei"', "line 12: boards[0].profile: unknown profile 'hauwei'; known"),
        ('"huawei"', "3", "line 12: boards[0].profile: must be the name of a profile"),
        ('"huawei"', "0", "line 12: boards[0].profile: must be the name of a profile"),
        ('"huawei"', '[["pma"]]', "line 12: boards[0].profile: unknown profile ['pma']; known"),
        ("id = 2", 'id = 2\nfloor = "x"', "line 15: boards[1].floor: unknown key"),
    ],
)
def test_a_board_that_is_wrong_names_line_and_key(old, new, words):
    with pytest.raises(InputError) as refused:
        config.parse(GOOD + BOARDS.replace(old, new), PATH)
    assert str(refused.value).startswith(f"{PATH}, {words}")


RADIOS = """
[radio]
adapters = ["hci0", "hci1"]
proxies = [
    { host = "kitchen.local", key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" },
    { host = "10.0.0.7", port = 16053 },
]
"""


def test_adapters_and_proxies():
    radio = config.parse(GOOD + RADIOS, PATH).radio
    assert radio.local == ("hci0", "hci1")
    assert [(each.host, each.port) for each in radio.proxies] == [
        ("kitchen.local", 6053), ("10.0.0.7", 16053)
    ]  # fmt: skip
    assert radio.names == ("hci0", "hci1", "kitchen.local", "10.0.0.7:16053")
    assert config.parse(GOOD + '[radio]\nadapter = "hci1"\n', PATH).radio.local == ("hci1",)
    assert config.parse(GOOD, PATH).radio.local == ("",)
    far = config.parse(GOOD + RADIOS.replace("10.0.0.7", "fe80::7%wlan0"), PATH).radio
    assert far.names[-1] == "[fe80::7%wlan0]:16053"
    none = config.parse(GOOD + RADIOS.replace('["hci0", "hci1"]', "[]"), PATH).radio
    assert none.local == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('["hci0", "hci1"]', '"hci0"', "radio.adapters: must be a list of names"),
        ('["hci0", "hci1"]', '["hci0", "hci0"]', "radio.adapters: names an adapter twice"),
        ('["hci0", "hci1"]', '[]\nadapter = "hci0"', "takes the place of adapter"),
        ('host = "kitchen.local", ', "", "radio.proxies[0].host: is missing"),
        ('"kitchen.local"', '""', "radio.proxies[0].host: must be a name or an address"),
        ('"kitchen.local"', '"kitchen.local:6053"', "host: must be a name or an address; a port"),
        ('"kitchen.local"', '"http://kitchen"', "host: must be a name or an address; a port"),
        ("16053", "0", "radio.proxies[1].port: must be 1 to 65535"),
        ("AAECAwQF", "AAEC", "radio.proxies[0].key: must be 32 bytes in base64"),
        ("port =", "prot =", "radio.proxies[1].prot: unknown key"),
    ],
)
def test_a_mistake_about_radios_is_named(old, new, words):
    assert old in RADIOS
    with pytest.raises(InputError) as caught:
        config.parse(GOOD + RADIOS.replace(old, new), PATH)
    assert words in str(caught.value)


def test_no_radio_at_all_is_a_mistake():
    with pytest.raises(InputError, match="there is no radio"):
        config.parse(GOOD + "[radio]\nadapters = []\n", PATH)


def test_a_crowd_has_a_name_a_rule_and_an_allowance():
    assert config.parse(GOOD, PATH).crowd.reward is None
    crowd = '[crowd]\nname = "yard"\nrule = "received"\nallowance_J = 1.5\n'
    assert config.parse(GOOD + crowd, PATH).crowd.reward == Reward("yard", "received", 1500)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("", "crowd.name: must say whose accounts"),
        ('name = ""', "crowd.name: must say whose accounts"),
        ('name = "a\\nb"', "crowd.name: must say whose accounts"),
        ('name = "yard"\nrule = "all"', "crowd.rule: must be one of none, received, not 'all'"),
        ('name = "yard"\nallowance_J = -1', "crowd.allowance_J: must be 0 to"),
    ],
)
def test_a_crowd_that_is_wrong_names_the_key(section, words):
    with pytest.raises(InputError) as refused:
        config.parse(GOOD + f"[crowd]\n{section}\n", PATH)
    assert words in str(refused.value)


def with_ledger(value, site='site = "north"'):
    return GOOD.replace("[contacts]", f"ledger = {value}\n{site}\n[contacts]")


def test_a_database_of_ledgers_has_its_site_and_files_beside_the_run_file():
    url = "postgresql://ann@db/books?password_file=secret"
    books = config.parse(with_ledger(f'"{url}"'), PATH).run.ledger
    assert books is not None
    assert (books.site, books.password_file) == ("north", Path("/somewhere/secret"))


@pytest.mark.parametrize("name", ["north ", " ", "a\\nb", "a\\u0000b", "a\\u202Eb", "x" * 65])
def test_two_sites_whose_names_look_the_same_are_not_possible(name):
    text = GOOD.replace("[contacts]", f'site = "{name}"\n[contacts]')
    with pytest.raises(InputError, match=r"run\.site: is no name of a site"):
        config.parse(text, PATH)


@pytest.mark.parametrize(
    ("value", "site", "words"),
    [
        ("7", "", "must be the URL"),
        ('"out/ledger.sqlite"', "", "must be the URL"),
        ('"postgresql://ann:s3cret@db/books"', "", "needs run.site"),
        ('"postgresql://ann:s3cret@db/books?site=south"', 'site = "north"', "another site"),
        ('"postgresql://:s3cret@db/books"', 'site = "north"', "names no user"),
        ('"postgresql://ann:s3cret@db:x/books"', 'site = "north"', "cannot be read"),
    ],
)
def test_a_wrong_url_is_one_line_without_its_password(value, site, words):
    with pytest.raises(InputError, match=f"line 6: run.ledger: .*{words}") as caught:
        config.parse(with_ledger(value, site), PATH)
    assert "s3cret" not in str(caught.value)


def test_what_a_service_shows_of_its_file_has_no_password():
    run = with_ledger('"postgresql://ann:s3cret@db/books"')
    shown = about_run(config.parse(run, PATH), "1").config
    assert shown["run"]["ledger"] == "postgresql://ann@db/books?site=north"
    assert "s3cret" not in json.dumps(shown)
