# SPDX-License-Identifier: MIT
"""The bench's `_bleio` where a small heap ends a call in the middle."""

import builtins
import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from crowdcharge.bench import shims

SHIM = Path(shims.__path__[0]) / "circuitpython" / "_bleio.py"


class FullOnce:
    """MicroPython's BLE, which finds no memory for the first table of services."""

    def __init__(self):
        self.tables, self.adverts = [], 0

    def active(self, _on=None):
        return True

    def irq(self, handler):
        pass

    def gatts_register_services(self, table):
        self.tables.append(table)
        if len(self.tables) == 1:
            raise MemoryError
        return ((16,),)

    def gatts_set_buffer(self, handle, size):
        pass

    gatts_write = gatts_set_buffer

    def gap_advertise(self, *_, **__):
        self.adverts += 1


def test_no_advert_before_the_services_are_registered(monkeypatch):
    """Else a host finds a board without our service, and the board is never heard again."""
    bluetooth = ModuleType("bluetooth")
    ble = FullOnce()
    flags = {f"FLAG_{name}": 0 for name in ("READ", "WRITE", "NOTIFY", "INDICATE")}
    vars(bluetooth).update(flags, FLAG_WRITE_NO_RESPONSE=0, BLE=lambda: ble, UUID=str)
    monkeypatch.setitem(sys.modules, "bluetooth", bluetooth)
    monkeypatch.setattr(builtins, "ConnectionError", ConnectionError)  # the shim makes its own
    bleio = SimpleNamespace(**runpy.run_path(str(SHIM)))
    service = bleio.Service(bleio.UUID(1))
    bleio.Characteristic.add_to_service(service, bleio.UUID(2))
    with pytest.raises(MemoryError):
        bleio.adapter.start_advertising(b"")
    assert ble.adverts == 0
    bleio.adapter.start_advertising(b"")
    assert (ble.adverts, len(ble.tables)) == (1, 2)
