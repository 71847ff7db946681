# SPDX-License-Identifier: MIT
"""What systemd wants to know of a service of Type=notify; nothing where it does not ask."""

import os
import socket
from contextlib import suppress


def notify(state: str) -> None:
    """Send a state such as READY=1 or WATCHDOG=1 to the socket that systemd names, if it does."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # in the abstract namespace
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(state.encode(), address)
