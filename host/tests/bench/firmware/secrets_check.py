# SPDX-License-Identifier: MIT
"""A board that keeps what event 29 (a request for a stored key) gave it, and answers $ANSWER."""

import asyncio
import os

import bluetooth

UUIDS = [f"6e40000{i}-b5a3-f393-e0a9-e50e24dcca9e" for i in range(1, 5)]
ANSWER = eval(os.getenv("ANSWER") or "None")
ble = bluetooth.BLE()
ble.active(True)
service, status, command, reply = [bluetooth.UUID(text) for text in UUIDS]
((status, command, reply),) = ble.gatts_register_services(
    (
        (
            service,
            (
                (status, bluetooth.FLAG_READ),
                (command, bluetooth.FLAG_WRITE),
                (reply, bluetooth.FLAG_NOTIFY),
            ),
        ),
    )
)
ble.gatts_write(status, b"alive")
kept = {}


def irq(event, data):
    if event == 29:
        kind, index, key = data
        kept["view"] = key
        kept["asked"] = b"%d %d " % (kind, index) + bytes(key)
        return ANSWER
    if event == 3:
        what = "asked" if ble.gatts_read(command) == b"asked" else "view"
        ble.gatts_notify(data[0], reply, bytes(kept[what]))
    return None


ble.irq(irq)
ble.gap_advertise(50_000, b"\x02\x01\x06", resp_data=b"\x07\x09secret")
asyncio.get_event_loop().run_forever()
