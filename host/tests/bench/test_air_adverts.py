# SPDX-License-Identifier: MIT
"""Adverts as the bench reads them, against bumble's own packer."""

import pytest
from bumble.core import UUID, AdvertisingData
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.bench.radio.adverts import advertisement_data, structures
from crowdcharge.bench.radio.host import parse_reports

TYPE = AdvertisingData.Type


def test_every_field_against_bumbles_packer():
    service, battery = UUID("6e400001-b5a3-f393-e0a9-e50e24dcca9e"), UUID.from_16_bits(0x180F)
    data = AdvertisingData(
        [
            (TYPE.FLAGS, b"\x06"),
            (TYPE.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, bytes(battery)),
            (TYPE.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, bytes(service)),
            (TYPE.SERVICE_DATA_16_BIT_UUID, b"\xd2\xfc\x40"),
            (TYPE.MANUFACTURER_SPECIFIC_DATA, b"\xff\xff\x01"),
            (TYPE.SHORTENED_LOCAL_NAME, b"boa"),
            (TYPE.COMPLETE_LOCAL_NAME, b"board 7"),
            (TYPE.TX_POWER_LEVEL, b"\xfc"),
        ]
    )
    advert = advertisement_data(bytes(data), -60)
    assert advert.local_name == "board 7"
    assert advert.manufacturer_data == {0xFFFF: b"\x01"}
    assert advert.service_data == {"0000fcd2-0000-1000-8000-00805f9b34fb": b"\x40"}
    assert advert.service_uuids == [
        "0000180f-0000-1000-8000-00805f9b34fb",
        "6e400001-b5a3-f393-e0a9-e50e24dcca9e",
    ]
    assert (advert.tx_power, advert.rssi) == (-4, -60)


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=62))
def test_any_bytes_are_read(data):
    advertisement_data(data, 0)
    assert sum(2 + len(value) for _kind, value in structures(data)) <= len(data)


@settings(derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=29)), max_size=6))
def test_structures_round_trip(wanted):
    data = b"".join(bytes((len(value) + 1, kind)) + value for kind, value in wanted)
    assert list(structures(data)) == wanted


@pytest.mark.parametrize("count", [1, 3])
def test_reports_of_one_event(count):
    record = bytes((0, 1)) + b"abcdef" + b"\x02hi" + b"\xd8"
    reports = parse_reports(bytes((count,)) + record * count)
    assert [tuple(report) for report in reports] == [(0, 1, b"abcdef", b"hi", -40)] * count
