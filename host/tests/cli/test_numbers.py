# SPDX-License-Identifier: MIT
"""Numbers on the command line: what is none is refused before any work, by every command."""

from collections.abc import Iterator

import click
import pytest

from crowdcharge.cli import crowdcharge as top
from crowdcharge.cli.options import Number


def options(command: click.Command, name: str) -> Iterator[tuple[str, click.Parameter]]:
    """Every parameter of a command and of those below it, with the name that a user types."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            assert below
            yield from options(below, f"{name} {each}")
    yield from ((f"{name} {each.name}", each) for each in command.params)


FRACTIONS = {
    name: each.type
    for name, each in options(top, "crowdcharge")
    if isinstance(each.type, click.FloatRange | type(click.FLOAT))
}


@pytest.mark.parametrize("name", FRACTIONS)
@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e309"])
def test_no_option_takes_what_is_no_finite_number(name: str, text: str) -> None:
    assert isinstance(FRACTIONS[name], Number)
    with pytest.raises(click.BadParameter):
        FRACTIONS[name].convert(text, None, None)


def test_no_seed_is_below_zero_or_more_than_a_ledger_keeps() -> None:
    seeds = [each.type for name, each in options(top, "crowdcharge") if each.name == "seed"]
    assert len(seeds) > 4
    for kind in seeds:
        assert isinstance(kind, click.IntRange)
        for text in ("-1", str(2**63)):
            with pytest.raises(click.BadParameter):
                kind.convert(text, None, None)
