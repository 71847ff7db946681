# SPDX-License-Identifier: MIT
"""Errors that stop a run before a test can fail."""


class CannotRunError(Exception):
    """This machine lacks something; the text says what, and what to do."""


class GuestDiedError(Exception):
    """The guest stopped or hung before it reported a result."""
