# SPDX-License-Identifier: MIT
"""HMAC against its RFC, the tags of frames and receipts, and counters."""

import hashlib

from wptcore import auth

# RFC 4231, test cases 1 to 3.
CASES = (
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
)


def test_hmac_against_rfc_4231():
    for key, message, digest in CASES:
        assert auth.hmac_sha256(hashlib.sha256, key, message) == bytes.fromhex(digest)


def test_directions_and_purposes_give_different_tags():
    key = bytes(32)
    tags = {
        auth.tag(hashlib.sha256, key, auth.FROM_HOST, b"x"),
        auth.tag(hashlib.sha256, key, auth.FROM_BOARD, b"x"),
        auth.receipt_tag(hashlib.sha256, key, b"x"),
    }
    assert len(tags) == 3


def test_equal_sees_every_single_bit():
    tag = bytes(range(16))
    assert auth.equal(tag, bytes(range(16)))
    assert not auth.equal(tag, tag[:15])
    for bit in range(128):
        other = bytearray(tag)
        other[bit // 8] ^= 1 << bit % 8
        assert not auth.equal(tag, bytes(other))
