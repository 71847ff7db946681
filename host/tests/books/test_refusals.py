# SPDX-License-Identifier: MIT
"""What a person must mend is one line and exit code 2, and never shows the password."""

import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from click.testing import CliRunner

from crowdcharge.cli.collect import collect
from crowdcharge.cli.failures import explain
from crowdcharge.errors import InputError, WptError
from crowdcharge.ledger.place import BooksUrl
from crowdcharge.ledger.postgres_link import DatabaseLink
from crowdcharge.ledger.postgres_rows import create
from crowdcharge.ledger.store import Store

from ..command import COMMAND
from ..ledger.conftest import opening
from .cluster import OWNER, OWNERS_PASSWORD, PASSWORD, SERVICE, free_port

pytestmark = pytest.mark.program("initdb", "postgresql")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("s3cret", "wr0ng"), "the password of service is wrong or missing"),
        (("service:", "nobody:"), "the password of nobody is wrong or missing"),
        (("/books", "/other_books"), "there is no such database"),
        (("?site=north", ""), "which site"),
        (("?site=north", "?site=north&sslmode=verify-full"), "offers no TLS"),
        (("?site=north", "?site=north&sslrootcert=/none"), "/none: No such file"),
        (("?site=north", "?site=north&sslrootcert=/none&sslmode=require"), "only sslmode=verify"),
        (("?site=north", "?site=north&sslrootcert=/none&sslmode=disable"), "only sslmode=verify"),
        (("?site=north", "?site=north%20"), "a site that is no name"),
        (("?site=north", "?site=no%00rth"), "a site that is no name"),
        (("?site=north", "?site=north&password_file=/none"), "/none: No such file"),
        (("?site=north", "?seite=north"), "parameter that is not"),
        (("?site=north", "?site=north&sslmode=prefer"), "sslmode"),
        (("service:", ":"), "names no user"),
    ],
)  # fmt: skip
def test_each_is_one_line_and_two(cluster, database, change, words, tmp_path):
    keys = tmp_path / "keys.toml"
    keys.write_text(f'[keys]\n1 = "{"01" * 32}"\n')
    keys.chmod(0o600)
    text = cluster.text(database, "north")
    url = text.replace(*change)
    assert url != text
    done = CliRunner().invoke(collect, [url, "--keys", str(keys)])
    assert done.exception is not None and not done.output
    line, code = explain(done.exception)
    assert code == 2 and words in line and len(line.splitlines()) == 1
    assert "s3cret" not in line and "wr0ng" not in line


def test_no_password_at_all(cluster, database):
    with pytest.raises(InputError, match="of service is wrong or missing"):
        Store.read(BooksUrl(f"postgresql://service@127.0.0.1:{cluster.port}/{database}"))


def test_a_password_may_stand_in_a_file_and_the_server_behind_a_socket(
    cluster, database, tmp_path
):
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    url = BooksUrl(
        f"postgresql://service@:{cluster.port}/{database}?site=north&password_file=secret"
        f"&host={cluster.folder}",
        tmp_path,
    )
    with Store.create(url) as store:
        store.append([opening(1)])


def test_a_database_without_ledgers(cluster):
    url = cluster.url(cluster.database())
    with pytest.raises(InputError, match="has no ledger yet"):
        Store.create(url)


def test_a_site_without_rows(books):
    with pytest.raises(InputError, match="no site has a ledger there yet"):
        Store.read(books)


def test_a_schema_of_another_version_or_of_someone_else(cluster, books, database):
    cluster.sql("COMMENT ON SCHEMA crowdcharge IS 'crowdcharge ledgers, version 7'", database)
    with pytest.raises(InputError, match="are of version 7, not 1"):
        Store.create(books)
    with pytest.raises(InputError, match="are of version 7, not 1"):
        create(cluster.url(database, user=OWNER), SERVICE)
    cluster.sql("COMMENT ON SCHEMA crowdcharge IS NULL", database)
    with pytest.raises(InputError, match="is not of crowdcharge ledgers"):
        Store.read(books)


