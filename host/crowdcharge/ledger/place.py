# SPDX-License-Identifier: MIT
"""PURE: where a ledger is: in a file, or in a PostgreSQL database by its URL.

`postgresql://USER[:PASSWORD]@HOST[:PORT]/DATABASE?site=SITE`, as PostgreSQL's own tools write it.
"""

from pathlib import Path
from typing import Literal, get_args
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from crowdcharge.errors import InputError

Tls = Literal["disable", "require", "verify-full"]
_PORT = 5432
SCHEMES = ("postgresql", "postgres")
_FILES = ("password_file", "sslrootcert")
_PARAMETERS = {"site", "host", "sslmode", *_FILES}
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_SITE_MAX = 64  # characters
SITE_NAME = f"at most {_SITE_MAX} printable characters, no space at an end"
_FORM = "postgresql://USER@HOST[:PORT]/DATABASE?site=SITE"


class BooksUrl:
    """A database, and the site whose chain is meant; its text never shows the password.

    It is no dataclass, so that a copy of a configuration into plain values cannot spell it out.
    """

    def __init__(self, text: str, folder: Path = Path()) -> None:
        """Take a URL apart; files that it names are relative to `folder`.

        InputError, which never quotes it, if it is not of the form above.
        """
        try:
            parts = urlsplit(text)
            self.port = parts.port or _PORT
            given = parse_qsl(
                parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)
            )
        except ValueError:
            raise _wrong("cannot be read") from None
        if not text.isprintable() or parts.scheme not in SCHEMES or parts.fragment:
            raise _wrong("is of another form")
        if {name for name, _ in given} - _PARAMETERS:
            raise _wrong(f"has a parameter that is not one of {', '.join(sorted(_PARAMETERS))}")
        if len(dict(given)) < len(given):
            raise _wrong("has a parameter twice")
        settings = dict(given)
        self.user = unquote(parts.username or "")
        self.password = unquote(parts.password) if parts.password is not None else None
        self.database = unquote(parts.path.removeprefix("/"))
        self.host = settings.get("host") or unquote(parts.hostname or "")
        self.site = settings.get("site", "")
        files = {name: folder / settings[name] for name in _FILES if settings.get(name)}
        self.password_file, self.sslrootcert = map(files.get, _FILES)
        is_plain = self.is_local and not self.sslrootcert
        self.sslmode = settings.get("sslmode") or ("disable" if is_plain else "verify-full")
        self._require()

    def _require(self) -> None:
        names = {"user": self.user, "host": self.host, "database": self.database}
        for name, value in names.items():
            if not value:
                raise _wrong(f"names no {name}")
        if not all(map(str.isprintable, names.values())):
            raise _wrong("has a character that cannot be printed")
        if not is_site_name(self.site):
            raise _wrong(f"has a site that is no name: {SITE_NAME}")
        if self.sslmode not in get_args(Tls):
            raise _wrong(f"has an sslmode that is not one of {', '.join(get_args(Tls))}")
        if self.sslrootcert and self.sslmode != "verify-full":
            raise _wrong("has an sslrootcert, which only sslmode=verify-full looks at")

    @property
    def is_local(self) -> bool:
        """Tell whether no network lies between: a folder with the server's socket, or loopback."""
        return self.host.startswith("/") or self.host in _LOCAL

    def of_site(self, site: str) -> "BooksUrl":
        """Return the same database for a site; InputError if this names another one already."""
        if self.site not in {"", site}:
            raise InputError(f"{self} is of another site than {site!r}")
        other = object.__new__(BooksUrl)
        other.__dict__.update(self.__dict__, site=site)
        return other

    def __str__(self) -> str:
        user, host, database, site = (
            quote(each, safe="") for each in (self.user, self.host, self.database, self.site)
        )
        host = f"[{self.host}]" if ":" in self.host else host
        port = "" if self.port == _PORT else f":{self.port}"
        return f"postgresql://{user}@{host}{port}/{database}" + (f"?site={site}" if site else "")

    def __repr__(self) -> str:
        return f"<{self}>"


Place = Path | BooksUrl


def is_site_name(text: str) -> bool:
    """Tell whether a site may be called so; two names must not look the same."""
    return text.isprintable() and text == text.strip() and len(text) <= _SITE_MAX


def is_url(text: str) -> bool:
    return text.startswith(tuple(f"{scheme}://" for scheme in SCHEMES))


def place_of(text: str) -> Place:
    """Return the place that a user named."""
    return BooksUrl(text) if is_url(text) else Path(text)


def _wrong(what: str) -> InputError:
    return InputError(f"the URL of the ledger {what}; it must be {_FORM}")
