# SPDX-License-Identifier: MIT
"""The page on the wire format says what the code does."""

import re
from pathlib import Path

import pytest

from wptcore import auth, wire

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "wire.md").read_text(encoding="utf-8")
UUIDS = {
    name.removesuffix("_UUID").lower(): value
    for name, value in vars(wire).items()
    if name.endswith("_UUID") and isinstance(value, str)
}


def test_every_frame_has_its_type_and_size():
    rows = re.findall(r"^\| (\w+) \| 0x(\w\w) \| (\d+) \|", PAGE, re.MULTILINE)
    assert len(rows) == sum(1 for number in range(256) if wire.frame_size(number))
    for name, number, size in rows:
        assert getattr(wire, name.upper()) == int(number, 16)
        assert wire.frame_size(int(number, 16)) == int(size)


def test_every_characteristic_is_listed():
    listed = dict(re.findall(r"^\| `(\w+)` \| `(\w{8})` \|", PAGE, re.MULTILINE))
    assert UUIDS["service"] in PAGE
    assert listed == {name: uuid[:8] for name, uuid in UUIDS.items() if name != "service"}


@pytest.mark.parametrize(
    "text",
    [
        f"The beacon has {wire.BEACON_SIZE} bytes",
        f"Protocol version {wire.VERSION}",
        f"{wire.RECEIPT_SIZE} bytes: version",
        f"the {wire.RECEIPT_BODY_SIZE} bytes before",
        f"company id 0x{wire.COMPANY_ID:04X}",
        f"An MTU below {wire.MTU_MIN} ",
        f"at most {wire.PING_MAX_ms})",
        f"a {auth.TAG_SIZE}-byte tag",
    ],
)
def test_numbers_are_those_of_the_code(text):
    assert text in PAGE