def test_rights_that_are_missing(cluster, books, database):
    cluster.sql("REVOKE INSERT ON crowdcharge.journal FROM service", database)
    with pytest.raises(InputError, match="service may not write"):
        Store.create(books)
    cluster.sql("REVOKE ALL ON SCHEMA crowdcharge FROM service", database)
    for opened in (Store.create, Store.read):
        with pytest.raises(InputError, match="service has not the right"):
            opened(books)
    create(cluster.url(database, user=OWNER), SERVICE)  # it gives them anew
    with Store.create(books) as store:
        store.append([opening(1)])


def test_only_an_owner_makes_ledgers(cluster):
    with pytest.raises(InputError, match="service has not the right"):
        create(cluster.url(cluster.database()), SERVICE)


def test_a_role_must_be_there_and_bound_by_rights(cluster, database):
    owner = cluster.url(database, user=OWNER)
    with pytest.raises(InputError, match='there is no role no"body'):
        create(owner, 'no"body')
    with pytest.raises(InputError, match="rights do not bind owner"):
        create(owner, OWNER)
    for right in ("", "CREATEROLE", "IN ROLE pg_write_server_files"):
        name = f"guest_{len(right)}"
        cluster.sql(f"CREATE ROLE {name} {right}")
        if right:
            with pytest.raises(InputError, match=f"rights do not bind {name}"):
                create(owner, name)
        else:
            create(owner, name)


def test_a_server_that_is_away_is_no_fault_of_the_user(cluster, database):
    gone = cluster.text(database, "north").replace(f":{cluster.port}/", f":{free_port()}/")
    command = [*COMMAND, "ledger", "verify", gone]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "does not answer: Connection refused" in done.stderr
    assert "s3cret" not in done.stderr


@pytest.fixture
def with_tls(cluster):
    """Give the path of the certificate that the server shows from now on."""
    key, certificate = cluster.folder / "server.key", cluster.folder / "server.crt"
    cluster.as_server(
        "openssl", "req", "-new", "-x509", "-days", "2", "-nodes", "-subj", "/CN=elsewhere",
        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate),
    )  # fmt: skip
    link = DatabaseLink(BooksUrl(cluster.text("postgres", user=OWNER)))
    with closing(link):
        link.run(f"ALTER SYSTEM SET ssl_key_file = '{key}'")
        link.run(f"ALTER SYSTEM SET ssl_cert_file = '{certificate}'")
        link.run("ALTER SYSTEM SET ssl = on")
    cluster.stop()
    cluster.start()
    yield certificate
    with closing(DatabaseLink(BooksUrl(cluster.text("postgres", user=OWNER)))) as link:
        link.run("ALTER SYSTEM RESET ALL")
    cluster.stop()
    cluster.start()


@pytest.mark.program("openssl", "openssl")
def test_tls_is_refused_unless_the_certificate_is_trusted(cluster, database, with_tls):
    text = cluster.text(database, "north")
    with pytest.raises(InputError, match="TLS is refused: self-signed certificate"):
        Store.create(BooksUrl(f"{text}&sslmode=verify-full"))
    trusted = f"sslmode=verify-full&sslrootcert={with_tls}"
    for settings in ("sslmode=require", trusted):
        link = DatabaseLink(BooksUrl(f"{text}&{settings}"))
        with closing(link):
            query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            assert link.value(query) is True
    other = text.replace("127.0.0.1", "localhost")
    with pytest.raises(InputError, match="TLS is refused: Hostname mismatch"):
        Store.create(BooksUrl(f"{other}&{trusted}"))


def test_no_text_of_a_url_shows_its_password(cluster, books):
    assert PASSWORD not in repr(books) + str(books) + f"{books!s}"
    with pytest.raises(InputError) as caught:
        create(cluster.url(books.database, user=OWNER), "nobody at all")
    assert OWNERS_PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH\r\n", b"R\0\0\0\x08\0\0\0\0!\0\0\0\x05I", b"R\xff\xff\xff\x00", b""],
)
def test_whoever_else_answers_at_that_port(answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        with ThreadPoolExecutor() as pool:
            pool.submit(greet)
            url = BooksUrl(f"postgresql://ann:b@127.0.0.1:{listener.getsockname()[1]}/books")
            with pytest.raises(WptError, match=r"no PostgreSQL server|does not answer"):
                Store.read(url)
