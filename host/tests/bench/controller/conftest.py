# SPDX-License-Identifier: MIT
"""Two controllers on one air, and a link between them."""

import pytest
from bumble import hci

from crowdcharge.bench.radio.air import Air

from .hci_radio import BOARD, CENTRAL, Radio


@pytest.fixture
def air():
    return Air(seed=7)


@pytest.fixture
async def board(air):
    return Radio(air, BOARD)


@pytest.fixture
async def central(air):
    return Radio(air, CENTRAL)


@pytest.fixture
async def linked(board, central):
    board.advertise()
    central.connect()
    await central.next(hci.HCI_LE_Connection_Complete_Event)
    await board.next(hci.HCI_LE_Connection_Complete_Event)
    return board, central
