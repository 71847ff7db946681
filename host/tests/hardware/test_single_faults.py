# SPDX-License-Identifier: MIT
"""The table of single faults: complete, injectable, and none that leaves power on."""

import copy
import csv

import pytest
from generator import faults
from generator.circuit import circuit
from generator.defects import behaviour, sound
from generator.outputs import load
from generator.source import HARDWARE, HardwareError, read_toml

from crowdcharge.bench.hub.faults import FAULTS, parameters

BOARDS, TABLES = load(HARDWARE / "boards")
BUILT = [name for name, board in BOARDS.items() if board["roles"] and board["build"] != "none"]
BOARD = BOARDS["feather_esp32s3_st"]
CHAIN = TABLES.builds["st"]["chain"]
EFFECTS = read_toml(HARDWARE / "effects.toml").values
SLOW = {"METER_STALE", "METER_STUCK", "NO_RESPONSE", "SOC_UNKNOWN", "person"}


def rows(name):
    with (HARDWARE / "faults" / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def node():
    return copy.deepcopy(circuit(BOARD, TABLES))


@pytest.mark.parametrize("name", BUILT)
def test_every_part_and_every_pin_has_its_rows(name):
    found = {row["fault"] for row in rows(name)}
    for ref in circuit(BOARDS[name], TABLES).parts:
        assert sum(fault.startswith(f"{ref}-") for fault in found) >= 2, ref
    for pin in BOARDS[name]["pins"]:
        assert {f"{pin}-low", f"{pin}-high"} <= found


@pytest.mark.parametrize("name", BUILT)
def test_every_row_can_be_injected(name):
    for row in rows(name):
        fault, *given = row["bench"].split()
        keys = {pair.partition("=")[0] for pair in given}
        assert fault in FAULTS, row
        assert keys <= set(parameters(fault)), row


@pytest.mark.parametrize("name", BUILT)
def test_power_ends_within_500_ms_or_the_row_says_what_still_acts(name):
    for row in rows(name):
        if row["power"] == "other break opens":
            assert int(row["off within ms"]) <= 500, row
        if row["power"] == "on until noticed" and int(row["off within ms"]) not in range(1, 501):
            assert row["noticed by"] in SLOW, row
            assert ";" in row["effect"], row


def test_a_sound_circuit_does_what_it_is_told(node):
    now = behaviour(sound(node, CHAIN))
    assert 0 < now.second_off_ms <= 500
    assert all(value is not False for value in vars(now).values())


def fault_of(name):
    return next(row for row in rows("feather_esp32s3_st") if row["fault"] == name)


@pytest.mark.parametrize(
    ("fault", "power", "bench"),
    [
        ("U3-stuck", "other break opens", "stuck-switch which=first"),
        ("U11-stuck", "other break opens", "stuck-switch which=second"),
        ("tx_enable-high", "other break opens", "stuck-switch which=first"),
        ("C4-short", "other break opens", "stuck-switch which=second"),
        ("R28-open", "other break opens", "stuck-switch which=second"),
        ("R2-open", "other break opens", "stuck-switch which=first"),
        ("tx_pulse-high", "off", "open-switch which=second"),
        ("TH3-open", "off", "open-switch which=second"),
        ("R21-short", "off", "open-switch which=second"),
        ("Q1-open", "as told", "interlock-lost which=first"),
        ("R25-short", "as told", "cut-lost which=coil"),
    ],
)
def test_rows_that_were_worked_out_by_hand(fault, power, bench):
    row = fault_of(fault)
    assert (row["power"], row["bench"]) == (power, bench)


def test_one_diode_pair_for_both_breaks_is_refused(node):
    """The first draft of this circuit: one open diode, and USB held neither break."""
    node.nets["TX_INHIBIT"].append(("Q4", "G"))
    node.nets["TX_INHIBIT_2"].remove(("Q4", "G"))
    with pytest.raises(HardwareError) as caught:
        faults.table(node, BOARD, CHAIN)
    assert (
        "feather_esp32s3_st: D1-A1-open: both breaks ignore the interlock" in caught.value.faults
    )


def test_a_part_that_nothing_describes_is_refused(node):
    node.parts["C9"] = node.parts["C1"]
    with pytest.raises(
        HardwareError, match=r"effects\.toml:1: feather_esp32s3_st: C9-open is not"
    ):
        faults.table(node, BOARD, CHAIN)


def test_no_entry_is_left_over():
    used = {row["fault"] for name in BUILT for row in rows(name)}
    gauge = {key for key in EFFECTS["effects"] if key.startswith("U10-")}
    assert set(EFFECTS["effects"]) - used - gauge == set()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'detects = "BATTERY_TEMPERATURE", bench = "hot',
            'detects = "HOT", bench = "hot',
            "'HOT' is",
        ),
        (', bench = "hot-battery"', "", "'bench' is a required property"),
        ("[effects]", "[effects", "is not TOML"),
        ("U1-hang = {", "U1-hung = {", "U1-hang is not described"),
    ],
)
def test_a_fault_in_the_effects_is_one_line(node, tmp_path, old, new, words):
    text = (HARDWARE / "effects.toml").read_text()
    assert text.count(old) == 1
    (tmp_path / "effects.toml").write_text(text.replace(old, new))
    with pytest.raises(HardwareError) as caught:
        faults.table(node, BOARD, CHAIN, tmp_path)
    hits = [fault for fault in caught.value.faults if words in fault]
    assert len(hits) == 1, caught.value.faults
    assert "effects.toml:" in hits[0]
