# SPDX-License-Identifier: MIT
"""Writes docs/reference/fod-detection.md: which objects the core's check finds, and when it errs.

`python firmware/tools/generate_fod_table.py` writes; `--check` exits 1 if the page is not fresh.
The rig is a model: its loss is the curve of the virtual bench, a wider gap adds a loss of its own,
the meters are off by a gain, and every renewal has ripple. The check is wptcore.fod itself.
"""

import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from wptcore.fod import ForeignObject, LossCurve

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "fod-detection.md"
CURVE = LossCurve(250, 1350, 50, 400)  # offset mW, permille, permille per W, threshold mW
RENEWALS = 14  # at a lease of 2 s: ten seconds, after which a transfer without a verdict ends
TRIES = 200
POWERS_mW = (500, 1000, 2500, 4000)
OBJECTS_mW = (0, 200, 350, 500, 750, 1000)
GAP_LOSSES_permille = (0, 50, 100)  # of the received power, beyond the calibrated gap
METER_ERRORS_permille = (-10, 0, 10)  # sent side against received side
RIPPLES_mW = (0, 60, 150, 300)
# Everything at its worst at once: what hides an object, and what looks like one.
CORNERS = (("hides", -50, -10, 150), ("looks like one", 50, 10, 150))
GROUPS = (1, 2, 3, 4)  # receivers on one pad
MEMBER_mW = 600  # what each of them receives
MEMBER_METER_permille = 10


def outcome(
    received_mW: int, object_mW: int, gap_permille: int, meter_permille: int, ripple_mW: int
) -> tuple[float, float]:
    """Return the shares of tries that latched FOREIGN_OBJECT and that never had a verdict."""
    rng = Random(f"{received_mW}/{object_mW}/{gap_permille}/{meter_permille}/{ripple_mW}")
    found = blind = 0
    for _ in range(TRIES):
        check = ForeignObject(CURVE)
        judged = tripped = False
        for _ in range(RENEWALS):
            load_mW = received_mW + rng.randint(-ripple_mW, ripple_mW)
            sent_mW = CURVE.sent_mW(load_mW) + load_mW * gap_permille // 1000 + object_mW
            sent_mW += sent_mW * meter_permille // 1000
            sent_mW += rng.randint(-ripple_mW, ripple_mW)  # the two are not of one instant
            tripped = tripped or bool(check.compare(sent_mW, load_mW))
            judged = judged or check.judged
        found += tripped
        blind += not judged
    return found / TRIES, blind / TRIES


def outcome_of_group(size: int, object_mW: int, ripple_mW: int = 60) -> tuple[float, float]:
    """As outcome(), for the sum of several reports; each meter is off by an error of its own."""
    rng = Random(f"{size}/{object_mW}/{ripple_mW}")
    found = blind = 0
    for _ in range(TRIES):
        check = ForeignObject(CURVE)
        errors = [rng.uniform(-1, 1) * MEMBER_METER_permille / 1000 for _ in range(size + 1)]
        tripped = judged = False
        for _ in range(RENEWALS):
            loads_mW = [MEMBER_mW + rng.randint(-ripple_mW, ripple_mW) for _ in range(size)]
            sent_mW = (CURVE.sent_mW(sum(loads_mW)) + object_mW) * (1 + errors[0])
            told_mW = [
                round(load_mW * (1 + error)) + rng.randint(-ripple_mW, ripple_mW)
                for load_mW, error in zip(loads_mW, errors[1:], strict=True)
            ]
            tripped = tripped or bool(check.compare(round(sent_mW), sum(told_mW)))
            judged = judged or check.judged
        found += tripped
        blind += not judged
    return found / TRIES, blind / TRIES


def _cell(result: tuple[float, float]) -> str:
    found, blind = result
    text = f"{found:.0%}"
    return text + f" ({blind:.0%} blind)" if blind >= 0.01 else text


