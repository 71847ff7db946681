# SPDX-License-Identifier: MIT
"""Strangers that connect, hold and come again at once: how long is the owner kept out?

The links are the core's. Around them is the least kind air: whoever waits for a free slot wins it
with equal chance, a stranger waits at all times, and the owner needs OWNER_ms from its connection
to Hello (Linux reads all services first). A link that the board ends is gone one pass later. Not
modelled: strangers that hear adverts sooner than the owner, who win more often. `WORST_s` is what
docs/explanation/security.md quotes.
"""

import hashlib

from support import HOST_NONCE, KEY, NONCE
from wptcore import auth, ept, links, wire

PASS_ms = 100
OWNER_ms = 1500
RUNS = 100
# (links, strangers): the time in s within which the owner was in, in 95 and in 100 of 100 runs
WORST_s = {
    (1, 1): (14, 24),
    (1, 3): (30, 55),
    (1, 6): (50, 90),
    (3, 1): (2, 2),
    (3, 3): (8, 8),
    (3, 6): (15, 33),
}
RELAYED_WORST_s = 15


class Chance:
    """The same numbers on every VM (a linear congruential generator)."""

    def __init__(self, seed):
        self.state = seed * 7919 + 1

    def below(self, n):
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.state >> 16) % n


class Siege:
    def __init__(self, links_max, seed):
        self.links = links.Links(KEY, hashlib.sha256, links_max)
        self.links_max = links_max
        self.chance = Chance(seed)
        self.waiting = []
        self.held = {}  # handle: who holds it
        self.handle = 0
        self.now_ms = 0
        self.owner_since_ms = -1

    def connect(self, who):
        self.handle += 1
        self.held[self.handle] = who
        self.links.open(self.handle, NONCE)
        if who == "owner":
            self.owner_since_ms = self.now_ms

    def fill(self):
        while len(self.held) < self.links_max and self.waiting:
            self.connect(self.waiting.pop(self.chance.below(len(self.waiting))))

    def drop(self):
        handle = self.links.unwelcome()
        if handle >= 0:
            self.links.close(handle)
            self.waiting.append(self.held.pop(handle))

    def hello(self, handle):
        key = auth.session_key(hashlib.sha256, KEY, NONCE, HOST_NONCE)
        frame = wire.pack_frame(wire.HELLO, 1, 0, HOST_NONCE)
        frame += auth.tag(hashlib.sha256, key, auth.FROM_HOST, frame)
        assert self.links.check(handle, frame, self.now_ms) == ept.NONE

    def owner_is_in(self):
        for handle, who in self.held.items():
            if who == "owner" and self.now_ms - self.owner_since_ms >= OWNER_ms:
                self.hello(handle)
                return True
        return False

    def until_owner_is_in_s(self, limit_s=600):
        while not self.owner_is_in():
            self.now_ms += PASS_ms
            self.links.elapse(PASS_ms)
            self.drop()
            self.fill()
            if self.now_ms > limit_s * 1000:
                return limit_s
        return self.now_ms / 1000


def besieged_s(links_max, strangers, seed):
    siege = Siege(links_max, seed)
    siege.waiting = ["stranger"] * strangers
    siege.fill()  # they were there first
    siege.waiting.append("owner")
    return siege.until_owner_is_in_s()


def measured():
    """Return rows of (links, strangers, median, 95 of 100, worst), in s."""
    rows = []
    for links_max, strangers in sorted(WORST_s):
        times_s = sorted(besieged_s(links_max, strangers, seed) for seed in range(RUNS))
        rows.append((links_max, strangers, times_s[RUNS // 2], times_s[94], times_s[-1]))
    return rows


def test_squatters_do_not_keep_the_owner_out():
    for links_max, strangers, _, usual_s, worst_s in measured():
        stated = WORST_s[(links_max, strangers)]
        assert (usual_s <= stated[0]) and (worst_s <= stated[1]), (links_max, strangers, worst_s)


def test_relayed_hellos_hold_every_link_for_two_leases_and_no_longer():
    for links_max in (1, 3):
        siege = Siege(links_max, 1)
        siege.waiting = ["relay"] * links_max
        siege.fill()
        for handle in list(siege.held):
            siege.hello(handle)
        siege.waiting.append("owner")
        # A relay has one Hello for each link: it cannot make another without the owner.
        assert siege.until_owner_is_in_s() <= RELAYED_WORST_s
