# SPDX-License-Identifier: MIT
"""The GATT table fits the smallest stack: BTstack on the Pico W, whose overflow is silent.

Bytes as att_db_util.c of BTstack lays them out: an attribute has size, flags, handle (6), its type
(2 or 16) and its value; a declaration's value is properties, handle and UUID. MicroPython's
modbluetooth_btstack.c adds the services Generic Access and Generic Attribute and makes the values
dynamic, so that they take no room. The formula gives the 555 bytes that were read on that stack
for the table of wire version 1.
"""

import sys

sys.path.append(__file__[: -len("tests/test_gatt_table.py")] + "ports/shared")

from gatt_server import NOTIFY, READ, services
from wptcore import wire

TABLE_MAX = 510  # of the 512 that MicroPython reserves
_ATTRIBUTE = 6
_OWN_SERVICES = 2 * (_ATTRIBUTE + 2 + 2) + 2 * (_ATTRIBUTE + 2 + 5 + _ATTRIBUTE + 2)
_VERSION_AND_END = 3
READ_MAX = 512  # the longest value that any stack reads


def uuid_size(uuid):
    return 2 if isinstance(uuid, int) else 16


def characteristic_size(uuid, properties):
    declaration = _ATTRIBUTE + 2 + 3 + uuid_size(uuid)
    value = _ATTRIBUTE + uuid_size(uuid)
    configuration = _ATTRIBUTE + 2 + 2 if properties & NOTIFY else 0
    return declaration + value + configuration


def table_size(table):
    size = _VERSION_AND_END + _OWN_SERVICES
    for service, rows in table:
        size += _ATTRIBUTE + 2 + uuid_size(service)
        for uuid, properties, _ in rows:
            size += characteristic_size(uuid, properties)
    return size


def test_the_table_fits_btstack():
    assert table_size(services()) == 447
    assert table_size(services()) <= TABLE_MAX


def test_the_formula_gives_what_was_read_for_version_1():
    limits_and_faults = (("7a5c0007", READ, 64), ("7a5c0008", READ | NOTIFY, 32))
    extra = sum(
        characteristic_size("u" * 36, properties) for _, properties, _ in limits_and_faults
    )
    assert table_size(services()) + extra == 555


def test_every_value_can_be_read_whole():
    sizes = {uuid: size for _, rows in services() for uuid, _, size in rows}
    assert max(sizes.values()) <= READ_MAX
    assert sizes[wire.RECEIPTS_UUID] == 448
    assert sizes[wire.STATUS_UUID] == wire.BEACON_SIZE
    advert = 3 + 4 + wire.BEACON_SIZE  # flags, the head of the manufacturer data
    assert advert == 31
