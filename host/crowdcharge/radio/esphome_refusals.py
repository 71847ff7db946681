# SPDX-License-Identifier: MIT
"""Why a proxy cannot be used, in a user's words."""

import os

from aioesphomeapi.core import (
    APIConnectionError,
    EncryptionHelloAPIError,
    EncryptionPlaintextAPIError,
    InvalidAuthAPIError,
    InvalidEncryptionKeyAPIError,
    RequiresEncryptionAPIError,
)

from crowdcharge.radio.esphome_link import reason

_REFUSALS = (
    (InvalidEncryptionKeyAPIError, "the encryption key is wrong"),
    (RequiresEncryptionAPIError, "it wants an encryption key"),
    (EncryptionPlaintextAPIError, "it has no encryption: leave the key out"),
    (EncryptionHelloAPIError, "it has no encryption: leave the key out"),
    (InvalidAuthAPIError, "it wants a password: give it an encryption key in its place"),
)


class UnfitError(APIConnectionError):
    """The proxy was reached, and does not do."""


def why(error: BaseException, timeout_s: float) -> str:
    """Return what went wrong; `timeout_s` is how long an answer was waited for."""
    if isinstance(error, UnfitError):
        return str(error)
    for kind, text in _REFUSALS:
        if isinstance(error, kind):
            return text
    if isinstance(error, TimeoutError) and not isinstance(error, APIConnectionError):
        return f"no answer within {timeout_s:g} s"
    return f"cannot be reached: {_root(error)}"


def _root(error: BaseException) -> str:
    """Return what the operating system said, where it did, for aioesphomeapi wraps it twice."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
        cause = cause.__cause__ or cause.__context__
    return reason(error)
