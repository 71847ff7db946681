# SPDX-License-Identifier: MIT
"""What other sites of a database have in their chains that is this site's business.

Nothing is ever sent to a site: it looks into the chains of the others. So whatever was away in
between, site or database, nothing is lost, nothing comes twice, and no clock is compared.
"""

from collections.abc import Iterator

from crowdcharge.boards.models import Receipt
from crowdcharge.errors import InputError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.postgres_rows import PostgresRows
from crowdcharge.ledger.rows import receipt_of

Found = tuple[str, Receipt]  # the site that read a receipt, and the receipt
_SPAN_ROWS = 20_000  # of a chain, looked through at a time


class Neighbours:
    """`look` again and again: each row of another site is looked at once.

    A chain that has become shorter is another one, of a database that was made anew.
    """

    def __init__(self, site: kinds.SiteRow) -> None:
        self._site = site
        self._seen: dict[str, int] = {}  # by site, the newest row that was looked at

    def compare(self, database: PostgresRows) -> None:
        """InputError if another site has this one's number."""
        for name, length in database.others().items():
            for row in database.told_between(name, 0, length, "site"):
                self._require_other(name, row.content())

    def look(self, database: PostgresRows) -> Iterator[list[Found]]:
        """Yield the receipts that others have read from boards since the last look.

        InputError as in `compare`: of two sites that began together, both may come late.
        """
        for name, length in database.others().items():
            if self._seen.get(name, 0) > length:
                del self._seen[name]
            while (seen := self._seen.get(name, 0)) < length:
                upto = min(seen + _SPAN_ROWS, length)
                found: list[Found] = []
                for row in database.told_between(name, seen, upto, "receipt", "site"):
                    content = row.content()
                    self._require_other(name, content)
                    if isinstance(content, kinds.ReceiptRow):
                        found.append((name, receipt_of(content)))
                self._seen[name] = upto
                if found:
                    yield found

    def _require_other(self, name: str, content: kinds.Content) -> None:
        if isinstance(content, kinds.SiteRow) and content.number == self._site.number:
            raise InputError(
                f"site {name} has the number {content.number} too: of two sites of one number, the"
                " newer must take another and begin a new ledger"
            )
