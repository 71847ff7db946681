# SPDX-License-Identifier: MIT
"""Files in a user's folder that have the names of our results are never lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crowdcharge.errors import InputError
from crowdcharge.files.marker import NAME, result
from crowdcharge.files.whole import leftovers, replaced
from crowdcharge.reproduce.parts import Parts
from crowdcharge.simulation.sweep import finished

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
Command = Callable[..., tuple[int, str, str]]


def put(path: Path, text: str) -> None:
    with result(path) as beside:
        beside.write_text(text)


def test_somebodys_file_gets_another_name_and_ours_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "soc.png"
    path.write_text("mine")
    put(path, "1")
    put(path, "2")
    path.write_text("mine again")
    put(path, "3")
    assert {each.name: each.read_text() for each in tmp_path.iterdir() if each.name != NAME} == {
        "soc.png": "3", "soc.png.kept-1": "mine", "soc.png.kept-2": "mine again",
    }  # fmt: skip


def test_a_result_that_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    put(tmp_path / "soc.png", "1")
    with pytest.raises(TypeError), result(tmp_path / "soc.png") as beside:
        beside.write_text(None)
    assert (tmp_path / "soc.png").read_text() == "1"
    assert sorted(each.name for each in tmp_path.iterdir()) == [NAME, "soc.png"]


@pytest.mark.parametrize(
    ("arguments", "option", "names"),
    [
        (("simulate", EXAMPLES / "scenario.toml"), "--out", ("samples.csv", "soc.png")),
        (("reproduce", "fig3"), "--out", ("fig3.json", "fig3.png")),
        (("route", EXAMPLES / "fleet.toml"), "--missions", ("sortie-001-drone-1.plan",)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_every_command_with_a_folder_keeps_them(
    crowdcharge: Command, tmp_path: Path, arguments: tuple[object], option: str, names: list[str]
) -> None:
    for name in names:
        (tmp_path / name).write_text(f"mine {name}")
    for _ in range(2):
        assert crowdcharge(*arguments, option, tmp_path)[0] == 0
    kept = sorted(each.name for each in tmp_path.iterdir() if "kept" in each.name)
    assert kept == sorted(f"{name}.kept-1" for name in names)
    assert [(tmp_path / f"{name}.kept-1").read_text() for name in names] == [
        f"mine {name}" for name in names
    ]


def test_a_file_of_parts_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fig3.part"
    path.write_text("mine")
    with pytest.raises(InputError, match=r"fig3\.part: holds no parts"):
        Parts(path)
    with (
        pytest.raises(InputError, match=r"fig3\.part: holds no parts"),
        finished.opened(tmp_path / "fig3"),
    ):
        pass
    assert path.read_text() == "mine"
    path.write_text('{"ma')  # a kill in the first line
    assert Parts(path).there == 0


def test_what_a_killed_process_left_is_known(tmp_path: Path) -> None:
    path = tmp_path / "boards.csv"
    (tmp_path / ".boards.new.csv").touch()
    with replaced(path) as beside:
        beside.touch()
        assert [*leftovers(path)] == [beside]
