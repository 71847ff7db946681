# SPDX-License-Identifier: MIT
"""Which commands the console has, and which it refuses where a board lacks their feature."""

import sys

from support import Host, make_board
from test_console import Line, told
from wptcore import wire
from wptcore.console_commands import LOOKING, OF_CROWD, STORING
from wptcore.console_help import HELP

KEY = "ab" * 32
WORDS = (  # (line, feature, its name)
    ("market 1000 10 30 80", wire.MARKET, "market"),
    ("trust " + KEY, wire.MARKET, "market"),
    ("crowd 77 %s online-average" % KEY, wire.PEERS, "peers"),
    ("peer 2 " + KEY, wire.PEERS, "peers"),
    ("agreed 5", wire.PEERS, "peers"),
    ("alias " + KEY, wire.PEERS, "peers"),
    ("consent host,crowd 0", wire.PEERS, "peers"),
    ("consent agreed 0", wire.PEERS, "peers"),
    ("consent host,strangers 0", wire.STRANGERS, "strangers"),
    ("airfuel on", wire.AIRFUEL, "airfuel"),
)
UNDOES = ("market 0 0 0 0", "trust anybody", "crowd 0 - -", "consent nobody 0", "airfuel off")


def test_every_command_of_the_help_is_known_and_the_other_way_round():
    line = Line()
    shown = "\n".join(line.send(b"help\n"))
    for row in HELP:
        assert ("%s %s" % row[:2]).strip() in shown
    names = set(LOOKING + OF_CROWD + STORING)
    for name in line.commands._handlers:
        names.add(name.split()[0])
    assert names == {row[0] for row in HELP}


def test_a_word_whose_feature_the_board_lacks_is_refused():
    for text, feature, name in WORDS:
        lacks = Line(board=make_board(features=wire.CARRIED & ~feature), maintenance=True)
        before = dict(lacks.backend.identity)
        assert lacks.ask(text) == "err feature this board does not carry " + name, text
        assert lacks.backend.identity == before
        carries = Line(board=make_board(features=feature), maintenance=True)
        assert not carries.ask(text).startswith("err feature"), text


def test_what_was_stored_can_be_dropped_without_the_feature():
    line = Line(board=make_board(features=0), maintenance=True)
    line.backend.identity = {"board_id": 3, "key": "11" * 32, "crowd": {"id": 1}, "airfuel": True}
    for text in UNDOES + ("consent host 5000",):
        assert line.ask(text).startswith("ok"), text
    assert "crowd" not in line.backend.identity and "airfuel" not in line.backend.identity


def test_a_board_that_compiles_its_console_does_not_do_so_in_a_transfer():
    host = Host(make_board()).hello()
    line = Line(board=host.board)
    assert host.grant() == 0
    for text in ("help", "identity", "limits"):
        assert line.ask(text).startswith("ok"), text
        line.backend.compiles = True
        assert line.ask(text) == "err busy a transfer is running"
        line.backend.compiles = False
    line.backend.compiles = True
    assert told(line.ask("status"))["coil_on"] == "1"
    host.board.stop(1)
    assert line.ask("identity").startswith("ok")


def test_no_part_of_the_console_stays_loaded():
    line = Line()
    for text in ("help", "identity"):
        assert line.ask(text).startswith("ok")
    assert "wptcore.console_look" not in sys.modules
    assert "wptcore.console_help" not in sys.modules
