# SPDX-License-Identifier: MIT
"""Make a host radio of the bench this kernel's own Bluetooth adapter, through /dev/vhci.

BlueZ, and bleak's Linux backend on top of it, then share the air of the virtual boards:

    python -m crowdcharge.bench.radio.vhci tcp-client:127.0.0.1:PORT

The transport is one of the hub's ready line. This needs root and the kernel module `hci_vhci`.
Ending the process unplugs the adapter.
"""

import argparse
import asyncio
import contextlib
import sys

from bumble.core import BaseBumbleError
from bumble.transport import open_transport
from bumble.transport.common import BaseSource
from bumble.transport.vhci import open_vhci_transport

from crowdcharge.errors import BenchError, WptError

DEVICE = "/dev/vhci"


async def bridge(radio_transport: str) -> None:
    """Carries HCI between radio and kernel until the radio ends; `BenchError` if it cannot.

    A controller must answer every command that it announces (see `bench/radio/controller.py`):
    otherwise the kernel fails to power it on, with -110.
    """
    try:
        radio = await open_transport(radio_transport)
    except (OSError, BaseBumbleError, ValueError) as error:
        raise BenchError(f"cannot open the radio {radio_transport}: {error}") from None
    async with radio:
        try:
            kernel = await open_vhci_transport(DEVICE)
        except FileNotFoundError:
            raise BenchError(f"no {DEVICE}: run 'modprobe hci_vhci' as root") from None
        except PermissionError:
            raise BenchError(f"{DEVICE} may only be opened by root") from None
        async with kernel:
            radio.source.set_packet_sink(kernel.sink)
            kernel.source.set_packet_sink(radio.sink)
            assert isinstance(radio.source, BaseSource)  # it can tell when it has ended
            await radio.source.terminated


def main() -> int:
    parser = argparse.ArgumentParser(prog="crowdcharge.bench.radio.vhci", description=__doc__)
    parser.add_argument("transport", help="a radio of the hub: tcp-client:127.0.0.1:PORT")
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(bridge(parser.parse_args().transport))
    except WptError as error:
        sys.stderr.write(f"crowdcharge: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
