# SPDX-License-Identifier: MIT
"""A board's GATT services: bumble holds the table, the VM holds the values."""

import asyncio
import json
import struct
from collections.abc import Callable, Coroutine
from typing import Any

from bumble import att, core, gatt
from bumble.gatt_server import Server

Properties = gatt.Characteristic.Properties
WRITES = Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE
NEVER_ANSWERED = att.ATT_UNLIKELY_ERROR_ERROR
NIMBLE_OWN_ATTRIBUTES = 9  # generic access and generic attribute of a board


class RemoteValues:
    """GATT values whose every remote read and write is one request to the VM."""

    def __init__(self, server: Server, send: Callable[[str, bytes], None]) -> None:
        self.attributes: dict[int, att.Attribute[bytes]] = {}
        self._server = server
        self._send = send
        self._own_attributes = len(server.attributes)  # generic access and generic attribute stay
        self._own_services = len(server.services)
        self._requests: dict[int, asyncio.Future[bytes]] = {}
        self._last_request = 0
        self._next_handle = 0
        self.switched_on()
        server.next_handle = self._handle  # type: ignore[method-assign]

    def switched_on(self) -> None:
        """Begin the handles anew, after the stack's own services."""
        self._next_handle = 1 + NIMBLE_OWN_ATTRIBUTES

    def _handle(self) -> int:
        """Return the handle that the next attribute gets; NimBLE never gives one twice."""
        return self._next_handle + len(self._server.attributes) - self._own_attributes

    def register(self, table: bytes) -> list[int]:
        """Replace all services by this JSON table; return their values' handles in its order."""
        self.clear()
        self._next_handle += NIMBLE_OWN_ATTRIBUTES  # which it registers once more
        for uuid, characteristics in json.loads(table):
            built = [self._characteristic(*each) for each in characteristics]
            self._server.add_service(gatt.Service(_uuid(uuid), built))
            for characteristic in built:
                self.attributes[characteristic.handle] = characteristic
                self.attributes |= {each.handle: each for each in characteristic.descriptors}
        self._next_handle += len(self._server.attributes) - self._own_attributes
        return list(self.attributes)

    def clear(self) -> None:
        """Remove all services when the VM is gone; pending requests get an ATT error."""
        del self._server.attributes[self._own_attributes :]
        del self._server.services[self._own_services :]
        self._server.attributes_by_handle.clear()
        self.attributes.clear()
        for request in self._requests.values():
            if not request.done():
                request.set_exception(att.ATT_Error(error_code=NEVER_ANSWERED))
        self._requests.clear()

    def answer(self, payload: bytes) -> None:
        """Completes a request; the payload is u8 request, u8 ATT error, data."""
        request = self._requests.get(payload[0])
        if request is not None and not request.done():
            if payload[1]:
                request.set_exception(att.ATT_Error(error_code=payload[1]))
            else:
                request.set_result(payload[2:])

    def _characteristic(
        self, uuid: str, flags: int, descriptors: list[tuple[str, int]]
    ) -> gatt.Characteristic[bytes]:
        permissions = att.Attribute.READABLE | att.Attribute.WRITEABLE
        properties = Properties(flags & 0x3F)
        built = gatt.Characteristic[bytes](
            _uuid(uuid),
            properties,
            permissions,
            descriptors=[gatt.Descriptor(_uuid(each), permissions) for each, _ in descriptors],
        )
        built.value = self._value(built, properties)
        for descriptor, (_, allowed) in zip(built.descriptors, descriptors, strict=False):
            descriptor.value = self._value(descriptor, Properties(allowed & 0x3F))
        return built

    def _value(
        self, attribute: att.Attribute[bytes], properties: gatt.Characteristic.Properties
    ) -> Any:  # bumble's annotation of `value` omits its second version
        def read(link: att.Bearer) -> Coroutine[Any, Any, bytes]:
            if not properties & Properties.READ:
                raise att.ATT_Error(error_code=att.ATT_READ_NOT_PERMITTED_ERROR)
            return self.ask("Q", _attribute(link, attribute))

        async def write(link: att.Bearer, value: bytes) -> None:
            if not properties & WRITES:
                raise att.ATT_Error(error_code=att.ATT_WRITE_NOT_PERMITTED_ERROR)
            await self.ask("W", _attribute(link, attribute) + value)

        return att.AttributeValueV2(read, write)

    async def ask(self, opcode: str, payload: bytes) -> bytes:
        """Send a request, whose number comes first, and wait for the VM's answer to it."""
        request = self._last_request = (self._last_request + 1) % 256
        answer = asyncio.get_running_loop().create_future()
        self._requests[request] = answer
        self._send(opcode, bytes((request,)) + payload)
        try:
            return bytes(await answer)
        finally:
            self._requests.pop(request, None)


def _attribute(link: Any, attribute: att.Attribute[bytes]) -> bytes:
    return struct.pack("<HH", link.handle, attribute.handle)


def _uuid(little_endian_hex: str) -> core.UUID:
    return core.UUID.from_bytes(bytes.fromhex(little_endian_hex))
