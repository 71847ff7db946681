# SPDX-License-Identifier: MIT
"""CircuitPython's `_bleio` (peripheral half) over the same air as MicroPython's `bluetooth`.

What a board's host stack does by itself happens here when firmware sleeps or asks. Services are
registered with the radio at the first advert, because it takes all of them at once. Full queues
and lost links are those of the nRF52840 (CircuitPython's ports/nordic). Scanning, the central
role, pairing and extended adverts (longer than 31 bytes) are missing.
"""

import builtins

import bluetooth

_IRQ_CENTRAL_CONNECT = 1
_IRQ_CENTRAL_DISCONNECT = 2
_IRQ_GATTS_WRITE = 3

_NOTIFY, _INDICATE = 1, 2
_EALREADY = 114
_LENGTH_MAX, _FIXED_MAX = 512, 510  # of a value in the SoftDevice: ports/nordic's Characteristic.h
_INTERVAL_MIN_s, _INTERVAL_MAX_s = 0.02, 10.24  # shared-bindings/_bleio/Adapter.c
_QUEUE_SIZE = 5  # of a link: BLEIO_HVN_TX_QUEUE_SIZE in ports/nordic/common-hal/_bleio/Adapter.c

# CircuitPython has it built in; MicroPython has not.
builtins.ConnectionError = type("ConnectionError", (OSError,), {})


class BluetoothError(Exception):
    pass


class UUID:
    def __init__(self, value):
        self._value = value


class Attribute:
    NO_ACCESS = 0
    OPEN = 0x11


class Service:
    def __init__(self, uuid, *, secondary=False):
        self.uuid = uuid
        self.characteristics = ()
        adapter._services.append(self)


class Characteristic:
    BROADCAST = 0x1
    INDICATE = 0x2
    NOTIFY = 0x4
    READ = 0x8
    WRITE = 0x10
    WRITE_NO_RESPONSE = 0x20

    _FLAGS = (
        (READ, bluetooth.FLAG_READ),
        (WRITE, bluetooth.FLAG_WRITE),
        (WRITE_NO_RESPONSE, bluetooth.FLAG_WRITE_NO_RESPONSE),
        (NOTIFY, bluetooth.FLAG_NOTIFY),
        (INDICATE, bluetooth.FLAG_INDICATE),
    )

    @classmethod
    def add_to_service(
        cls,
        service,
        uuid,
        *,
        properties=0,
        read_perm=Attribute.OPEN,
        write_perm=Attribute.OPEN,
        max_length=20,
        fixed_length=False,
        initial_value=None,
        user_description=None,
    ):
        if adapter._handles is not None:
            raise RuntimeError("services are registered already")
        value = bytes(initial_value or b"")
        if not len(value) <= max_length <= (_FIXED_MAX if fixed_length else _LENGTH_MAX):
            raise ValueError("max_length")
        self = cls()
        self.uuid = uuid
        self.properties = properties
        self.max_length = max_length
        self.service = service
        self._value = value
        self._packets = None
        service.characteristics += (self,)
        return self

    @property
    def value(self):
        bluetooth.poll()
        return bytearray(self._value)

    @value.setter
    def value(self, data):
        data = bytes(memoryview(data))
        if len(data) > self.max_length:
            raise ValueError("Value length > max_length")
        self._value = data
        if adapter._handles is not None:
            self._publish(adapter._ble, adapter._handles[self], data)

    def _publish(self, ble, handle, data):
        ble.gatts_write(handle, data)
        for link in list(ble._connections):
            wanted = ble._subscriptions.get((link, handle), 0)
            if wanted & _NOTIFY and self.properties & self.NOTIFY:
                _send(ble, ble.gatts_notify, link, handle, data)
            if wanted & _INDICATE and self.properties & self.INDICATE:
                _send(ble, ble.gatts_indicate, link, handle, data)

    def _flags(self):
        return sum(flag for mine, flag in self._FLAGS if self.properties & mine)


def _send(ble, function, link, handle, data):
    """Try again while the link's queue is full, until it has room or the link is lost.

    ports/nordic/common-hal/_bleio/Characteristic.c, characteristic_gatts_notify_indicate: firmware
    stands still meanwhile, for as long as the supervision timeout of a peer that is out of range.
    """
    while ble._connections.get(link, 0) >= _QUEUE_SIZE:
        bluetooth.poll(1)
    if link not in ble._connections:
        raise ConnectionError("Not connected")
    function(link, handle, data)


