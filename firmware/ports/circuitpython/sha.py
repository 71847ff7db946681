# SPDX-License-Identifier: MIT
"""SHA-256, built in on most boards; on others from Adafruit's pure Python library."""

try:
    import hashlib

    hashlib.new("sha256")

    def sha256(data=b""):
        return hashlib.new("sha256", data)

except (ImportError, ValueError):
    from adafruit_hashlib import sha256  # noqa: F401 - the other way to the same name
