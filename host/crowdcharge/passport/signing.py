# SPDX-License-Identifier: MIT
"""Sign a passport so that an outsider can check it: Ed25519 (RFC 8032) over one canonical text.

What is signed is the whole document as JSON in UTF-8, keys in order and no spaces, with the proof
but without the `signature` in it. An Asset Administration Shell carries the proof in extensions.
"""

from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from crowdcharge.errors import InputError
from crowdcharge.files import read_text, require_private, write_whole
from crowdcharge.ledger.bodies import canonical
from crowdcharge.passport import shell

_SIZE_MAX_bytes = 10_000
_ALGORITHM = "Ed25519"
_FORMAT = "crowdcharge-passport"


def signer(path: Path) -> Ed25519PrivateKey:
    """Read the key that signs, or make one for its owner's eyes only."""
    if not path.exists():
        made = Ed25519PrivateKey.generate()
        pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_whole(path, pem, 0o600)
        return made
    text = read_text(path, _SIZE_MAX_bytes)
    require_private(path)
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError):  # TypeError: it wants a password
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path}: not an Ed25519 key without a password, in PEM")
    return key


def public_half(key: Ed25519PrivateKey) -> str:
    """Return in hex what others know the signer by."""
    return key.public_key().public_bytes_raw().hex()


def signed(document: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    proof = {"algorithm": _ALGORITHM, "public_key": public_half(key)}
    signature = key.sign(_text(_with_proof(document, proof))).hex()
    return _with_proof(document, {**proof, "signature": signature})


def _with_proof(document: dict[str, Any], proof: dict[str, str]) -> dict[str, Any]:
    if shell.SHELLS in document:
        return shell.with_proof(document, proof)
    return {**document, "proof": proof}


def _proof_of(document: Any) -> dict[str, str]:
    if shell.SHELLS in document:
        return shell.proof_of(document)
    if document["format"] != _FORMAT:
        raise ValueError
    return dict(document["proof"])


def public_key(document: Any) -> str:
    """Return in hex whose signature a passport carries; InputError unless it is good."""
    try:
        proof = _proof_of(document)
        signature = bytes.fromhex(proof.pop("signature"))
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(proof["public_key"]))
        ours = proof["algorithm"] == _ALGORITHM
        text = _text(_with_proof(document, proof))
    except (AttributeError, KeyError, TypeError, ValueError):
        ours = False
    if not ours:
        raise InputError("not a signed passport of ours")
    try:
        public.verify(signature, text)
    except InvalidSignature:
        raise InputError("the signature does not fit: the passport was altered") from None
    return str(proof["public_key"])


def _text(document: dict[str, Any]) -> bytes:
    return canonical(document).encode()
