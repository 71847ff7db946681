# SPDX-License-Identifier: MIT
"""When a calibration is too old to be believed: coils move, shunts and references age.

A board has no calendar, so it is the host that keeps to this: its runs stay at or below the power
that a board allows without any curve, until the rig is calibrated again.
"""

from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path

from crowdcharge.errors import InputError, NotNow
from crowdcharge.flash.records import FILE, Records
from wptcore.fod import UNCALIBRATED_MAX_mW

LIFE_days = 365


def expired(
    records: Records, boards: Collection[int], today: date
) -> Iterator[tuple[str, type[InputError]]]:
    """Say what is wrong with the age of these boards' calibrations, a sentence for each board.

    With it comes the error that this is: NotNow where the clock, which many small computers set
    late, can be wrong.
    """
    for board_id, oldest in sorted(records.measured_on().items()):
        if board_id not in boards:
            continue
        if oldest is None:
            yield f"board {board_id}'s calibration has no date", InputError
        elif oldest > today:
            later = f"board {board_id} was calibrated on {oldest}, after today"
            yield f"{later}: look at the clock", NotNow
        elif (today - oldest).days > LIFE_days:
            old = f"board {board_id} was calibrated on {oldest}, over {LIFE_days} days ago"
            yield old, InputError


def check(folder: Path, boards: Collection[int], power_max_mW: int, today: date) -> str:
    """Return what to say of the calibration.json in a run's folder.

    InputError if one has expired and the run may carry more than a board without a curve; NotNow
    if it is only the clock that can be wrong.
    """
    path = folder / FILE
    if not path.exists():
        return f"no {path}: its age is not known"
    found = list(expired(Records(path), boards, today))
    if not found:
        return f"{path}: none is older than {LIFE_days} days"
    told = f"{path}: {'; '.join(text for text, _ in found)}"
    if not 0 < power_max_mW <= UNCALIBRATED_MAX_mW:
        kinds = {kind for _, kind in found}
        kind = kinds.pop() if len(kinds) == 1 else InputError
        raise kind(
            f"{told}; calibrate again, or set transfer.power_max_mW to at most"
            f" {UNCALIBRATED_MAX_mW}"
        )
    return f"{told}; at most {power_max_mW} mW flow"
