# SPDX-License-Identifier: MIT
"""Two hosts and one proxy that serves whoever asked last."""

from crowdcharge.radio.esphome_claim import ProxyClaim

NOTICE_s = 7.0  # until a host sees that it was robbed
DAY_s = 86_400.0


class Rival:
    """A host that looks once a second."""

    def __init__(self) -> None:
        self.claim = ProxyClaim()
        self.robbed_s: float | None = None

    def wants(self, now_s: float, has_it: bool) -> bool:
        if has_it or now_s < self.claim.left_until_s:
            self.robbed_s = None
            return False
        self.robbed_s = now_s if self.robbed_s is None else self.robbed_s
        left = self.claim.left_until_s == now_s
        if not left and now_s - self.robbed_s < NOTICE_s:
            return False
        self.robbed_s = None
        return left or self.claim.lost(now_s)


def test_of_two_hosts_one_keeps_it_and_the_other_asks_ever_less() -> None:
    rivals = [Rival(), Rival()]
    owner, takings, held_s = 0, [], [0, 0]
    rivals[0].claim.taken(0.0)
    for second in range(int(DAY_s)):
        now_s = float(second)
        for each, rival in enumerate(rivals):
            if now_s and rival.wants(now_s, owner == each):
                owner = each
                takings.append(now_s)
                rival.claim.taken(now_s)
        held_s[owner] += 1
    assert len(takings) < 70
    assert sum(at_s > DAY_s / 2 for at_s in takings) <= 2 * 12 + 2, "once an hour, and back"
    assert max(held_s) > 0.99 * DAY_s


def test_a_host_that_takes_it_once_a_day_does_not_keep_it() -> None:
    claim = ProxyClaim()
    claim.taken(0.0)
    for day in range(1, 10):
        assert claim.lost(day * DAY_s)
        claim.taken(day * DAY_s)
