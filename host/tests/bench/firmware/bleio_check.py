# SPDX-License-Identifier: MIT
"""A CircuitPython board that sets a value each 20 ms and prints how long that stood still."""

import os
import sys
import time

sys.path.append(os.getenv("SHIMS") + "/circuitpython")
import _bleio
import bluetooth

service = _bleio.Service(_bleio.UUID("6e400001-b5a3-f393-e0a9-e50e24dcca9e"))
reply = _bleio.Characteristic.add_to_service(
    service,
    _bleio.UUID("6e400004-b5a3-f393-e0a9-e50e24dcca9e"),
    properties=_bleio.Characteristic.NOTIFY,
    max_length=20,
)
_bleio.adapter.enabled = True
_bleio.adapter.start_advertising(b"\x02\x01\x06", scan_response=b"\x06\x09bleio", interval=0.05)
longest_ms = 0
while True:
    time.sleep_ms(20)
    bluetooth.poll()
    start_ms = time.ticks_ms()
    try:
        reply.value = b"value"
    except ConnectionError as error:
        longest_ms = max(longest_ms, time.ticks_diff(time.ticks_ms(), start_ms))
        sys.stdout.write(f"{error!r} after {longest_ms} ms\n")
        sys.exit()
    longest_ms = max(longest_ms, time.ticks_diff(time.ticks_ms(), start_ms))
