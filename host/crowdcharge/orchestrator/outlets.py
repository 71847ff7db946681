# SPDX-License-Identifier: MIT
"""The parts of a run's file that tell others of the crowd: MQTT, notifications and traces.

A secret stands in a file of its own, so the run's file can be shown and kept anywhere.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from crowdcharge.files import read_text
from crowdcharge.radio.base import is_host
from crowdcharge.toml_table import Table

Command = Literal[
    "stop", "pause", "resume", "stop_transfer", "forbid", "allow", "acknowledge", "policy",
    "transfer", "settle",
]  # fmt: skip
_SECRET_BYTES_MAX = 65536
_MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class MqttSection:
    """`url` "": no MQTT. `discovery` "": nothing for Home Assistant. Files "": none."""

    url: str = ""
    user: str = ""
    password_file: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    discovery: str = "homeassistant"
    commands: list[Command] = field(default_factory=list)

    @property
    def is_tls(self) -> bool:
        return urlsplit(self.url).scheme == "mqtts"

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or _MQTT_PORTS[parts.scheme]

    def password(self) -> str | None:
        """Read it anew; None without a file. InputError in one line if it cannot be read."""
        if not self.password_file:
            return None
        return read_text(Path(self.password_file), _SECRET_BYTES_MAX).strip()


@dataclass(frozen=True, slots=True)
class NotifySection:
    """`urls_file`: one address of Apprise's a line, because most of them hold a secret."""

    urls: list[str] = field(default_factory=list)
    urls_file: str = ""

    def addresses(self) -> list[str]:
        """All of both; InputError in one line if the file cannot be read."""
        if not self.urls_file:
            return self.urls
        lines = read_text(Path(self.urls_file), _SECRET_BYTES_MAX).splitlines()
        told = (line.strip() for line in lines)
        return [*self.urls, *(line for line in told if line and not line.startswith("#"))]


@dataclass(frozen=True, slots=True)
class TracesSection:
    """`endpoint`: where OTLP/HTTP goes, `http://HOST:4318/v1/traces`; "": nowhere."""

    endpoint: str = ""


def mqtt(table: Table, folder: Path) -> MqttSection:
    """Read `[mqtt]`; files in it are relative to `folder`."""
    section = table.record(MqttSection)
    if section.url:
        _check_url(table, "url", section.url, _MQTT_PORTS)
    if any(sign in section.discovery for sign in "#+\0"):
        raise table.fail("discovery", "is a topic's beginning, without # and +")
    if bool(section.certificate_file) != bool(section.key_file):
        raise table.fail("key_file", "and certificate_file come together")
    if (section.ca_file or section.certificate_file) and not section.is_tls:
        raise table.fail("url", "must begin with mqtts:// where a certificate is named")
    return replace(
        section,
        password_file=_beside(folder, section.password_file),
        ca_file=_beside(folder, section.ca_file),
        certificate_file=_beside(folder, section.certificate_file),
        key_file=_beside(folder, section.key_file),
    )


def notify(table: Table, folder: Path) -> NotifySection:
    section = table.record(NotifySection)
    for index, url in enumerate(section.urls):
        if "://" not in url:
            raise table.fail("urls", "must be an address with ://, as Apprise has them", index)
    return replace(section, urls_file=_beside(folder, section.urls_file))


def traces(table: Table) -> TracesSection:
    section = table.record(TracesSection)
    if section.endpoint:
        _check_url(table, "endpoint", section.endpoint, ("http", "https"))
    return section


def _check_url(table: Table, key: str, url: str, schemes: Collection[str]) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in schemes and is_host(parts.hostname or "") and parts.port != 0
    except ValueError:  # a port that is no number, or half an IPv6 address
        good = False
    if not good:
        wanted = " or ".join(f"{scheme}://HOST[:PORT]" for scheme in schemes)
        raise table.fail(key, f"must be {wanted}")
    if parts.username is not None or parts.password is not None:
        raise table.fail(key, "holds no user and no password: they have keys of their own")


def _beside(folder: Path, file: str) -> str:
    return str(folder / file) if file else ""
