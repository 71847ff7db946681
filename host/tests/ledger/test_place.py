# SPDX-License-Identifier: MIT
"""A ledger's URL: each part that PostgreSQL's tools take, and never the password in a text."""

import copy
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.ledger.place import BooksUrl, place_of

NAMES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
URL = "postgresql://zoe@db.example:5433/books?site=north"


def quoted(text):
    return "".join(f"%{byte:02X}" for byte in text.encode())


@given(NAMES, NAMES, NAMES, NAMES, st.integers(1, 65535))
def test_what_is_shown_leads_to_the_same_ledger_without_the_password(
    user, password, database, site, port
):
    secret = f"<{password}>"
    text = f"postgresql://{quoted(user)}:{quoted(secret)}@db.example:{port}/"
    url = BooksUrl(f"{text}{quoted(database)}?site={quoted(site)}")
    assert url.password == secret
    again = BooksUrl(str(url))
    parts = (user, "db.example", port, database, site)
    for each in (url, again, copy.deepcopy(url)):
        assert (each.user, each.host, each.port, each.database, each.site) == parts
    assert again.password is None and quoted(secret) not in str(url)


@given(st.text(max_size=40))
def test_anything_else_is_refused_or_a_path(text):
    assert isinstance(place_of(text.replace("\0", "")), Path)
    with suppress(InputError):
        assert BooksUrl("postgresql://" + text).user


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("postgresql://db/books", "no user"),
        ("postgresql://zoe@/books", "no host"),
        ("postgresql://zoe@db", "no database"),
        ("postgresql://zoe@db:port/books", "cannot be read"),
        ("postgresql://zoe@db:99999/books", "cannot be read"),
        ("postgresql://zoe@[db/books", "cannot be read"),
        ("postgresql://zoe@db/books?site", "cannot be read"),
        ("postgresql://zoe@db/books?site=a&site=b", "twice"),
        ("postgresql://zoe@db/books?sitte=a", "parameter that is not"),
        ("postgresql://zoe@db/books?sslmode=maybe", "sslmode"),
        ("postgresql://zoe@db/books?site=%0A", "a site that is no name"),
        ("postgresql://zoe@db/books#more", "another form"),
        ("mysql://zoe@db/books", "another form"),
        ("postgresql://zoe:pass\nword@db/books", "another form"),
    ],
)
def test_a_mistake_is_one_line_that_quotes_nothing(text, words):
    with pytest.raises(InputError, match=words) as caught:
        BooksUrl(text)
    assert "zoe" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "mode"),
    [("db.example", "verify-full"), ("localhost", "disable"), ("[::1]", "disable"),
     ("127.0.0.1", "disable"), ("192.168.1.4", "verify-full")],
)  # fmt: skip
def test_a_network_is_not_trusted_unless_the_user_says_so(host, mode):
    assert BooksUrl(f"postgresql://zoe@{host}/books").sslmode == mode
    assert BooksUrl(f"postgresql://zoe@{host}/books?sslmode=require").sslmode == "require"


def test_the_site_comes_from_the_url_or_is_given():
    assert BooksUrl(URL).of_site("north").site == "north"
    assert str(BooksUrl(URL.partition("?")[0]).of_site("south")).endswith("?site=south")
    with pytest.raises(InputError, match="another site"):
        BooksUrl(URL).of_site("south")
