# SPDX-License-Identifier: MIT
"""The tables of the data set: a record a row, a field a column, and what each column means.

`true_` is the physics' own figure, which no board knows; all others are what boards and host say.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionRow:
    session: int
    policy: str
    boards: int
    gap_mm: float
    offset_mm: float
    coupling: float
    fault: str
    fault_board: int | None
    fault_s: float | None
    length_s: float


@dataclass(frozen=True, slots=True)
class BoardRow:
    session: int
    board: int
    capacity_J: float
    true_soc_before_pct: float
    true_soc_after_pct: float
    soc_after_pct: int | None
    tx_shunt_error_ppm: float
    rx_shunt_error_ppm: float
    sent_mJ: int
    received_mJ: int
    true_sent_mJ: float
    true_received_mJ: float
    stands: str | None


@dataclass(frozen=True, slots=True)
class TransferRow:
    session: int
    transfer: int
    ptx: int
    prx: int
    offered_mJ: int
    state: str
    started_s: float | None
    ended_s: float | None
    ended_by_ptx: str | None
    ended_by_prx: str | None
    sent_mJ: int
    received_mJ: int
    true_sent_mJ: float
    true_received_mJ: float


@dataclass(frozen=True, slots=True)
class SampleRow:
    session: int
    transfer: int
    time_s: float
    tx_bus_mV: int
    tx_current_mA: int
    rx_bus_mV: int
    rx_current_mA: int
    true_tx_mW: float
    true_rx_mW: float
    tx_coil_C: int
    rx_coil_C: int
    tx_soc_pct: int | None
    rx_soc_pct: int | None


TABLES: dict[str, tuple[type, str]] = {
    "sessions": (SessionRow, "a session: some boards for some seconds"),
    "boards": (BoardRow, "a board in a session"),
    "transfers": (TransferRow, "a transfer that the host has opened"),
    "samples": (SampleRow, "both boards of a running transfer, four times a second"),
}
MEANS = {
    "session": "number of the session, from 0",
    "policy": "who decided",
    "boards": "how many boards take part",
    "gap_mm": "distance of the coils of a pair",
    "offset_mm": "how far off centre the coils lie",
    "coupling": "of the pair's coils: 1 at 3 mm and centred, less with distance",
    "fault": "what is done to one board, by the bench's name for it; none",
    "fault_board": "which board; empty without a fault",
    "fault_s": "when, in seconds since the session began; it stands until the end",
    "length_s": "after so many seconds nothing new begins",
    "board": "the board's number",
    "capacity_J": "of its cell",
    "true_soc_before_pct": "charge of the cell when the session begins, % of the capacity",
    "true_soc_after_pct": "charge of the cell at the end, % of the capacity",
    "soc_after_pct": "what the board says then, %; empty where it does not know",
    "tx_shunt_error_ppm": "how far the shunt of the transmitter's meter is off its nominal value",
    "rx_shunt_error_ppm": "the same of the receiver's meter",
    "sent_mJ": "energy sent, by the sending board's own meter",
    "received_mJ": "energy received, by the receiving board's own meter",
    "true_sent_mJ": "energy that left through the lead of the sending board",
    "true_received_mJ": "energy that left the receiver",
    "stands": "a fault that stands on the board at the end; empty for none",
    "transfer": "number of the transfer in its session, from 1",
    "ptx": "the board that sends",
    "prx": "the board that receives",
    "offered_mJ": "the most that may be sent",
    "state": "in the ledger: settled, void, one-sided, disputed or open",
    "started_s": "when both boards had their grant; empty if one refused",
    "ended_s": "when the host knew that both had ended",
    "ended_by_ptx": "why the sending board ended; empty if it gave no receipt",
    "ended_by_prx": "why the receiving board ended; empty if it gave no receipt",
    "time_s": "seconds since the session began",
    "tx_bus_mV": "voltage at the sending board's meter",
    "tx_current_mA": "current there",
    "rx_bus_mV": "voltage at the receiving board's meter",
    "rx_current_mA": "current there; above 0 it charges",
    "true_tx_mW": "power in the sending board's lead",
    "true_rx_mW": "power that leaves the receiver",
    "tx_coil_C": "temperature at the sending board's coil",
    "rx_coil_C": "temperature at the receiving board's coil",
    "tx_soc_pct": "the sending board's charge as it says, %",
    "rx_soc_pct": "the receiving board's charge as it says, %",
}
