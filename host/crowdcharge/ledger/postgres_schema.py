# SPDX-License-Identifier: MIT
"""PURE: the tables, triggers and views of ledgers in PostgreSQL, in a schema of their own.

One table holds the chains of all sites. The database itself refuses whatever would change a row,
and a row that does not continue its site's chain, so that two services cannot fork it.
"""

from typing import get_args

from crowdcharge.ledger.kinds import VIEWS, columns

SCHEMA_VERSION = 1
COMMENT = "crowdcharge ledgers, version "  # of the schema; the number follows

TRIGGERS = {
    "append_only": """
BEGIN
    RAISE EXCEPTION 'the ledger is append-only';
END
""",
    "follows": r"""
DECLARE
    before TEXT;
BEGIN
    SELECT hash INTO before FROM crowdcharge.journal
        WHERE site = NEW.site AND seq = NEW.seq - 1;
    IF NEW.seq = 1 THEN
        before := repeat('0', 64);
    END IF;
    IF before IS NULL OR NEW.hash <> encode(sha256(convert_to(
        before || E'\n' || NEW.seq || E'\n' || NEW.kind || E'\n' || NEW.body, 'UTF8')), 'hex')
    THEN
        RAISE EXCEPTION 'row % does not continue the ledger of site %', NEW.seq, NEW.site;
    END IF;
    RETURN NEW;
END
""",
}

_JOURNAL = f"""
CREATE SCHEMA crowdcharge;
COMMENT ON SCHEMA crowdcharge IS '{COMMENT}{SCHEMA_VERSION}';
CREATE TABLE crowdcharge.journal(
    site TEXT NOT NULL CHECK (site <> ''),
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL CHECK (body::json IS NOT NULL),
    hash TEXT NOT NULL,
    PRIMARY KEY (site, seq)
);
"""

_ON_JOURNAL = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON crowdcharge.journal
    FOR EACH STATEMENT EXECUTE FUNCTION crowdcharge.append_only();
CREATE TRIGGER follows BEFORE INSERT ON crowdcharge.journal
    FOR EACH ROW EXECUTE FUNCTION crowdcharge.follows();
"""


def _function(name: str, body: str) -> str:
    return (
        f"CREATE FUNCTION crowdcharge.{name}() RETURNS trigger LANGUAGE plpgsql"
        f" SET search_path = pg_catalog, pg_temp AS $${body}$$;\n"
    )


def _view(view: str, kind: str) -> str:
    """Return a view with the columns of the one in a file, and the site before them."""
    picked = ", ".join(
        f"""(body::json ->> '{each.name}'){_type(each.type)} AS "{each.name}\""""
        for each in columns(kind)
    )
    return (
        f"CREATE VIEW crowdcharge.{view} AS SELECT site, seq, {picked}"
        f" FROM crowdcharge.journal WHERE kind = '{kind}';\n"
    )


def _type(annotation: object) -> str:
    """Return the cast for a column: a whole number may be larger than any of PostgreSQL's."""
    kinds = {annotation, *get_args(annotation)}
    return "::boolean" if bool in kinds else "::numeric" if int in kinds else ""


SCHEMA = (
    _JOURNAL
    + "".join(_function(name, body) for name, body in TRIGGERS.items())
    + _ON_JOURNAL
    + "".join(_view(view, kind) for view, kind in VIEWS.items())
    + "REVOKE ALL ON SCHEMA crowdcharge FROM PUBLIC;\n"
    + "REVOKE ALL ON ALL TABLES IN SCHEMA crowdcharge FROM PUBLIC;\n"
)


def grants(role: str) -> str:
    """Return what lets a role read everything and add rows, and nothing else."""
    return (
        f"REVOKE ALL ON SCHEMA crowdcharge FROM {role};\n"
        f"REVOKE ALL ON ALL TABLES IN SCHEMA crowdcharge FROM {role};\n"
        f"GRANT USAGE ON SCHEMA crowdcharge TO {role};\n"
        f"GRANT SELECT ON ALL TABLES IN SCHEMA crowdcharge TO {role};\n"
        f"GRANT INSERT ON crowdcharge.journal TO {role};\n"
    )
