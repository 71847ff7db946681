# SPDX-License-Identifier: MIT
"""What is built, and the message when it cannot be; runs on any machine, without root."""

import os
from pathlib import Path

import pytest
from hil_tests.bluez import machine, rootfs
from hil_tests.bluez.__main__ import main
from hil_tests.bluez.errors import CannotRunError, GuestDiedError

INDEX = """\
nodistro||main|https://packages.example.net/node/
stable-updates|trixie-updates|main|http://mirror.example.org/debian/
stable|trixie|contrib|http://mirror.example.org/debian/
stable|trixie|main|http://mirror.example.org/debian/
stable|trixie|main|http://second.example.org/debian/
"""


def test_the_mirror_is_the_first_that_apt_has_for_the_release() -> None:
    assert rootfs.mirror(INDEX, "trixie") == "http://mirror.example.org/debian/"


@pytest.mark.parametrize("index", ["", INDEX, "bookworm|bookworm|main|cdrom:[Debian 12]/\n"])
def test_no_usable_mirror_is_said(index: str) -> None:
    with pytest.raises(CannotRunError, match="apt knows no archive for bookworm"):
        rootfs.mirror(index, "bookworm")


def test_packages_ignore_comments_and_order() -> None:
    assert rootfs.packages("# why\nudev\n\nbluez  # the subject\n") == ["bluez", "udev"]


def test_only_what_it_is_made_of_changes_the_cache_key() -> None:
    key = rootfs.cache_key("bookworm", ["bluez", "udev"])
    assert key == rootfs.cache_key("bookworm", ["bluez", "udev"])
    assert key != rootfs.cache_key("trixie", ["bluez", "udev"])
    assert key != rootfs.cache_key("bookworm", ["bluez"])


def test_cache_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/somewhere")
    assert rootfs.cache_root() == Path("/var/somewhere/crowdcharge/bluez")


def test_a_guest_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(GuestDiedError, match="did not power off"):
        machine.run_to_end(["sleep", "60"], tmp_path / "console.log", timeout_s=0.5)


def test_without_root_it_says_so_and_exits_77(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main([]) == 77
    assert capsys.readouterr().err == (
        "bluez: cannot run here: building and booting the guest needs root: run it with sudo\n"
    )
