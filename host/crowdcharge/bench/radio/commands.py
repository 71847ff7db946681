# SPDX-License-Identifier: MIT
"""The HCI border of a controller: every command is answered, known or not, well formed or not.

A host stack waits for each answer. One that never comes stops it for good: BTstack, of the
Pico W, hangs on the first command that its controller ignores.
"""

import asyncio
import struct
from collections.abc import Callable
from typing import Any

from bumble import controller as stock
from bumble import core, crypto, hci

Error = hci.HCI_ErrorCode
Handler = Callable[[hci.HCI_Command], Any]
BLOCK_SIZE = 16
MALFORMED = (core.BaseBumbleError, IndexError, KeyError, TypeError, ValueError, struct.error)


class Commands(stock.Controller):
    """bumble's controller, which sends no answer to some commands, with all its answers."""

    _unanswered: int | None = None  # the operation code of the command that is being run

    def on_packet(self, packet: bytes) -> None:
        """Take one packet of the host; see that a command gets its answer."""
        status = Error.UNKNOWN_HCI_COMMAND_ERROR
        self._unanswered = _op_code(packet)
        try:
            self.on_hci_packet(hci.HCI_Packet.from_bytes(packet))
        except MALFORMED:  # data that cannot be read is lost, as on a real controller
            if self._unanswered is not None and self._handler(self._unanswered):
                status = Error.INVALID_COMMAND_PARAMETERS_ERROR
        if self._unanswered is not None:
            self._refuse(self._unanswered, status)

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        if isinstance(packet, hci.HCI_Command):
            self.on_hci_command_packet(packet)
        elif isinstance(packet, hci.HCI_AclDataPacket):
            self.on_hci_acl_data_packet(packet)

    def on_hci_command_packet(self, command: hci.HCI_Command) -> None:
        handler = self._handler(command.op_code)
        result = handler(command) if handler else None
        if isinstance(command, hci.HCI_SyncCommand) and result is not None:
            self.complete(command.op_code, bytes(result))

    def _handler(self, op_code: int) -> Handler | None:
        handler: Handler | None = getattr(
            self, f"on_{hci.HCI_Command.command_name(op_code).lower()}", None
        )
        return handler

    def complete(self, op_code: int, returned: bytes) -> None:
        """Send Command Complete (Core 5.0, Vol 4, Part E, 7.7.14)."""
        self._unanswered = None
        head = (hci.HCI_EVENT_PACKET, hci.HCI_COMMAND_COMPLETE_EVENT, 3 + len(returned), 1)
        self.to_host(bytes(head) + op_code.to_bytes(2, "little") + returned)

    def _send_hci_command_status(self, status: int, op_code: int) -> None:
        self._unanswered = None
        super()._send_hci_command_status(status, op_code)

    def _refuse(self, op_code: int, status: int) -> None:
        """Answer with Command Status if the command is one of those, else Command Complete."""
        known = hci.HCI_Command.command_classes.get(op_code)
        if known is not None and issubclass(known, hci.HCI_AsyncCommand):
            self._send_hci_command_status(status, op_code)
        else:
            self.complete(op_code, bytes((status,)))

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Send without the stock log line, which formats every packet even if it is not shown."""
        self.to_host(bytes(packet))

    def to_host(self, packet: bytes) -> None:
        if self.hci_sink is not None:
            asyncio.get_running_loop().call_soon(self.hci_sink.on_packet, packet)

    def on_hci_le_encrypt_command(self, command: hci.HCI_Command) -> None:
        """Encrypt one block with AES-128 (7.8.22); the stock controller has no such command."""
        key, block = command.parameters[:BLOCK_SIZE], command.parameters[BLOCK_SIZE:]
        if (len(key), len(block)) != (BLOCK_SIZE, BLOCK_SIZE):
            raise ValueError("a key and a block of 16 bytes each are due")
        encrypted = crypto.e(key, block)  # type: ignore[attr-defined]  # chosen at import
        self.complete(command.op_code, bytes((Error.SUCCESS,)) + encrypted)


def _op_code(packet: bytes) -> int | None:
    """Return the operation code of a command; None of any other packet."""
    if packet[:1] != bytes((hci.HCI_COMMAND_PACKET,)) or len(packet) < 3:
        return None
    return int.from_bytes(packet[1:3], "little")
