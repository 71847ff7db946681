# SPDX-License-Identifier: MIT
"""X25519 against the vectors of RFC 7748."""

from binascii import hexlify, unhexlify

from wptcore import x25519


def test_first_vector_of_section_5_2():
    scalar = unhexlify("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    u = unhexlify("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    expected = b"c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    assert hexlify(x25519.shared_secret(scalar, u)) == expected


def test_second_vector_masks_the_top_bit_of_u():
    scalar = unhexlify("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d")
    u = unhexlify("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493")
    expected = b"95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"
    assert hexlify(x25519.shared_secret(scalar, u)) == expected


def test_first_iteration_of_section_5_2():
    k = u = x25519.BASE_POINT
    k, u = x25519.shared_secret(k, u), k
    assert hexlify(k) == b"422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"


def test_key_agreement_of_section_6_1():
    alice = unhexlify("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    bob = unhexlify("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    alice_public = b"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    bob_public = b"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    assert hexlify(x25519.public_key(alice)) == alice_public
    assert hexlify(x25519.public_key(bob)) == bob_public
    shared = x25519.shared_secret(alice, x25519.public_key(bob))
    assert shared == x25519.shared_secret(bob, x25519.public_key(alice))
    expected = b"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert hexlify(shared) == expected


def test_points_of_low_order_are_refused():
    secret = bytes(range(32))
    for u in (0, 1, (1 << 255) - 19, (1 << 255) - 20):
        assert _refused(secret, u.to_bytes(32, "little"))
    assert _refused(secret, b"short")


def _refused(secret, u):
    try:
        x25519.shared_secret(secret, u)
    except ValueError:
        return True
    return False
