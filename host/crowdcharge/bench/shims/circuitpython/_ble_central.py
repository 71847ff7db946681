# SPDX-License-Identifier: MIT
"""No central role: `_bleio` has none here, and a small heap has no room for its code."""


class Central:
    def _forget_central(self):
        self._peers = {}  # link -> address type and address, which _ble_events keeps
