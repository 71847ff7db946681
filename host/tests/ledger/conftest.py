# SPDX-License-Identifier: MIT
"""Receipts as boards sign them, and a small ledger with every kind of row."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from crowdcharge.boards.models import Receipt
from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from wptcore import auth, ept, wire

KEYS = {1: bytes([1]) * 32, 2: bytes([2]) * 32}
U32 = 1 << 32


def sign(
    board_id: int,
    transfer_id: int,
    role: int,
    energy_mJ: int,
    key: bytes | None = None,
    **other: Any,
) -> Receipt:
    fields = {
        "epoch": 1,
        "peer": 3 - board_id,
        "duration_ms": 1000,
        "peak_mW": 2500,
        "peak_dC": 301,
        "ept": ept.ENERGY_BUDGET if role == wire.PTX else ept.PEER_ENDED,
        "soc_before": 500,
        "soc_after": 490,
        "odometer_mJ": energy_mJ,
        **other,
    }
    body = wire.pack_receipt(
        board_id,
        fields["epoch"],
        transfer_id,
        role,
        fields["peer"],
        energy_mJ,
        fields["duration_ms"],
        fields["peak_mW"],
        fields["peak_dC"],
        fields["ept"],
        fields["soc_before"],
        fields["soc_after"],
        fields["odometer_mJ"] % U32,
    )
    return Receipt.unpack(body + auth.receipt_tag(sha256, key or KEYS[board_id], body))


def opening(transfer_id: int, ptx: int = 1, prx: int = 2) -> kinds.Open:
    return kinds.Open(transfer_id, ptx, prx, energy_max_mJ=5000, power_max_mW=0, t_ms=10)


def reading(
    board_id: int, soc_permille: int | None, sent_mJ: int = 0, received_mJ: int = 0
) -> kinds.Reading:
    odometers = sent_mJ, received_mJ
    return kinds.Reading(board_id, 1, soc_permille, *odometers, capacity_mJ=100_000, t_ms=1)


def settle(store: Store, transfer_id: int, *receipts: Receipt) -> None:
    store.append(store.book.admit(receipts))
    store.append(store.book.settlement(store.book.transfers[transfer_id]))


def fill(store: Store) -> None:
    """Write a run with two settled transfers, a gap between them, a refusal, a fault, a sample."""
    store.append([kinds.Run("oblivious-share", seed=1, vm=None)])
    store.append([reading(1, 900), reading(2, 100)])
    store.append([opening(5)])
    store.append([kinds.Sample(5, 1, wire.PTX, 9, 1, 2, soc_permille=None, coil_dC=250)])
    settle(store, 5, sign(1, 5, wire.PTX, 1000), sign(2, 5, wire.PRX, 600))
    store.append([opening(6)])
    store.append([kinds.Refusal(6, 1, ept.FLOOR, "FLOOR", t_ms=20)])
    settle(store, 6)
    store.append([opening(7)])
    fault = kinds.Fault(2, ept.LEASE_LOST, "LEASE_LOST", raised=True, t_ms=30)
    store.append([fault, replace(fault, raised=False)])
    settle(
        store,
        7,
        sign(1, 7, wire.PTX, 500, odometer_mJ=1700),
        sign(2, 7, wire.PRX, 300, odometer_mJ=900),
    )
    store.append([reading(1, 880, sent_mJ=1700), reading(2, 110, received_mJ=900)])


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    with Store.create(path) as store:
        fill(store)
    return path


@pytest.fixture
def signed() -> Callable[..., Receipt]:
    return sign


@pytest.fixture
def keys() -> dict[int, bytes]:
    return KEYS


@pytest.fixture
def open_row() -> Callable[..., kinds.Open]:
    return opening


@pytest.fixture
def settle_in() -> Callable[..., None]:
    return settle
