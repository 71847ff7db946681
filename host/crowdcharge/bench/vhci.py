# SPDX-License-Identifier: MIT
"""A radio of the bench's air as this kernel's own Bluetooth adapter, through /dev/vhci.

BlueZ, and bleak's Linux backend on top of it, then live on the same air as the virtual boards.
Needs root and the kernel module `hci_vhci`.
"""

from pathlib import Path

from bumble.transport.vhci import open_vhci_transport

from crowdcharge.bench.air import Air
from crowdcharge.bench.controller import Controller
from crowdcharge.errors import BenchError

DEVICE = Path("/dev/vhci")


async def hand_to_kernel(air: Air, address: str) -> Controller:
    """The kernel shows a new hciN with this public address until `air` is closed."""
    try:
        transport = await open_vhci_transport(str(DEVICE))
    except FileNotFoundError:
        raise BenchError(f"no {DEVICE}: run 'modprobe hci_vhci' as root") from None
    except PermissionError:
        raise BenchError(f"{DEVICE} may only be opened by root") from None
    controller = air.controller("kernel", address)
    controller.host = transport.sink
    transport.source.set_packet_sink(controller)
    air.on_close(transport.close)
    return controller