def _table(heading: str, rows: list[tuple[str, list[tuple[float, float]]]]) -> list[str]:
    columns = [f"{object_mW} mW" for object_mW in OBJECTS_mW]
    lines = [f"| {heading} | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(map(_cell, found)) + " |" for name, found in rows]
    return lines


def page() -> str:
    """Return the page: one table for each thing that varies, the others at their best."""
    by_power = [
        (f"{power_mW} mW", [outcome(power_mW, each, 0, 0, 60) for each in OBJECTS_mW])
        for power_mW in POWERS_mW
    ]
    by_gap = [
        (f"{gap / 10:g} % more loss", [outcome(2500, each, gap, 0, 60) for each in OBJECTS_mW])
        for gap in GAP_LOSSES_permille
    ]
    by_meter = [
        (f"{error / 10:+g} %", [outcome(2500, each, 0, error, 60) for each in OBJECTS_mW])
        for error in METER_ERRORS_permille
    ]
    by_ripple = [
        (f"{ripple} mW", [outcome(2500, each, 0, 0, ripple) for each in OBJECTS_mW])
        for ripple in RIPPLES_mW
    ]
    by_corner = [
        (f"{name}, {power_mW} mW", [outcome(power_mW, each, *corner) for each in OBJECTS_mW])
        for name, *corner in CORNERS
        for power_mW in POWERS_mW
    ]
    by_group = [
        (f"{size}", [outcome_of_group(size, each) for each in OBJECTS_mW]) for size in GROUPS
    ]
    return "\n".join(
        [
            "<!-- Generated by firmware/tools/generate_fod_table.py; do not edit -->",
            "# What foreign object detection finds",
            "",
            "Share of tries in which the board's check (`firmware/wptcore/fod.py`) latched"
            f" `FOREIGN_OBJECT` within ten seconds, {TRIES} tries each, by the power that an"
            " object takes. The column `0 mW` is the share of false alarms. The threshold of the"
            " modelled rig is 400 mW above its calibrated curve. *Blind* is the share of tries"
            " without any verdict; the board ends such a transfer after ten seconds of flow"
            " (`NO_FOD_VERDICT`).",
            "",
            "**What this is not.** The rig is a model, nothing here was measured on hardware, and"
            " whether 500 mW burn something depends on the object. What lies below the threshold"
            " is not found; only the coil's thermistor is left then. A gap wider than the"
            " calibrated one looks like an object, a narrower one hides one of the same size.",
            "",
            "## By received power (ripple 60 mW)",
            "",
            *_table("received", by_power),
            "",
            "## By gap, at 2500 mW",
            "",
            *_table("gap", by_gap),
            "",
            "## By error of the sender's meter against the receiver's, at 2500 mW",
            "",
            *_table("meter error", by_meter),
            "",
            "## By ripple of load and meters, at 2500 mW",
            "",
            *_table("ripple", by_ripple),
            "",
            "## Corners: gap, meters and ripple at once",
            "",
            "*Hides*: a gap of 5 % less loss, the sender's meter 1 % low, a ripple of 150 mW."
            " *Looks like one*: 5 % more loss, 1 % high, the same ripple. The errors add up and"
            " grow with the power: at 4 W the first corner hides an object of 500 mW, and the"
            " second shows one of 200 mW. Without an object neither gives an alarm.",
            "",
            *_table("corner", by_corner),
            "",
            "## By receivers of one pad, on the sum of their reports",
            "",
            f"Each receives {MEMBER_mW} mW; every report has a ripple of 60 mW and each meter an"
            f" error of up to {MEMBER_METER_permille / 10:g} %. Larger groups are refused at this"
            " threshold, or at this power ([groups](../explanation/groups.md)).",
            "",
            *_table("receivers", by_group),
            "",
        ]
    )


def main() -> None:
    if "--check" in sys.argv:
        fresh = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
        print("fresh" if fresh else f"{PAGE.name} is not fresh")
        sys.exit(0 if fresh else 1)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
