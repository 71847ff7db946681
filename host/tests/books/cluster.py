# SPDX-License-Identifier: MIT
"""A real PostgreSQL server of the tests' own: private folder, free port, stopped and started."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from urllib.parse import quote

from crowdcharge.errors import InputError
from crowdcharge.ledger.place import BooksUrl, Place
from crowdcharge.ledger.postgres_link import DatabaseLink
from crowdcharge.ledger.rows import Row
from crowdcharge.ledger.store import Store

LOOPBACK = "127.0.0.1"
OWNER, OWNERS_PASSWORD = "owner", "correct horse"
SERVICE, PASSWORD = "service", "s3cret/?:@"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _server_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.getuid():
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise AssertionError("no user to run the server as")


def rows_in(place: Place) -> list[Row]:
    """Return the rows of a place, none as long as a site has no first one."""
    try:
        with Store.read(place) as store:
            return list(store.rows())
    except InputError:
        return []


class Cluster:
    """`owner` and `service` are roles; `database` makes an empty database and gives its name.

    `host`: where it listens, to everybody; `enter`: what a command begins with to run there.
    """

    def __init__(
        self,
        program_path: Callable[[str], str],
        host: str = LOOPBACK,
        enter: Sequence[str] = (),
    ) -> None:
        self._program_path = program_path
        self._host, self._enter = host, enter
        self._user = _server_user()
        self.folder = Path(tempfile.mkdtemp(prefix="books-", dir="/tmp"))
        self.port = free_port()
        self._numbers = count(1)
        secret = self.folder / "password"
        secret.write_text(OWNERS_PASSWORD)
        if self._user:
            for path in (self.folder, secret):
                shutil.chown(path, self._user)
        self.as_server(
            "initdb", "--no-sync", "--auth=scram-sha-256", f"--username={OWNER}",
            f"--pwfile={secret}", "--locale=C", "--encoding=UTF8", f"--pgdata={self._data}",
        )  # fmt: skip
        with (self._data / "pg_hba.conf").open("a") as who:
            who.write("host all all samenet scram-sha-256\n")
        self.start()
        self.sql(f"CREATE ROLE {SERVICE} LOGIN PASSWORD '{PASSWORD}'")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def as_server(self, program: str, *arguments: str, enter: Sequence[str] = ()) -> None:
        """Run a program as the user that the server runs as."""
        become = ("setpriv", f"--reuid={self._user}", "--clear-groups") if self._user else ()
        command = [*enter, *become, self._program_path(program), *arguments]
        log = self.folder / f"{program}.log"
        with log.open("ab") as out:  # a pipe would stay open as long as the server runs
            done = subprocess.run(command, stdout=out, stderr=out, cwd="/", check=False)
        assert not done.returncode, log.read_text()

    def start(self) -> None:
        settings = {
            "port": self.port,
            "listen_addresses": self._host,
            "unix_socket_directories": self.folder,
            "fsync": "off",
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self.as_server(
            "pg_ctl", "start", "-w", "-D", str(self._data), "-o", options, enter=self._enter
        )

    def stop(self, mode: str = "fast") -> None:
        self.as_server("pg_ctl", "stop", "-w", "-D", str(self._data), "-m", mode)

    def remove(self) -> None:
        with suppress(AssertionError):  # a test may have left it stopped
            self.stop("immediate")
        shutil.rmtree(self.folder)

    def database(self) -> str:
        name = f"books_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return name

    def sql(
        self, statement: str, database: str = "postgres", user: str = OWNER
    ) -> list[list[object]]:
        link = DatabaseLink(BooksUrl(self.text(database, user=user)))
        try:
            return link.run(statement)
        finally:
            link.close()

    def text(self, database: str, site: str = "", user: str = SERVICE) -> str:
        """Return a URL with its password."""
        password = quote({OWNER: OWNERS_PASSWORD, SERVICE: PASSWORD}[user], safe="")
        url = f"postgresql://{user}:{password}@{self._host}:{self.port}/{database}"
        given = [f"site={site}"] if site else []
        given += [] if self._host == LOOPBACK else ["sslmode=disable"]
        return url + (f"?{'&'.join(given)}" if given else "")

    def url(self, database: str, site: str = "north", user: str = SERVICE) -> BooksUrl:
        return BooksUrl(self.text(database, site, user))
