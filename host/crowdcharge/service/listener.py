# SPDX-License-Identifier: MIT
"""The socket on which browsers arrive; it is opened before any work and outlives every window."""

import errno
import socket
import time

from crowdcharge.errors import InputError, NotNow

# The network may not be up yet: no such address here, or nobody to ask for the name.
_NOT_YET = {errno.EADDRNOTAVAIL, socket.EAI_AGAIN}
_PATIENCE_s = 1.0  # the window of an engine that was killed takes a moment to see it


def listen(host: str, port: int) -> socket.socket:
    """Listen at an address; port 0 takes any. InputError if that cannot be, NotNow if not yet."""
    give_up_s = time.monotonic() + _PATIENCE_s
    while True:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            family, _, _, _, address = found[0]
            return socket.create_server(address[:2], family=family)
        except UnicodeError:  # of a label in it that is empty or too long
            raise InputError(f"cannot serve at {host}: it is no name of a host") from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                kind = NotNow if error.errno in _NOT_YET else InputError
                raise kind(f"cannot serve at {host}: {error.strerror}") from None
            if time.monotonic() >= give_up_s:
                raise InputError(
                    f"port {port} of {host} is taken; name another one: --http-port N, 0 takes any"
                ) from None
        time.sleep(0.1)


def url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
