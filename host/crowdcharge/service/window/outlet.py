# SPDX-License-Identifier: MIT
"""What an outlet to others says about itself: one line on stderr for each change of its state."""

import re
from urllib.parse import urlsplit

import click

# Numbers of errors, and places in the source of OpenSSL.
_NOISE = re.compile(r"\[(Errno -?\d+|SSL: \w+|code:\d+)\]:? ?| ?\(_ssl\.c:\d+\)")
_SHOWN_MAX = 200


class Condition:
    """Tells when what it watches goes wrong, in other words than before, or right again."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._wrong = ""

    def wrong(self, error: BaseException | str) -> None:
        text = " ".join(_NOISE.sub("", str(error)).split()) or type(error).__name__
        if text != self._wrong:
            self._wrong = text
            self._say(f"{text[:_SHOWN_MAX]}; the crowd goes on")

    def right(self) -> None:
        if self._wrong:
            self._wrong = ""
            self._say("works again")

    def _say(self, text: str) -> None:
        click.echo(f"crowdcharge: {self._name}: {text}", err=True)


def place(url: str) -> str:
    """Return scheme and host of an address, without what may be secret in it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}"
