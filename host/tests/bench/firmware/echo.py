# SPDX-License-Identifier: MIT
"""A board with one service: `status` counts its reads, `command` is echoed by `reply`.

`sure` gets the echo of "indicate" as an indication.
"""

import asyncio
import os

import bluetooth

NAME = os.getenv("BOARD_NAME") or "echo"
INTERVAL_us = int(os.getenv("BOARD_INTERVAL_US") or 100_000)
CONNECTABLE = os.getenv("BOARD_CONNECTABLE") != "0"
UUIDS = [f"6e40000{i}-b5a3-f393-e0a9-e50e24dcca9e" for i in range(1, 6)]

ble = bluetooth.BLE()
ble.active(True)
ble.config(gap_name=NAME)
service, status, command, reply, sure = [bluetooth.UUID(text) for text in UUIDS]
characteristics = (
    (status, bluetooth.FLAG_READ),
    (command, bluetooth.FLAG_WRITE | bluetooth.FLAG_WRITE_NO_RESPONSE),
    (reply, bluetooth.FLAG_NOTIFY),
    (sure, bluetooth.FLAG_INDICATE),
)
((status, command, reply, sure),) = ble.gatts_register_services(((service, characteristics),))
ble.gatts_set_buffer(command, 100)
state = {"reads": 0, "refuse": 0, "long": 0}


def advertise():
    name = NAME.encode()
    advert = b"\x02\x01\x06\x05\xff\xff\xffhi"
    response = bytes((len(name) + 1, 9)) + name
    ble.gap_advertise(INTERVAL_us, advert, resp_data=response, connectable=CONNECTABLE)


def on_command(conn_handle, data):
    if data == b"indicate":
        ble.gatts_indicate(conn_handle, sure, data)
    elif data == b"leave":
        ble.gap_disconnect(conn_handle)
    elif data == b"update":
        ble.gatts_write(reply, b"updated", True)
    elif data == b"mtu":
        try:
            ble.gattc_exchange_mtu(conn_handle)
        except OSError as error:
            ble.gatts_notify(conn_handle, reply, b"errno %d" % error.errno)
    elif data == b"advertise":
        try:
            advertise()
        except OSError as error:
            data = b"errno %d" % error.errno
        ble.gatts_notify(conn_handle, reply, data)
    elif data[:4] == b"long":
        state["long"] = int(data[4:])
    elif data[:6] == b"refuse":
        state["refuse"] = data[6]
    else:
        ble.gatts_notify(conn_handle, reply, data)


def irq(event, data):
    if event == 2:
        advertise()
    elif event == 3:
        on_command(data[0], ble.gatts_read(data[1]))
    elif event == 4 and data[1] == status:
        state["reads"] += 1
        ble.gatts_write(status, b"read %d" % state["reads"] + bytes(state["long"]))
        return state["refuse"]
    elif event == 20:
        ble.gatts_notify(data[0], reply, b"indicated %d" % data[2])
    elif event == 27:
        ble.gatts_notify(data[0], reply, b"interval %d, timeout %d" % (data[1], data[3]))
    return 0


ble.irq(irq)
advertise()


asyncio.get_event_loop().run_forever()
