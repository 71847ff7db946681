# SPDX-License-Identifier: MIT
"""A host radio of the bench as this kernel's own Bluetooth adapter, through /dev/vhci.

BlueZ, and bleak's Linux backend on top of it, then live on the same air as the virtual boards:

    python -m crowdcharge.bench.vhci tcp-client:127.0.0.1:PORT

with a transport from the hub's ready line. Needs root and the kernel module `hci_vhci`. The
adapter is there as long as the process: to end it is to unplug the dongle.
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

    Each controller that the kernel gets must answer all that it announces (see
    `bench.controller`): a command without an answer fails powering on with -110.
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
            assert isinstance(radio.source, BaseSource)  # which knows its end
            await radio.source.terminated


def main() -> int:
    parser = argparse.ArgumentParser(prog="crowdcharge.bench.vhci", description=__doc__)
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
