# SPDX-License-Identifier: MIT
"""Every `crowdcharge` command of the documents is one that the command line understands.

Those of the examples and of the tutorials are run, too: test_examples.py, test_first_transfer.py
and test_tutorials.py.
"""

import re
import shlex
from pathlib import Path

import click
import pytest

from crowdcharge.cli import crowdcharge
from crowdcharge.errors import WptError

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
COMMAND = re.compile(r"(?:^|&& *|\$ |; *|sudo |-u crowdcharge )crowdcharge (.*)$", re.MULTILINE)
ENDS = {"&&", "||", "|", ";", "&", ">", ">>", "2>", "<"}
LABELS = {"crowdcharge market take", "crowdcharge receipt"}  # what the boards sign begins so


def commands(page: Path) -> tuple[list[str], list[str]]:
    """Return the arguments of each command of a page: in its blocks, and in its prose."""
    text = page.read_text(encoding="utf-8")
    blocks, prose = "\n".join(FENCE.findall(text)), INLINE.findall(FENCE.sub("", text))
    mentions = [line for code in prose if code not in LABELS for line in COMMAND.findall(code)]
    return COMMAND.findall(blocks), mentions


def words_of(line: str) -> list[str]:
    """Split a command; what may be left out is there, PLACEHOLDERS are 1, a|b is a."""
    for given, meant in (("[", " "), ("]", " "), ("://...", "://user@host/books")):
        line = line.replace(given, meant)
    words = shlex.split(line, comments=True)
    words = words[: next((at for at, word in enumerate(words) if word in ENDS), len(words))]
    return ["1" if re.fullmatch("[A-Z]+", word) else word.split("|")[0] for word in words]


def understood(line: str, mention: bool = False) -> str:
    """Parse one command without running it; return what the command line says against it.

    `mention`: prose may leave out what a command needs.
    """
    words = words_of(line)
    command: click.Command = crowdcharge
    with click.Context(crowdcharge, info_name="crowdcharge") as context:
        while isinstance(command, click.Group) and words and words[0][:1] != "-":
            found = command.get_command(context, words[0])
            if found is None:
                return f"no command {words[0]}"
            command, words = found, words[1:]
        try:
            command.make_context(command.name, words, parent=context)
        except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):  # --help, a group
            return ""
        except (click.MissingParameter, click.BadOptionUsage) as error:
            return "" if mention else error.format_message()
        except (click.ClickException, WptError) as error:
            return str(error)
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_understood(page: Path) -> None:
    blocks, mentions = commands(page)
    said = {line: understood(line) for line in blocks}
    said |= {line: understood(line, mention=True) for line in mentions}
    assert {line: against for line, against in said.items() if against} == {}


def test_commands_are_found() -> None:
    found = [commands(page) for page in PAGES]
    assert sum(len(blocks) for blocks, _ in found) > 40
    named = {line.split()[0] for lines in found for line in (*lines[0], *lines[1]) if line}
    assert named >= set(crowdcharge.list_commands(click.Context(crowdcharge)))


def test_a_wrong_command_is_not_understood() -> None:
    assert understood("simulate SCENARIO.toml --polcy x").startswith("No such option")
    assert understood("simulate --seed 3") == "Missing argument 'SCENARIO.toml'."
    assert understood("simlate SCENARIO.toml") == "no command simlate"
