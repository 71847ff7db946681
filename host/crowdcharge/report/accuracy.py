# SPDX-License-Identifier: MIT
"""PURE: how well an efficiency is known, and between which two points it was measured.

Relative standard uncertainties of both meters in quadrature (JCGM 100:2008, 5.1.6), times two.
A meter as it was made: INA219 gain 0.5 % (TI SBOS448G, current measurement error) and a 1 % shunt,
both taken as rectangular, offset 2 mA likewise (0.2 mV on 0.1 Ohm at PGA / 8). A calibrated one:
what `crowdcharge calibrate meter` found, its reference included.
"""

from collections.abc import Mapping
from math import hypot, sqrt

from crowdcharge.boards.constants import Role
from crowdcharge.flash.fit import Correction
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.settlement import TransferRecord
from crowdcharge.report.markup import escape, table

Meters = Mapping[tuple[int, str], Correction]  # (board, "tx" or "rx") -> what is known of it

AS_MADE_ppm = hypot(5_000.0, 10_000.0) / sqrt(3)
AS_MADE_uA = 2_000.0 / sqrt(3)
_COVERAGE = 2.0  # about 95 %
_BUS_V = {"tx": 3.7, "rx": 5.0}  # to turn a mean power into a current
POINTS = (
    "from the donor's battery lead (in front of its load switch) to the receiver's output (into"
    " its charger): the losses of boost, coils and receiver are in it, those of both batteries"
    " and of the charger are not"
)


def meter_ppm(board_id: int, side: str, mean_W: float, meters: Meters) -> float:
    """Relative standard uncertainty of an energy that one meter counted at this mean power."""
    known = meters.get((board_id, side))
    gain_ppm = known.u_gain_ppm if known else AS_MADE_ppm
    offset_uA = known.u_offset if known else AS_MADE_uA
    current_uA = mean_W / _BUS_V[side] * 1e6
    return hypot(gain_ppm, offset_uA / current_uA * 1e6) if current_uA else 0.0


def efficiency_u(book: Book, transfer: TransferRecord, meters: Meters) -> float | None:
    """Half the 95 % interval of received over sent energy; None without both receipts."""
    total_ppm = 0.0
    for role, side, board_id in (
        (Role.PTX, "tx", transfer.ptx),
        (Role.PRX, "rx", transfer.prx),
    ):
        receipt = book.receipt(transfer, role)
        if receipt is None or not receipt.energy_mJ or not receipt.duration_ms:
            return None
        mean_W = receipt.energy_mJ / receipt.duration_ms
        total_ppm = hypot(total_ppm, meter_ppm(board_id, side, mean_W, meters))
    share = transfer.received_mJ / transfer.sent_mJ
    return _COVERAGE * share * total_ppm / 1e6


def section(book: Book, meters: Meters) -> str:
    """Return the part of report.html on accuracy; empty if no efficiency was metered."""
    rows = [
        (
            transfer.transfer_id,
            f"{100 * transfer.received_mJ / transfer.sent_mJ:.1f} %",
            f"± {100 * u:.1f} %",
        )
        for transfer in book.transfers.values()
        if transfer.prx
        and transfer.sent_mJ
        and (u := efficiency_u(book, transfer, meters)) is not None
    ]
    if not rows:
        return ""
    calibrated = ", ".join(f"{board} {side}" for board, side in sorted(meters)) or "none"
    return (
        "<h2>How well the efficiencies are known</h2>"
        f"<p>Each is {escape(POINTS)}. The interval covers about 95 % (k = 2); two meters as they"
        f" were made give about ± {200 * sqrt(2) * AS_MADE_ppm / 1e6:.1f} % of the value."
        f" Calibrated meters: {escape(calibrated)}.</p>"
        f"{table(('transfer', 'efficiency', 'uncertainty'), rows)}"
    )
