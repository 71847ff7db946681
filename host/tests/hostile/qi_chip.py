# SPDX-License-Identifier: MIT
"""Board 5 of the rig, which transmits by a STWBC86 and not by a switched module."""

from wptcore import ept, transfer, wire

from .rig import Rig


async def grant_chip(rig: Rig) -> None:
    assert await rig.grant(5, wire.PTX, peer=3, power_max_mW=1000, lease_ms=5000) == ept.NONE


async def let_chip_transmit(rig: Rig) -> None:
    """Grant it a transfer, and wait until power flows."""
    await grant_chip(rig)

    async def power() -> bool:
        return (await (await rig.link(5)).status()).state == transfer.POWER

    await rig.poll(power, "power through the Qi chip")
