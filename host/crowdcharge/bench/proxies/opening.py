# SPDX-License-Identifier: MIT
"""The proxies of a bench file, made only where there are any: they need the extra `proxies`."""

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crowdcharge.bench.config import ProxyConfig
from crowdcharge.bench.radio.air import Air
from crowdcharge.errors import InputError

if TYPE_CHECKING:
    from crowdcharge.bench.proxies.proxy import VirtualProxy


def open_proxies(configs: Sequence[ProxyConfig], air: Air) -> "dict[int, VirtualProxy]":
    """Return the proxies by their numbers, which count from 1."""
    if not configs:
        return {}
    try:
        made = importlib.import_module("crowdcharge.bench.proxies.proxy")
    except ModuleNotFoundError as error:
        raise InputError(
            f"virtual proxies need the extra: pip install crowdcharge[proxies] ({error})"
        ) from None
    return {
        number: made.VirtualProxy(config, number, air) for number, config in enumerate(configs, 1)
    }
