# SPDX-License-Identifier: MIT
"""A connection to PostgreSQL whose every failure is one line, without the password.

A server that does not answer is a LedgerAway, which time mends; what a person must mend (a
password, a name, a right, TLS) is an InputError.
"""

import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from crowdcharge.errors import InputError, LedgerAway, LedgerError, WptError
from crowdcharge.files import read_text
from crowdcharge.ledger.place import BooksUrl

if TYPE_CHECKING:
    from pg8000.native import Connection

_TIMEOUT_s = 10.0  # of every answer
_SECRET_BYTES_MAX = 65536
# By SQLSTATE or its first two digits: what the server means, and which error that is.
_AWAY = {"08", "53", "57"}  # no connection, nothing left to serve with, shutting down or starting
_TO_MEND = {
    "28P01": "the password of {user} is wrong or missing",
    "28000": "the server does not let {user} in",
    "3D000": "there is no such database",
    "42501": "{user} has not the right to that; `crowdcharge ledger create URL --role ROLE` as"
    " the owner gives it",
}
# Only the server's own functions: one of the same name that anybody made in a schema of the path
# would run with our rights. And a service that lost its power must not hold its site for the
# hours of the system's default.
_SETTINGS = {
    "search_path": "pg_catalog, pg_temp",
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}


class DatabaseLink:
    """`run` sends one statement, or a script without parameters, as one transaction."""

    def __init__(self, url: BooksUrl) -> None:
        self.url = url
        with self._clear_errors():
            self._connection = _connected(url)

    def run(self, sql: str, **parameters: Any) -> list[list[Any]]:
        with self._clear_errors():
            found: list[list[Any]] | None = self._connection.run(sql, **parameters)
            return found or []

    def value(self, sql: str, **parameters: Any) -> Any:
        """Return the one value that a statement finds."""
        return self.run(sql, **parameters)[0][0]

    def close(self) -> None:
        with suppress(Exception):  # it may be gone already, and the server sees to the rest
            self._connection.close()

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        from pg8000.exceptions import DatabaseError, InterfaceError  # noqa: PLC0415 - an extra
        from scramp import ScramException  # noqa: PLC0415 - comes with it

        try:
            yield
        except DatabaseError as error:
            raise self._meaning(error.args[0]) from None
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or error.reason or str(error)
            raise InputError(f"{self.url}: TLS is refused: {why}") from None
        except InterfaceError as error:
            raise self._of_the_driver(error) from None
        except OSError as error:
            raise self._away(error.strerror or str(error)) from None
        except (ScramException, LookupError, ValueError, struct.error):  # the driver trusts it
            raise InputError(f"{self.url}: what answers there is no PostgreSQL server") from None

    def _meaning(self, said: Any) -> WptError:
        """Return what an answer of the server means, by its SQLSTATE."""
        answer = said if isinstance(said, dict) else {"M": str(said)}
        code, text = answer.get("C", ""), answer.get("M", "an error without a text")
        if code[:2] in _AWAY:
            return self._away(text)
        if code in _TO_MEND:
            return InputError(f"{self.url}: {_TO_MEND[code].format(user=self.url.user)} ({text})")
        return LedgerError(f"ledger {self.url}: {text}")

    def _of_the_driver(self, error: Exception) -> WptError:
        """Tell a server out of reach from one with which no terms are to be had."""
        text, cause = str(error), error.__cause__
        if isinstance(cause, OSError):
            return self._away(cause.strerror or str(cause))
        if text == "Server refuses SSL":
            return InputError(
                f"{self.url}: the server offers no TLS; add sslmode=disable to the URL if nobody"
                " else is on that network"
            )
        return self._away(text)

    def _away(self, why: str) -> LedgerAway:
        return LedgerAway(f"the database {self.url} does not answer: {why}")


def _connected(url: BooksUrl) -> "Connection":
    from pg8000.native import Connection  # noqa: PLC0415 - an extra

    at_socket = url.host.startswith("/")
    return Connection(
        url.user,
        host=None if at_socket else url.host,
        port=url.port,
        unix_sock=f"{url.host}/.s.PGSQL.{url.port}" if at_socket else None,
        database=url.database,
        password=_password(url),
        ssl_context=_tls(url),
        timeout=_TIMEOUT_s,
        application_name="crowdcharge",
        startup_params=_SETTINGS,
    )


def _password(url: BooksUrl) -> str:
    """Return the password; an empty one, which no server takes, where none is given."""
    if url.password_file is None:
        return url.password or ""
    return read_text(url.password_file, _SECRET_BYTES_MAX).strip()


def _tls(url: BooksUrl) -> ssl.SSLContext | bool:
    if url.sslmode == "disable":
        return False
    try:
        context = ssl.create_default_context(cafile=url.sslrootcert)
    except OSError as error:
        raise InputError(f"{url.sslrootcert}: {error.strerror or error}") from None
    if url.sslmode == "require":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
