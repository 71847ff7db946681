# SPDX-License-Identifier: MIT
"""A switch of this machine, and hosts on it in network namespaces whose cables can be pulled.

A pulled cable loses packets without a word, as a real one does; a relay in a process would close
its connections instead. Needs root. The addresses are those that RFC 2544 keeps for benches.
"""

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress

import pytest


def needs_root() -> None:
    if os.geteuid():
        pytest.skip("needs root: network namespaces are made")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Network:
    """`here` is this machine's own address on the switch."""

    def __init__(self, hosts: Sequence[str]) -> None:
        number = os.getpid()
        self._switch = f"cc{number}"
        self._subnet = f"198.18.{number % 250}"
        self.subnet = f"{self._subnet}.0/24"
        self.here = f"{self._subnet}.1"
        self._order = {host: index for index, host in enumerate(hosts, 10)}
        try:
            _ip("link", "add", self._switch, "type", "bridge")
            _ip("address", "add", f"{self.here}/24", "dev", self._switch)
            _ip("link", "set", self._switch, "up")
            for host in hosts:
                self._plug(host)
        except BaseException:
            self.remove()
            raise

    def _plug(self, host: str) -> None:
        space, cable = self._space(host), self._cable(host)
        _ip("netns", "add", space)
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
        _ip("link", "set", cable, "master", self._switch, "up")
        _ip("-n", space, "address", "add", f"{self.address(host)}/24", "dev", "eth0")
        for each in ("lo", "eth0"):
            _ip("-n", space, "link", "set", each, "up")

    def _space(self, host: str) -> str:
        return f"{self._switch}-{host}"

    def _cable(self, host: str) -> str:
        return f"{self._switch}p{self._order[host]}"

    def address(self, host: str) -> str:
        return f"{self._subnet}.{self._order[host]}"

    def enter(self, host: str) -> tuple[str, ...]:
        """Return what a command begins with to run on a host."""
        return ("ip", "netns", "exec", self._space(host))

    def cut(self, host: str, on: bool = True) -> None:
        """Pull a host's cable, or plug it in again."""
        _ip("link", "set", self._cable(host), "down" if on else "up")

    def remove(self) -> None:
        for host in self._order:
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "delete", self._space(host))
        with suppress(subprocess.CalledProcessError):
            _ip("link", "delete", self._switch)
