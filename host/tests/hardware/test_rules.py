# SPDX-License-Identifier: MIT
"""A fault in a board file is found, and the report names its file and line."""

import csv

import pytest
from generator.outputs import load, outputs
from generator.source import HardwareError

# board, old text, new text, start of the faulty line, words of the report
FAULTS = [
    (
        "feather_esp32s3",
        'rx_enable = "D12"',
        'rx_enable = "D11"',
        "rx_enable",
        "already pins.tx_enable",
    ),
    ("feather_esp32s3", 'tx_enable = "D11"', 'tx_enable = "SDA"', "tx_enable", "already i2c.sda"),
    ("feather_esp32s3", 'tx_enable = "D11"', 'tx_enable = "D99"', "tx_enable", "has no pin 'D99'"),
    ("feather_esp32s3", 'tx_enable = "D11"', 'tx_enable = "A0"', "tx_enable", "high during reset"),
    ("feather_esp32s3", 'coil_ntc = "A5"', 'coil_ntc = "D13"', "coil_ntc", "no analogue input"),
    (
        "feather_esp32s3",
        "rx_address = 0x41",
        "rx_address = 0x40",
        "rx_address",
        "clashes with meter.tx",
    ),
    (
        "feather_esp32s3",
        "tx_address = 0x40",
        "tx_address = 0x36",
        "tx_address",
        "no address of ina219",
    ),
    ("feather_esp32s3", "shunt_uOhm = 100_000", "shunt_uOhm = 200_000", "max_mA", "640 mV across"),
    (
        "feather_esp32s3",
        "max_mA = 3200 ",
        "max_mA = 1800 ",
        "current_max_mA",
        "below meter.max_mA",
    ),
    (
        "feather_esp32s3",
        "current_max_mA = 1800",
        "current_max_mA = 2100",
        "current_max_mA",
        "tps22918",
    ),
    (
        "feather_esp32s3",
        "bus_max_mV = 5500",
        "bus_max_mV = 6000",
        "bus_max_mV",
        "above the 5500 of",
    ),
    ("feather_esp32s3", "bus_min_mV = 3000", "bus_min_mV = 5600", "bus_min_mV", "not below"),
    (
        "feather_esp32s3",
        "power_max_mW = 5300",
        "power_max_mW = 53000",
        "power_max_mW",
        "never trips",
    ),
    (
        "feather_esp32s3",
        "battery_max_dC = 450",
        "battery_max_dC = 650",
        "battery_max_dC",
        "lipo-2000",
    ),
    (
        "feather_esp32s3",
        "capacity_mJ = 26_640_000",
        "capacity_mJ = 36_640_000",
        "capacity_mJ",
        "above",
    ),
    (
        "feather_esp32s3",
        "watchdog_ms = 8000",
        "watchdog_ms = 90000",
        "watchdog_ms",
        "60000 ms at most",
    ),
    (
        "feather_esp32s3",
        'part = "max17048"',
        'part = "max17049"',
        'part = "max17049"',
        "not in hardware/parts",
    ),
    ("feather_esp32s3", 'mcu = "adafruit-feather-esp32s3"', 'mcu = "esp8266"', "mcu", "mcus.toml"),
    (
        "feather_esp32s3_st",
        "fod_threshold_mW = 512",
        "fod_threshold_mW = 0",
        "fod_threshold",
        "minimum",
    ),
    (
        "feather_esp32s3_st",
        "fod_threshold_mW = 512",
        "fod_threshold_mW = 500",
        "fod_threshold",
        "multiple",
    ),
    ("feather_esp32s3_st", 'sda = "D9"', 'sda = "A1"', 'sda = "A1"', "already qi.tx_bus.sda"),
    ("xiao_nrf52840", 'coil_ntc = "D0"', 'coil_ntc = "D4"', "coil_ntc", "already i2c.sda"),
    ("feather_esp32s3", "gap_min_mm = 2", "gap_min_mm = 6", "gap_min_mm", "not below gap_max_mm"),
    ("pico_w", 'tx_enable = "absent"', 'tx_enable = "GP6"', "roles", "a monitor has no"),
    ("pico_w", "roles = []", 'roles = ["ptx"]', "tx_enable", "is needed for the role 'ptx'"),
]


@pytest.mark.parametrize(("board", "old", "new", "at", "words"), FAULTS)
def test_fault_names_file_and_line(faults, lines_of, board, old, new, at, words):
    found = faults(board, old, new)
    hits = [fault for fault in found if words in fault]
    assert hits, found
    assert any(fault.startswith(line) for fault in hits for line in lines_of(board, at)), hits


def test_both_st_chips_without_buses_of_their_own_clash(boards):
    path = boards / "feather_esp32s3_st.toml"
    text = path.read_text()
    path.write_text(text[: text.index("[qi.tx_bus]")])
    with pytest.raises(HardwareError) as caught:
        load(boards)
    line = text[: text.index("rx_address")].count("\n") + 1
    clash = [fault for fault in caught.value.faults if "0x61 clashes" in fault]
    assert clash == [
        f"feather_esp32s3_st.toml:{line}: qi.rx_address: "
        f"0x61 clashes with qi.tx_address (line {line - 1}) on one bus"
    ]


def test_an_inherited_fault_is_reported_once_and_in_the_file_that_has_it(faults):
    found = faults("feather_esp32s3", "battery_max_dC = 450", "battery_max_dC = 650")
    assert len(found) == 1
    assert found[0].startswith("feather_esp32s3.toml:")


def with_ina228(boards, shunt_uOhm: str = "15_000") -> None:
    path = boards / "feather_esp32s3.toml"
    text = path.read_text().replace('part = "ina219"', 'part = "ina228"')
    path.write_text(text.replace("shunt_uOhm = 100_000", f"shunt_uOhm = {shunt_uOhm}"))


def test_a_build_may_have_ina228_meters(boards):
    """The same pins by name, so every build takes it; its own order number and jumper."""
    with_ina228(boards)
    texts = outputs(*load(boards))
    module = texts["firmware/boards/feather_esp32s3.py"]
    assert 'METER = "ina228"' in module
    assert "SHUNT_uOhm = 15000" in module
    (row,) = [
        row
        for row in csv.reader(texts["hardware/bom/feather_esp32s3.csv"].splitlines())
        if "INA228" in row[2]
    ]
    assert row[:2] == ["2", "U2 U7"]
    assert row[3] == "Adafruit 5832"
    assert "bridge the pad VBUS to VIN-" in texts["docs/reference/boards/feather_esp32s3.md"]
    assert 'U2-frozen,"INA228' in texts["hardware/faults/feather_esp32s3.csv"]


def test_an_ina228_on_the_shunt_of_an_ina219_is_refused(boards):
    with_ina228(boards, shunt_uOhm="100_000")
    with pytest.raises(HardwareError) as caught:
        load(boards)
    assert any(
        "320 mV across the shunt; range ends at 163 mV" in one for one in caught.value.faults
    )
