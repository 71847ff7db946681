# SPDX-License-Identifier: MIT
"""A configuration without its secrets: what is named like one, and what stands in a URL."""

import re
from typing import Any

HIDDEN = "(not shown)"
_SECRET = re.compile(r"key|token|secret|passw|passphrase|credential|psk|urls?$", re.IGNORECASE)
_IN_URL = re.compile(r"(?<=://)[^/\s]*@")


def redacted(value: Any) -> Any:
    """Return a copy that may be shown."""
    if isinstance(value, dict):
        return {
            name: HIDDEN if _SECRET.search(str(name)) and inner else redacted(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [redacted(inner) for inner in value]
    return _IN_URL.sub("", value) if isinstance(value, str) else value
