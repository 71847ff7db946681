# SPDX-License-Identifier: MIT
"""What is wrong in the chains of several sites: SQL that their database answers by itself."""

from ..books.cluster import OWNER, Cluster

# By transfer: what is posted over all chains, and what the boards' receipts say, each once.
# A board's own count is of its newest epoch: a power cut takes back what it had not stored yet.
WRONG = {
    "opened by two sites, or by one whose number it does not carry": """
SELECT transfer_id FROM crowdcharge.transfers JOIN (
    SELECT site, (body::json ->> 'number')::bigint AS number FROM crowdcharge.journal
    WHERE kind = 'site') AS numbers USING (site)
GROUP BY transfer_id HAVING count(*) > 1 OR min(number) <> floor(transfer_id / 4194304)
""",
    "booked by a site that did not open it": """
SELECT e.transfer_id FROM crowdcharge.entries e LEFT JOIN crowdcharge.transfers t
USING (site, transfer_id) WHERE t.transfer_id IS NULL
""",
    "lost, doubled or invented": """
WITH told AS (
    SELECT DISTINCT board_id, transfer_id, role, "energy_mJ" FROM crowdcharge.receipts
), booked AS (
    SELECT t.transfer_id, b.board_id, b.role, coalesce(sum(e."amount_mJ"), 0) * b.sign AS mj
    FROM crowdcharge.transfers t
    CROSS JOIN LATERAL (VALUES (t.ptx, 1, -1), (t.prx, 2, 1)) AS b(board_id, role, sign)
    LEFT JOIN crowdcharge.entries e
        ON e.transfer_id = t.transfer_id AND e.account = 'board:' || b.board_id
    GROUP BY t.transfer_id, b.board_id, b.role, b.sign
)
SELECT transfer_id, board_id, role, booked.mj, told."energy_mJ" FROM booked
FULL JOIN told USING (transfer_id, board_id, role)
WHERE coalesce(booked.mj, 0) <> coalesce(told."energy_mJ", 0)
""",
    "metered by a board and on no receipt, or on two": """
SELECT * FROM (
    SELECT board_id, role, "odometer_mJ" - "energy_mJ" AS from_mj,
        coalesce(lag("odometer_mJ") OVER (PARTITION BY board_id, role ORDER BY "odometer_mJ"), 0)
            AS before_mj
    FROM (SELECT DISTINCT board_id, role, transfer_id, "odometer_mJ", "energy_mJ"
        FROM crowdcharge.receipts WHERE "energy_mJ" > 0) AS told
) AS steps WHERE from_mj <> before_mj
""",
    "not as the board's own count": """
SELECT board_id FROM (
    SELECT DISTINCT ON (board_id) board_id, max("sent_mJ") AS sent, max("received_mJ") AS received
    FROM crowdcharge.readings GROUP BY board_id, epoch ORDER BY board_id, epoch DESC
) AS counts WHERE sent <> (
    SELECT coalesce(max("odometer_mJ"), 0) FROM crowdcharge.receipts r
    WHERE r.board_id = counts.board_id AND role = 1
) OR received <> (
    SELECT coalesce(max("odometer_mJ"), 0) FROM crowdcharge.receipts r
    WHERE r.board_id = counts.board_id AND role = 2
)
""",
}

# A board told a site more of a transfer than its receipt has: then another site had it meanwhile.
# A power cut (end code 141) takes back what was told and not stored.
WRONG["granted by two sites at once"] = """
SELECT s.transfer_id, s.board_id FROM crowdcharge.samples s
JOIN (SELECT DISTINCT board_id, transfer_id, role, "energy_mJ", ept FROM crowdcharge.receipts) r
USING (board_id, transfer_id, role) WHERE s."energy_mJ" > r."energy_mJ" AND r.ept <> 141
"""
UNFINISHED = """
SELECT transfer_id, state FROM crowdcharge.transfers LEFT JOIN (
    SELECT DISTINCT ON (transfer_id) transfer_id, state FROM crowdcharge.states
    ORDER BY transfer_id, seq DESC
) AS newest USING (transfer_id) WHERE coalesce(state, 'open') IN ('open', 'one-sided')
"""


def wrong_in(cluster: Cluster, database: str) -> list[str]:
    """Return what is wrong, with the rows that show it."""
    found = {what: cluster.sql(query, database, OWNER) for what, query in WRONG.items()}
    return [f"{what}: {rows}" for what, rows in found.items() if rows]


def unfinished_in(cluster: Cluster, database: str) -> list[str]:
    """Return what is not settled, as it must be once every site has heard every board."""
    rows = cluster.sql(UNFINISHED, database, OWNER)
    return [f"not settled: {rows}"] if rows else []
