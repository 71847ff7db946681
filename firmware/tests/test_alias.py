# SPDX-License-Identifier: MIT
"""A hidden board: strangers see noise, members read it, hosts that have its key know it."""

import hashlib
import os

from peers import CROWD_KEY, Node, Room
from support import KEY, make_board
from wptcore import alias, mandate, peer_keys, wire
from wptcore.alias import Alias

HOST = alias.host_key(hashlib.sha256, KEY)
CROWD = peer_keys.alias_key(hashlib.sha256, CROWD_KEY, 0)


def packed(board_id=3, state=0x20, soc_pct=61, nonce=bytes(range(6)), host=HOST, crowd=CROWD):
    return alias.pack(hashlib.sha256, host, crowd, nonce, board_id, state, soc_pct)


def test_an_alias_has_the_size_of_a_beacon_and_is_none():
    data = packed()
    assert len(data) == wire.BEACON_SIZE and alias.is_alias(data)
    try:
        wire.unpack_beacon(data)
    except ValueError:
        pass
    else:
        raise AssertionError("an alias reads as a beacon")
    assert not alias.is_alias(data[:-1]) and not alias.is_alias(bytes(24))


def test_members_read_it_and_hosts_know_it():
    data = packed()
    assert alias.read(hashlib.sha256, CROWD, data) == (3, 0x20, 61)
    assert alias.is_of(hashlib.sha256, HOST, data)
    other = peer_keys.alias_key(hashlib.sha256, CROWD_KEY, 1)  # a member has left
    assert alias.read(hashlib.sha256, other, data) is None
    assert alias.read(hashlib.sha256, b"", data) is None
    assert not alias.is_of(hashlib.sha256, alias.host_key(hashlib.sha256, bytes(32)), data)


def test_an_altered_alias_is_read_by_nobody():
    data = packed()
    for at in range(2, len(data)):
        altered = bytearray(data)
        altered[at] ^= 1
        assert alias.is_of(hashlib.sha256, HOST, altered) == (at >= 14)
        read = alias.read(hashlib.sha256, CROWD, altered)
        assert (read is not None) == (8 <= at < 14)  # what only hosts look at


def shown_in_an_hour(board, turns):
    """Return what a listener hears in an hour: (address, advert), an address a turn."""
    hidden = Alias(board, hashlib.sha256, os.urandom, HOST, CROWD)
    heard, address = [], os.urandom(6)
    for second in range(3600):
        if second % 60 == 0:
            board.soc_permille = 200 + second // 60 * 10
        hidden.elapse(1000)
        if hidden.is_due:
            address = os.urandom(6)
            hidden.turn()
            turns.append(second)
        heard.append((address, hidden.data()))
    return heard


def test_an_hour_of_adverts_links_no_two_aliases_but_a_member_links_all():
    turns = []
    heard = shown_in_an_hour(make_board(), turns)
    lasted_s = [turns[i + 1] - turns[i] for i in range(len(turns) - 1)]
    assert all(480 <= each <= 900 for each in lasted_s) and len(set(lasted_s)) > 1
    assert 60 <= len({data for _, data in heard}) <= 60 + len(turns)
    addresses = {address for address, _ in heard}
    assert len(addresses) == len(turns)
    of_address = {each: {data for at, data in heard if at == each} for each in addresses}
    pieces = {}  # every six bytes behind magic and version, by the addresses that showed them
    for address, datas in of_address.items():
        for data in datas:
            assert data[:2] == packed()[:2]  # what all hidden boards have in common
            for i in range(2, len(data) - 5):
                pieces.setdefault(data[i : i + 6], set()).add(address)
    assert all(len(at) == 1 for at in pieces.values())
    for at in range(2, wire.BEACON_SIZE):  # no byte stays, and none counts up
        values = [data[at] for data in dict.fromkeys(data for _, data in heard)]
        assert len(set(values)) > 20
        steps = [(values[i + 1] - values[i]) & 0xFF for i in range(len(values) - 1)]
        assert max(steps.count(step) for step in set(steps)) < 10
    found = {alias.read(hashlib.sha256, CROWD, data)[0] for _, data in heard}
    assert found == {3}


def test_a_hidden_giver_is_asked_by_members_only():
    owner = bytes(32)
    key = mandate.board_key(hashlib.sha256, owner, 1)
    for crowd_alias, met in ((CROWD.hex(), True), ("", False)):
        giver, taker = Node(1, 900, owner_key=key), Node(2, 300)
        fields = (1, 1, 3, 0, 0, mandate.HIDDEN, 0, 0, 0, 0, 1000, 0)
        giver.board.take_mandate(mandate.pack(hashlib.sha256, key, fields))
        hidden = Alias(giver.board, hashlib.sha256, os.urandom, HOST, CROWD)
        giver.beacon = hidden.data
        taker.crowd = dict(taker.crowd, alias=crowd_alias)
        taker.boot()
        assert giver.board.consent.is_hidden
        assert Room(giver, taker).run(3000).nodes[0].board.coil_on == met
