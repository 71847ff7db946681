# SPDX-License-Identifier: MIT
"""Register-level models of I2C chips: `address`, `write(data)`, `read(count)`.

OSError is an address that nobody acknowledges, with EIO data that the chip does not.
"""

from typing import Protocol


class Device(Protocol):
    address: int

    def write(self, data: bytes) -> None:
        """Take one write transfer; an empty one probes the address."""

    def read(self, count: int) -> bytes: ...


class Bus:
    """The chips that hang on one pair of wires."""

    def __init__(self) -> None:
        self._devices: dict[int, Device] = {}

    def attach(self, device: Device) -> None:
        self._devices[device.address] = device

    def transfer(self, address: int, data: bytes | None, count: int) -> bytes:
        """Write `data` unless it is None, then read `count` bytes after a repeated start."""
        device = self._devices.get(address)
        if device is None:
            raise OSError
        if data is not None:
            device.write(data)
        return device.read(count) if count else b""

    def scan(self) -> list[int]:
        return [address for address in sorted(self._devices) if self._answers(address)]

    def _answers(self, address: int) -> bool:
        try:
            self._devices[address].write(b"")
        except OSError:
            return False
        return True
