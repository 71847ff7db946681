# SPDX-License-Identifier: MIT
"""What BlueZ's and D-Bus' errors mean, by their names, and what a person can do about each.

Sources: BlueZ's doc/org.bluez.Adapter.rst and org.bluez.Device.rst; the D-Bus specification's list
of errors; bleak's exceptions.
"""

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
)

IN_PROGRESS = "org.bluez.Error.InProgress"

_ABSENT = "no Bluetooth adapter: plug one in, or name a transport"
_OFF = "the Bluetooth adapter is switched off: rfkill unblock bluetooth; bluetoothctl power on"
_DENIED = (
    "this user may not use Bluetooth: sudo usermod -aG bluetooth USER, then log in again "
    "(on a Mac: allow it in the privacy settings)"
)
_NO_DAEMON = "BlueZ does not run: sudo systemctl start bluetooth"
_NO_BUS = "the D-Bus system bus is not there: install and start dbus and bluez"
_NO_REPLY = "BlueZ did not answer in time: sudo systemctl restart bluetooth"
_UNUSABLE = "Bluetooth cannot be used"
_GONE = "the Bluetooth adapter or the board has gone from BlueZ"

_NOT_USABLE = {  # without any of these nothing can be heard
    "org.bluez.Error.NotReady": _OFF,
    "org.bluez.Error.NotPermitted": _DENIED,
    "org.bluez.Error.NotAuthorized": _DENIED,
    "org.freedesktop.DBus.Error.AccessDenied": _DENIED,
    "org.freedesktop.DBus.Error.AuthFailed": _DENIED,
    "org.freedesktop.DBus.Error.ServiceUnknown": _NO_DAEMON,
    "org.freedesktop.DBus.Error.NameHasNoOwner": _NO_DAEMON,
    "org.freedesktop.DBus.Error.NoServer": _NO_BUS,
    "org.freedesktop.DBus.Error.FileNotFound": _NO_BUS,
    "org.freedesktop.DBus.Error.UnknownObject": _GONE,
    "org.freedesktop.DBus.Error.UnknownInterface": _GONE,
    "org.freedesktop.DBus.Error.UnknownMethod": _GONE,
}
_PASSING = {
    IN_PROGRESS: "BlueZ is busy with another scan or connection",
    "org.bluez.Error.Failed": "BlueZ failed",
    "org.bluez.Error.AlreadyConnected": "BlueZ is connected to it already",
    "org.bluez.Error.NotConnected": "it is not connected any more",
    "org.bluez.Error.NotAvailable": "it is not available now",
    "org.bluez.Error.NotSupported": "the adapter does not support that",
    "org.bluez.Error.AuthenticationFailed": "BlueZ tried to pair, which boards do not",
    "org.bluez.Error.ConnectionAttemptFailed": "the board did not answer the connection",
    "org.bluez.Error.DoesNotExist": _GONE,
    "org.freedesktop.DBus.Error.NoReply": _NO_REPLY,
    "org.freedesktop.DBus.Error.Timeout": _NO_REPLY,
    "org.freedesktop.DBus.Error.TimedOut": _NO_REPLY,
    "org.freedesktop.DBus.Error.Disconnected": "D-Bus has closed the connection",
    "org.freedesktop.DBus.Error.LimitsExceeded": "D-Bus has too many connections or requests",
}
_REASONS = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: _ABSENT,
    BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE: (
        "the Bluetooth adapter cannot connect to boards: it lacks the role central of BLE"
    ),
    BleakBluetoothNotAvailableReason.POWERED_OFF: _OFF,
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: _DENIED,
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: _DENIED,
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: _DENIED,
}


def is_in_progress(error: BaseException) -> bool:
    return isinstance(error, BleakDBusError) and error.dbus_error == IN_PROGRESS


def not_usable(error: BaseException) -> str | None:
    """Why there is nothing to scan with; None if the error is not about that."""
    if isinstance(error, BleakBluetoothNotAvailableError):
        return _detailed(_REASONS.get(error.reason, _UNUSABLE), str(error.args[0]))
    if isinstance(error, BleakDBusError):
        name = error.dbus_error
        spawned = name.startswith("org.freedesktop.DBus.Error.Spawn.")  # D-Bus cannot start it
        text = _NO_DAEMON if spawned else _NOT_USABLE.get(name)
        return None if text is None else _detailed(text, str(error))
    if isinstance(error, PermissionError):
        return _detailed(_DENIED, str(error))
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return _detailed(_NO_BUS, str(error))
    if "adapter '" in str(error) and "' not found" in str(error):  # bleak has no class for it
        return f"{error}; bluetoothctl list shows those that are there"
    return None


def reason(error: BaseException) -> str:
    """Return what the error says, in plain words and with the name that BlueZ gave it."""
    text = not_usable(error)
    if text is None and isinstance(error, BleakDBusError):
        name = error.dbus_error
        text = _detailed(_PASSING[name], str(error)) if name in _PASSING else str(error)
    return text or str(error) or type(error).__name__


def _detailed(text: str, detail: str) -> str:
    return f"{text} ({detail})" if detail else text
