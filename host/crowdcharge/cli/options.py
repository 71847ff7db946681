# SPDX-License-Identifier: MIT
"""Options that several commands share."""

import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from crowdcharge.errors import InputError
from crowdcharge.ledger.place import place_of
from wptcore.wire import BOARD_ID_MAX


class Number(click.FloatRange):
    """A finite number: click's own range has nan in it, and without an upper end infinity."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


SEED = click.IntRange(0, 2**63 - 1)
WATT_HOURS = Number(0.0, 1000.0)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
policy_options = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    callback=lambda _context, _parameter, given: parsed_options(given),
    help="An option of the policy, its value as in TOML; may be given several times.",
)
_transport = click.option(
    "--transport",
    default="",
    envvar="CROWDCHARGE_TRANSPORT",
    help="A bench's radio instead of this computer's.",
)
_adapter = click.option(
    "--adapter", default="", help="Bluetooth adapter (BlueZ), for example hci1."
)
keys = click.option(
    "--keys",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("keys.toml"),
    show_default=True,
    help="The host's keys, readable by you only.",
)
BOARD = click.IntRange(1, BOARD_ID_MAX)
port = click.option("--port", required=True, help="The board's serial port.")


def boards(option: str, text: str) -> tuple[int, ...]:
    """Read numbers of boards with commas, in order; none of an empty text."""
    try:
        numbers = {BOARD(each) for each in text.split(",") if text}
    except click.BadParameter:
        raise InputError(f"{option} must be numbers of boards, with commas") from None
    return tuple(sorted(numbers))


def ledgers(help_text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the option `--ledger`, which may be given several times."""
    return click.option(
        "--ledger",
        "ledgers",
        type=place_of,
        metavar="LEDGER",
        multiple=True,
        required=True,
        help=help_text,
    )


def seconds(
    default: float, help_text: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the option `--seconds`."""
    return click.option(
        "--seconds",
        default=default,
        show_default=True,
        type=Number(),
        callback=lambda _context, _parameter, given: _bearable(given),
        help=help_text,
    )


def _bearable(seconds: float) -> float:
    if not 0 < seconds <= 3600:
        raise InputError(f"--seconds must be above 0 and at most 3600, not {seconds:g}")
    return seconds


def radio(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options `transport` and `adapter`."""
    return _transport(_adapter(command))


def parsed_options(given: tuple[str, ...]) -> dict[str, Any]:
    """Read KEY=VALUE pairs; a value that is not TOML is a text."""
    options: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key.isidentifier():
            raise InputError(f"--option {text!r} is not KEY=VALUE")
        if key in options:
            raise InputError(f"--option {key} is given twice")
        options[key] = _value(key, value.strip())
    return options


def _value(key: str, text: str) -> Any:
    try:
        document = tomllib.loads(f"value = {text}")
    except RecursionError:
        raise InputError(f"--option {key} is nested too deep") from None
    except ValueError:
        return text
    value = document["value"] if len(document) == 1 else text
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"--option {key} must be a finite number")
    return value


def bound_mJ(
    energy_Wh: float | None, option: str = "--day-wh", instead: str = "--gives-to nobody"
) -> int:
    """Return the energy in mJ; 0: without a bound, so that no option may say 0."""
    from crowdcharge.units import J_PER_Wh

    energy_mJ = round((energy_Wh or 0.0) * J_PER_Wh * 1000)
    if energy_Wh is not None and not energy_mJ:
        raise InputError(f"{option} 0 would be no limit; for nothing: {instead}")
    return energy_mJ
