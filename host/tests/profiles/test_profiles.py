# SPDX-License-Identifier: MIT
"""Every value has a source; what pairs do follows from the values alone."""

import re
from pathlib import Path

import pytest

from crowdcharge.errors import InputError
from crowdcharge.profiles import Profile, Value, every_pair, exchange, known, load
from crowdcharge.profiles.profile import folder, read_all
from crowdcharge.profiles.schema import KEYS

ASKED = {
    "qi-bpp", "qi-epp", "qi-mpp", "airfuel-resonant", "pma",
    "huawei", "powershare", "pixel", "oneplus", "xiaomi",
}  # fmt: skip


def pair(donor: str, receiver: str):
    profiles = known()
    return exchange(profiles[donor], profiles[receiver], profiles)


def test_all_profiles_are_there_with_all_keys_and_a_source_each() -> None:
    assert known().keys() >= ASKED
    for profile in known().values():
        needed = KEYS[profile.kind].keys() if profile.kind != "bridge" else {"efficiency_pct"}
        assert profile.values.keys() >= needed, profile.name
        assert all(value.source for value in profile.values.values())


@pytest.mark.parametrize(
    ("donor", "receiver", "power_mW", "by"),
    [
        ("huawei", "qi-bpp", 2500, "qi-bpp"),  # Android Authority's test of the Mate 20 Pro
        ("qi-epp", "qi-bpp", 5000, "qi-bpp"),  # the extended profile falls back, 5 W
        ("qi-mpp", "qi-mpp", 15000, "qi-mpp"),  # Granite River Labs: 15 W
    ],
)
def test_pairs_checked_by_hand_against_the_sources(
    donor: str, receiver: str, power_mW: int, by: str
) -> None:
    found = pair(donor, receiver)
    assert found.possible
    assert (found.power_mW, found.by) == (power_mW, by)


def test_silos_do_not_exchange_and_a_bridge_joins_two() -> None:
    assert "277 to 357 kHz" in pair("pma", "qi-bpp").reason
    assert "resonant" in pair("airfuel-resonant", "qi-bpp").reason
    for silo in ("pma", "qi-bpp"):
        assert pair("powermat-spot-4", silo).possible
    assert pair("pma", "powermat-ring").possible
    assert not pair("qi-bpp", "powermat-ring").possible


def test_what_is_unknown_stays_unknown() -> None:
    for found in every_pair(known()):
        if not found.possible:
            assert (found.power_mW, found.efficiency, found.by) == (None, None, None)
    assert pair("pixel", "qi-bpp").power_mW is None
    assert pair("airfuel-resonant", "airfuel-resonant").power_mW is None


def test_a_pair_never_gets_more_than_either_side_states() -> None:
    for found in every_pair(known()):
        if found.power_mW is None:
            continue
        stated = known()[found.by or ""].get("receives_mW")
        assert found.power_mW <= stated
        assert found.power_mW <= (known()[found.donor].get("gives_mW") or stated)


def test_a_changed_value_changes_the_answer() -> None:
    profiles = dict(known())
    huawei = profiles["huawei"]
    changed = Profile(
        "huawei", "donor", huawei.title, {**huawei.values, "gives_mW": Value(900, "test")}
    )
    assert exchange(changed, profiles["qi-bpp"], profiles).power_mW == 900


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("coupling = { value = 'inductive' }", "source: is missing"),
        ("coupling = { value = 3, source = 'book' }", "must be a text, or 'unknown'"),
        ("colour = { value = 'red', source = 'book' }", "unknown key"),
    ],
)
def test_a_wrong_profile_names_file_line_and_key(tmp_path: Path, line: str, expected: str) -> None:
    path = tmp_path / "x.toml"
    head = 'schema = 1\nname = "x"\nkind = "technology"\ntitle = "X"\n[values]\n'
    path.write_text(head + line)
    with pytest.raises(InputError, match=rf"x\.toml, line 6: values.*{expected}"):
        load(path)


@pytest.mark.parametrize(
    ("name", "key", "value", "expected"),
    [
        (
            "huawei",
            "technology",
            '"nope"',
            "no technology 'nope'; known are airfuel",
        ),
        ("huawei", "technology", '"pixel"', "no technology 'pixel'"),
        ("qi-epp", "speaks", '["qi-epp", "nope"]', "no technology 'nope'"),
        ("powermat-ring", "receives", '["nope"]', "no technology 'nope'"),
        ("qi-bpp", "speaks", "[]", "must be a list of names"),
        ("qi-bpp", "speaks", "[3]", "must be a list of names"),
        ("qi-bpp", "frequency_kHz", "[205, 110]", "the lower and the upper end"),
        ("qi-bpp", "frequency_kHz", "[]", "the lower and the upper end"),
        ("qi-bpp", "efficiency_pct", "[60, 145]", "from 1 to 100"),
        ("qi-bpp", "receives_mW", "0", "from 1 to 1000000"),
        ("huawei", "gives_mW", "true", "a whole number"),
        ("huawei", "gives_mW", "9000", "9000 is more than qi-bpp transmits, 5000"),
        ("huawei", "donor_floor_pct", "150", "from 0 to 100"),
        ("huawei", "battery_max_C", "20", "20 must be above battery_resume_C, which is 35"),
        ("huawei", "battery_resume_C", "-20", "-20 must be above battery_min_C, which is -10"),
        ("huawei", "ping_timeout_s", "-1", "from 1 to"),
        ("huawei", "gives_on_cable", "1", "must be true or false"),
    ],
)
def test_what_contradicts_itself_or_its_technology_names_the_line(
    tmp_path: Path, name: str, key: str, value: str, expected: str
) -> None:
    for path in folder().glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text())
    path = tmp_path / f"{name}.toml"
    lines = path.read_text().splitlines()
    (at,) = (k for k, line in enumerate(lines) if line.startswith(f"{key} = "))
    lines[at] = re.sub(r"value = .*?, source", f"value = {value}, source", lines[at])
    path.write_text("\n".join(lines))
    with pytest.raises(InputError) as caught:
        read_all(tmp_path)
    assert f"{name}.toml, line {at + 1}: values.{key}" in str(caught.value)
    assert expected in str(caught.value)


def test_the_files_and_their_names_agree() -> None:
    assert {path.stem for path in folder().glob("*.toml")} == known().keys()


def test_where_a_source_gives_a_range_the_tighter_end_stands() -> None:
    ranges = 0
    for profile in known().values():
        for key, value in profile.values.items():
            found = re.search(r"([\d.]+) to [\d.]+ (W|s)\b", value.source)
            if found and key.endswith(("_mW", "_s")):
                unit = {"W": 1000, "s": 1}[found[2]]
                assert value.value == float(found[1]) * unit, (profile.name, key)
                ranges += 1
    assert ranges == 3