class PacketBuffer:
    """The packets that a central writes to a local characteristic; when full, drops the oldest."""

    def __init__(self, characteristic, *, buffer_size, max_packet_size=None):
        self._size = buffer_size
        self._packets = []
        self.incoming_packet_length = characteristic.max_length
        characteristic._packets = self

    def readinto(self, buf):
        bluetooth.poll()
        if not self._packets:
            return 0
        packet = self._packets.pop(0)
        if len(packet) > len(buf):
            raise ValueError("Buffer too short")
        buf[: len(packet)] = packet
        return len(packet)

    def _arrived(self, data):
        if len(self._packets) >= self._size:
            self._packets.pop(0)
        self._packets.append(data)


class Connection:
    def __init__(self, handle):
        self._handle = handle

    @property
    def connected(self):
        bluetooth.poll()
        return self in adapter._connections.values()

    def disconnect(self):
        """Ask for the end of the link; ports/nordic ignores what the stack says to that."""
        try:
            adapter._ble.gap_disconnect(self._handle)
        except OSError as error:
            if error.errno != _EALREADY:
                raise


class Adapter:
    def __init__(self):
        self._ble = bluetooth.BLE()
        self._services = []
        self._handles = None
        self._connections = {}
        self.advertising = False
        self.name = "CIRCUITPY"

    @property
    def enabled(self):
        return self._ble.active()

    @enabled.setter
    def enabled(self, on):
        self._ble.active(on)

    @property
    def connected(self):
        bluetooth.poll()
        return bool(self._connections)

    @property
    def connections(self):
        bluetooth.poll()
        return tuple(self._connections.values())

    def start_advertising(
        self,
        data,
        *,
        scan_response=None,
        connectable=True,
        anonymous=False,
        timeout=0,
        interval=0.1,
        tx_power=0,
        directed_to=None,
    ):
        if not _INTERVAL_MIN_s <= interval <= _INTERVAL_MAX_s:
            raise ValueError("interval must be in range 0.02-10.24")
        if not self.enabled:
            raise BluetoothError("Adapter not enabled")
        if self.advertising:
            raise BluetoothError("Already advertising.")
        if len(data) > 31:
            raise ValueError("extended adverts are not on this bench")
        self._register()
        try:
            self._ble.gap_advertise(
                int(interval * 1_000_000),
                data,
                resp_data=scan_response or b"",
                connectable=connectable,
            )
        except OSError as error:
            raise BluetoothError("Unknown error: %r" % error)  # noqa: B904
        self.advertising = True

    def stop_advertising(self):
        self._ble.gap_advertise(None)
        self.advertising = False

    def _register(self):
        if self._handles is not None:
            return
        table = tuple(
            (
                bluetooth.UUID(service.uuid._value),
                tuple(
                    (bluetooth.UUID(c.uuid._value), c._flags()) for c in service.characteristics
                ),
            )
            for service in self._services
        )
        self._ble.irq(self._irq)
        registered = {}
        for service, handles in zip(self._services, self._ble.gatts_register_services(table)):
            for characteristic, handle in zip(service.characteristics, handles):
                registered[characteristic] = handle
                self._ble.gatts_set_buffer(handle, characteristic.max_length)
                self._ble.gatts_write(handle, characteristic._value)
        self._handles = registered  # last: what finds no memory here is tried again

    def _irq(self, event, data):
        if event == _IRQ_CENTRAL_CONNECT:
            self._connections[data[0]] = Connection(data[0])
            self.advertising = False  # a connection ends advertising
        elif event == _IRQ_CENTRAL_DISCONNECT:
            self._connections.pop(data[0], None)
        elif event == _IRQ_GATTS_WRITE:
            self._written(data[1])

    def _written(self, handle):
        for characteristic, own in self._handles.items():
            if own == handle:
                characteristic._value = self._ble.gatts_read(handle)
                if characteristic._packets is not None:
                    characteristic._packets._arrived(characteristic._value)


adapter = Adapter()
