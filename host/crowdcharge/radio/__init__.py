# SPDX-License-Identifier: MIT
"""Radios: bleak's adapters, ESPHome proxies and recordings, and the protocol that all follow."""

import importlib
from collections.abc import Sequence

from crowdcharge.errors import InputError, NoAdapter
from crowdcharge.radio.base import PathRadio, Proxy, Radio, Tell, tell_nobody


def open_radio(transport: str = "", adapter: str = "", slots: int = 0) -> PathRadio:
    """Open the platform's Bluetooth, or a bench's bumble transport ("tcp-client:host:port").

    A bleak backend is chosen only here; the bench is imported by name, on demand.
    """
    radio = importlib.import_module("crowdcharge.radio.bleak_radio")
    if not transport:
        made: PathRadio = radio.BleakRadio(adapter=adapter or None, slots=slots)
        return made
    backend = importlib.import_module("crowdcharge.bench.radio.bleak_backend")
    try:
        made = radio.BleakRadio(*backend.backends(transport), transport=transport, slots=slots)
    except ValueError as error:
        raise NoAdapter(f'transport "{transport}": {error}') from None
    return made


def open_radios(
    adapters: Sequence[str], proxies: Sequence[Proxy], slots: int, tell: Tell = tell_nobody
) -> Radio:
    """Open all of them as one radio.

    An adapter with a colon in its name is a bench's transport; "" is the first adapter. `slots` is
    what each adapter holds. `tell` gets a line for each radio that does not work.
    """
    local = [
        open_radio(name, "", slots) if ":" in name else open_radio("", name, slots)
        for name in dict.fromkeys(adapters)
    ]
    if len(local) == 1 and not proxies:
        return local[0]
    once: dict[str, Proxy] = {}
    for proxy in proxies:
        if once.setdefault(proxy.name, proxy) is not proxy:
            tell(f"proxy {proxy.name} is named twice; it is used once")
    many = importlib.import_module("crowdcharge.radio.many_radios")
    made: Radio = many.ManyRadios([*local, *map(_open_proxy, once.values())], tell)
    return made


def _open_proxy(proxy: Proxy) -> PathRadio:
    try:
        esphome = importlib.import_module("crowdcharge.radio.esphome_radio")
    except ModuleNotFoundError as error:
        raise InputError(
            f"proxies need the extra of that name: pip install crowdcharge[proxies] ({error})"
        ) from None
    made: PathRadio = esphome.EsphomeRadio(proxy)
    return made
