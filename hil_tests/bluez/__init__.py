# SPDX-License-Identifier: MIT
"""The product under the real BlueZ: a small QEMU machine with Debian's kernel and bluetoothd."""
