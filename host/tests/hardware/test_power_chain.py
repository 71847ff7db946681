# SPDX-License-Identifier: MIT
"""A charger, boost converter, cell, fuse or plug that a transfer overloads is refused by line."""

import shutil

import pytest
from generator import power_chain
from generator.outputs import load
from generator.source import HARDWARE, HardwareError

BOARDS, TABLES = load(HARDWARE / "boards")


@pytest.fixture
def hardware(tmp_path):
    for name in ("parts", "builds", "boards"):
        shutil.copytree(HARDWARE / name, tmp_path / name)
    shutil.copy(HARDWARE / "mcus.toml", tmp_path / "mcus.toml")
    return tmp_path


# file, table, old text below it, new text, key at whose line the fault is, words
OVERLOADS = [
    ("parts/modules.toml", "[charger]", "charge_current_mA = 500", "charge_current_mA = 1000",
     "[boost-5v] output_max_mA", "below the 1834 that a transfer of feather_esp32s3 asks of U4"),
    ("parts/modules.toml", "[charger]", "charge_current_mA = 500", "charge_current_mA = 1000",
     "[lipo-2000] charge_max_mA", "asks of BT1 (charger 1100 mA)"),
    ("parts/modules.toml", "[boost-5v]", "output_max_mA = 1000", "output_max_mA = 900",
     "[boost-5v] output_max_mA", "900 is below"),
    ("parts/modules.toml", "[boost-5v]", "input_min_mV = 3000", "input_min_mV = 3300",
     "limits.bus_min_mV", "is rated down to 3300 mV only"),
    ("parts/modules.toml", "[lipo-2000]", "current_max_mA = 2000", "current_max_mA = 1500",
     "[lipo-2000] current_max_mA", "asks of BT1"),
    ("parts/modules.toml", "[lipo-2000]", "charge_max_mA = 1000", "charge_max_mA = 400",
     "[lipo-2000] charge_max_mA", "400 is below the 550"),
    ("parts/modules.toml", "[bq51013b-module]", "output_max_mA = 1000", "output_max_mA = 500",
     "[bq51013b-module] output_max_mA", "500 is below the 550"),
    ("parts/modules.toml", "[steval-wbc86tx]", "link_efficiency_permille = 600",
     "link_efficiency_permille = 450", "[boost-5v] output_max_mA", "feather_esp32s3_st"),
    ("parts/passives.toml", "[fuse-3a]", "current_max_mA = 2250", "current_max_mA = 1500",
     "[fuse-3a] current_max_mA", "asks of F1"),
    ("parts/connectors.toml", "[jst-ph-2]", "current_max_mA = 2000", "current_max_mA = 1000",
     "[jst-ph-2] current_max_mA", "asks of plug of BT1"),
    ("parts/connectors.toml", "[xh-6]", "current_max_mA = 3000", "current_max_mA = 1000",
     "[xh-6] current_max_mA", "asks of plug of U2"),
    ("parts/semiconductors.toml", "[tps22918]", "current_max_mA = 2000", "current_max_mA = 1700",
     "[tps22918] current_max_mA", "asks of U3"),
    ("boards/feather_esp32s3.toml", "[limits]", "power_max_mW = 5300", "power_max_mW = 5400",
     "[boost-5v] output_max_mA", "below the 1016"),
    ("boards/feather_esp32s3.toml", "[limits]", "power_max_mW = 5300", "power_max_mW = 4000",
     "limits.power_max_mW", "the transfer itself draws 5094 mW"),
    ("boards/feather_esp32s3.toml", "[limits]", "current_max_mA = 1800", "current_max_mA = 1600",
     "limits.current_max_mA", "the transfer itself draws 1698 mA at 3000 mV"),
    ("parts/modules.toml", "[charger]", "charge_tolerance_permille = 100\n", "",
     "[charger]", "is missing: U9 is in the power chain"),
    ("parts/modules.toml", "[lipo-2000]", "charge_max_mA = 1000\n", "",
     "[lipo-2000]", "is missing: BT1 is in the power chain"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "table", "old", "new", "at", "words"), OVERLOADS)
def test_an_overload_is_refused_at_the_line_of_the_rating(
    hardware, file, table, old, new, at, words
):
    path = hardware / file
    head, tail = path.read_text().split(f"{table}\n", 1)
    assert old in tail
    path.write_text(f"{head}{table}\n{tail.replace(old, new, 1)}")
    with pytest.raises(HardwareError) as caught:
        load(hardware / "boards", hardware)
    hits = [fault for fault in caught.value.faults if words in fault]
    assert hits, caught.value.faults
    assert any(line_of(hardware, at) == hit.partition(": ")[0] for hit in hits), hits


def line_of(hardware, at):
    """`file:line` of "[part] key" in the parts, or of "limits.key" in the first board."""
    if at.startswith("limits."):
        path, table, key = hardware / "boards/feather_esp32s3.toml", "[limits]", at[7:]
    else:
        table, _, key = at.partition(" ")
        paths = (hardware / "parts").glob("*.toml")
        path = next(path for path in paths if f"{table}\n" in path.read_text())
    lines = path.read_text().splitlines()
    start = lines.index(table)
    if not key:
        return f"{path.name}:{start + 1}"
    return f"{path.name}:{next(n for n in range(start, len(lines)) if key in lines[n]) + 1}"


@pytest.mark.parametrize(
    "name", [n for n, b in BOARDS.items() if b["build"] in ("switched", "st")]
)
def test_the_bag_of_parts_makes_the_first_transfer(name):
    """Worked by hand: 0.55 A x 5 V / 0.6 / 0.9 / 3 V = 1.70 A."""
    drawn = power_chain.transfer(BOARDS[name], TABLES)
    assert drawn.battery_mA == pytest.approx(0.55 * 5 / 0.6 / 0.9 / 3 * 1000, abs=2)
    rated = [(load, load.rated(TABLES)) for load in power_chain.loads(BOARDS[name], TABLES)]
    assert all(limit is None or load.drawn <= limit for load, limit in rated)
    stated = {(load.where, load.key) for load, limit in rated if limit is not None}
    assert {
        ("BT1", "current_max_mA"),
        ("plug of BT1", "current_max_mA"),
        ("F1", "current_max_mA"),
    } < stated
    assert {("U3", "current_max_mA"), ("U11", "current_max_mA"), ("U4", "output_max_mA")} < stated
