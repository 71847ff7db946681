# SPDX-License-Identifier: MIT
"""The host as AirFuel's power transmitting unit: it reads a board as a charger would.

The exchange only; no 6.78 MHz power is here. docs/reference/airfuel.md has the order, the limits
and what the sources do not say.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self, TypeVar

from crowdcharge.boards.listening import address_of
from crowdcharge.errors import BoardUnreachable, RadioError, RemoteProtocolError
from crowdcharge.radio.base import Link, Radio
from wptcore import airfuel

READ_EVERY_s = 0.2  # the profile: at least every 250 ms
ALERTS = {
    airfuel.OVER_VOLTAGE: "over-voltage",
    airfuel.OVER_CURRENT: "over-current",
    airfuel.OVER_TEMPERATURE: "over-temperature",
    airfuel.SELF_PROTECTION: "self-protection",
    airfuel.CHARGE_COMPLETE: "charge complete",
    airfuel.WIRED_CHARGER: "wired charger",
}
# what we say of ourselves: class 1, one receiver, the least power that the profile can say
_POWER_CODE, _CLASS, _DEVICES_MAX = 0, 1, 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PruStatic:
    """What a receiver is; voltages are those of its rectifier."""

    protocol: int
    category: int
    power_max_mW: int
    min_mV: int
    high_mV: int
    set_mV: int

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """ValueError: it is no PRU Static."""
        fields = airfuel.unpack_pru_static(data)
        _, protocol, category, _, _, _, power_max_mW, min_mV, high_mV, set_mV, _ = fields
        return cls(protocol, category, power_max_mW, min_mV, high_mV, set_mV)


@dataclass(frozen=True, slots=True)
class PruDynamic:
    """What a receiver measures now; None: it does not say."""

    rect_mV: int
    rect_mA: int
    out_mV: int | None
    out_mA: int | None
    temperature_C: int | None
    output_on: bool
    alerts: tuple[str, ...]

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """ValueError: it is no PRU Dynamic."""
        validity, *values = airfuel.unpack_dynamic(data)
        rect_mV, rect_mA, out_mV, out_mA, degC, _, _, _, alert = values
        return cls(
            rect_mV,
            rect_mA,
            out_mV if validity & airfuel.VOUT else None,
            out_mA if validity & airfuel.IOUT else None,
            degC if validity & airfuel.TEMPERATURE else None,
            bool(alert & airfuel.CHARGE_PORT),
            alert_names(alert),
        )


def alert_names(alert: int) -> tuple[str, ...]:
    return tuple(name for bit, name in ALERTS.items() if alert & bit)


@dataclass(slots=True)
class PruExchange:
    """What a transmitter has seen; times are in seconds since the board was heard."""

    board_id: int
    static: PruStatic
    steps_s: dict[str, float]
    reads_s: list[float] = field(default_factory=list)  # when dynamic values were there
    newest: PruDynamic | None = None
    alerts: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)

    @property
    def gap_max_s(self) -> float | None:
        """The longest time between two reads; None: there were not two."""
        pairs = zip(self.reads_s, self.reads_s[1:], strict=False)
        return max((later - earlier for earlier, later in pairs), default=None)


async def exchange(radio: Radio, board_id: int, lasts_s: float, output: bool) -> PruExchange:
    """Register with a board, permit or deny its output, and read it for a while.

    BoardUnreachable: it was not heard, or the link failed; RemoteProtocolError: what it says is
    not of the profile.
    """
    address = await address_of(radio, board_id)
    loop = asyncio.get_running_loop()
    heard_s = loop.time()
    try:
        link = await radio.connect(address, lambda: None)
        try:
            unit = TransmittingUnit(link, lambda: loop.time() - heard_s)
            return await _whole(unit, board_id, lasts_s, output)
        finally:
            await link.close()
    except RadioError as error:
        raise BoardUnreachable(board_id, str(error)) from None


async def _whole(
    unit: "TransmittingUnit", board_id: int, lasts_s: float, output: bool
) -> PruExchange:
    unit.note("connection")
    static = await unit.register()
    await unit.permit(output)
    seen = PruExchange(board_id, static, unit.steps_s, alerts=unit.alerts)
    await unit.listen()
    await unit.follow(seen, lasts_s)
    return seen


class TransmittingUnit:
    """The transmitter's side of one open link; `register` comes first.

    `steps_s`: when each step of the profile was done, as `now_s` counts.
    """

    def __init__(self, link: Link, now_s: Callable[[], float]) -> None:
        self._link = link
        self._now_s = now_s
        self.steps_s: dict[str, float] = {}
        self.alerts: list[tuple[float, tuple[str, ...]]] = []

    async def register(self) -> PruStatic:
        """Go through the profile's order up to the first dynamic values.

        RadioError: the link failed, or has no such service; RemoteProtocolError: no such values.
        """
        static = await self._read(airfuel.PRU_STATIC, PruStatic.unpack)
        self.note("pru static")
        hello = airfuel.pack_ptu_static(_POWER_CODE, _CLASS, _DEVICES_MAX)
        await self._link.write(airfuel.PTU_STATIC, hello)
        self.note("ptu static")
        await self.read()
        self.note("dynamic")
        return static

    async def permit(self, output: bool) -> None:
        """Write PRU Control: the receiver may, or must not, take power."""
        enables = airfuel.OUTPUT | airfuel.INDICATOR if output else 0
        permission = airfuel.PERMITTED if output else airfuel.DENIED
        await self._link.write(airfuel.PRU_CONTROL, airfuel.pack_control(enables, permission))
        self.note("control")

    async def listen(self) -> None:
        """Collect alerts from now on."""
        await self._link.subscribe(airfuel.PRU_ALERT, self._on_alert)

    async def read(self) -> PruDynamic:
        return await self._read(airfuel.PRU_DYNAMIC, PruDynamic.unpack)

    async def follow(self, seen: PruExchange, lasts_s: float) -> None:
        """Read into `seen` as often as the profile wants it."""
        due_s = self._now_s()
        ends_s = due_s + lasts_s
        while due_s < ends_s:
            seen.newest = await self.read()
            seen.reads_s.append(self._now_s())
            due_s = max(due_s + READ_EVERY_s, self._now_s())
            await asyncio.sleep(due_s - self._now_s())

    async def _read(self, uuid: str, unpack: Callable[[bytes], T]) -> T:
        data = await self._link.read(uuid)
        try:
            return unpack(data)
        except ValueError as error:
            raise RemoteProtocolError(f"{self._link.address}: {error}") from None

    def note(self, step: str) -> None:
        self.steps_s[step] = self._now_s()

    def _on_alert(self, data: bytes) -> None:
        if data:
            self.alerts.append((self._now_s(), alert_names(data[0])))
