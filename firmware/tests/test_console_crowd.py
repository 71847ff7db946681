# SPDX-License-Identifier: MIT
"""What the console stores of a crowd and of consent, and what it refuses."""

import hashlib

from wptcore import console_crowd
from wptcore.peer_desk import Membership

KEY = "ab" * 32


def stored_by(*lines):
    stored = {}
    for line in lines:
        command, *arguments = line.split()
        name, changed, _ = console_crowd.run(stored, command, arguments)
        if changed is None:
            stored.pop(name, None)
        else:
            stored[name] = changed
    return stored


def refused(stored, line):
    command, *arguments = line.split()
    try:
        console_crowd.run(stored, command, arguments)
    except ValueError as error:
        return str(error).split(":")[0]
    return ""


def test_a_board_joins_and_leaves():
    lines = ["crowd 77 %s online-average" % KEY, "peer 2 %s" % KEY, "peer 3 %s" % KEY, "agreed 5"]
    stored = stored_by(*lines)
    member = Membership(stored["crowd"])
    assert (member.crowd_id, member.policy, member.agreed) == (77, "online-average", (5,))
    assert member.key_to(2) == bytes.fromhex(KEY) and member.key_to(9) == b""
    shown = dict(console_crowd.describe(stored, hashlib.sha256, lambda _sha256, key: len(key)))
    assert (shown["crowd"], shown["crowd_root"], shown["crowd_peers"]) == (77, 32, 2)
    assert KEY not in str(shown)
    again = stored_by(*lines, "crowd 77 %s small-transfer" % KEY)["crowd"]
    assert again["peers"] == {} and again["agreed"] == [5]  # keys of the old root are worthless
    assert stored_by(*lines, "crowd 0 - -") == {}


def test_an_agreement_may_have_a_quota():
    lines = ["crowd 77 %s online-average" % KEY, "agreed 5:3600000,6"]
    crowd = stored_by(*lines)["crowd"]
    assert (crowd["agreed"], crowd["quotas"]) == ([5, 6], {"5": 3600000})
    assert stored_by(*lines, "crowd 77 %s small-transfer" % KEY)["crowd"]["quotas"]
    assert stored_by(*lines, "agreed 5")["crowd"]["quotas"] == {}
    stored = stored_by(*lines)
    nine = ",".join("%d:1" % number for number in range(1, 10))
    for line in ("agreed 5:", "agreed 5:0", "agreed 5:x", "agreed " + nine):
        assert refused(stored, line) == "range", line


def test_consent():
    assert stored_by("consent host,crowd 5000")["consent"] == {
        "to": ["host", "crowd"],
        "day_mJ": 5000,
    }
    assert stored_by("consent nobody 0")["consent"] == {"to": [], "day_mJ": 0}
    assert refused({}, "consent everybody 0") == "range"
    assert stored_by("consent host,strangers 0")["consent"]["to"] == ["host", "strangers"]
    assert refused({}, "consent host -5") == "range"
    assert refused({}, "consent host") == "usage"


def test_the_owners_key():
    assert stored_by("owner %s" % KEY) == {"owner_key": KEY}
    assert stored_by("owner %s" % KEY, "owner nobody") == {}
    assert refused({}, "owner abcd") == "range"
    assert refused({"owner_key": KEY}, "consent host 0") == "owner"
    shown = dict(
        console_crowd.describe({"owner_key": KEY}, hashlib.sha256, lambda _s, key: len(key))
    )
    assert shown["owner"] == 32
    _, _, answer = console_crowd.run({}, "owner", [KEY])
    assert KEY not in str(answer)


def test_what_is_no_crowd_is_refused():
    assert refused({}, "crowd 77 %s greedy" % KEY) == "range"
    assert refused({}, "crowd 77 abcd oblivious-share") == "range"
    assert refused({}, "crowd 4294967296 %s oblivious-share" % KEY) == "range"
    assert refused({}, "peer 2 %s" % KEY) == "crowd"
    joined = stored_by("crowd 77 %s oblivious-share" % KEY)
    assert refused(joined, "peer 0 %s" % KEY) == "range"
    assert refused(joined, "agreed 0") == "range"
    for number in range(1, 65):
        joined["crowd"] = console_crowd.add_peer(joined, str(number), KEY)
    assert refused(joined, "peer 65 %s" % KEY) == "range"
