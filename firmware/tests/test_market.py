# SPDX-License-Identifier: MIT
"""The peer's side of the market: integers that agree with the formulas, masks that cancel."""

from hashlib import sha256

from wptcore import market
from wptcore.market import FRACTION_BITS, MODULUS, Peer, Terms, divide, energy_mJ, signed

ONE = 1 << FRACTION_BITS
SESSION = b"session 1"


def make_random(seed):
    """Hashes a counter, which gives the same bytes on every VM. Real peers draw at random."""
    counter = [0]

    def random(size):
        data = b""
        while len(data) < size:
            counter[0] += 1
            data += sha256(bytes([seed, counter[0]])).digest()
        return data[:size]

    return random


def make_terms(n):
    """Make sellers like the lane paper's EVs, and a buyer: a = 0.2, b = 28 + k/8, up to 15 Wh."""
    terms = [Terms(ONE // 5, 28 * ONE + k * ONE // 8, 0, 15 * ONE) for k in range(n - 1)]
    terms.append(Terms(ONE // 100, 32 * ONE, -700 * ONE, 0))
    return terms


def make_peers(n, trusted=None):
    terms = make_terms(n)
    peers = [Peer(sha256, make_random(i), terms[i], SESSION, trusted) for i in range(n)]
    roster = [peer.public_key for peer in peers]
    for peer in peers:
        peer.join(roster)
    return peers, roster


def opened_sum(peers, roster, round_no, price):
    c = s = 0
    for peer in peers:
        answer = peer.answer(round_no, price)
        c += answer[0]
        s += answer[1]
    for peer in peers:
        own = peer.open(round_no, roster)
        c -= own[0]
        s -= own[1]
    return signed(c), signed(s)


def refused(function, *arguments):
    try:
        function(*arguments)
    except ValueError:
        return True
    return False


def test_divide_rounds_half_up_on_both_sides_of_zero():
    assert [divide(n, 2) for n in (-3, -2, -1, 0, 1, 2, 3)] == [-1, -1, 0, 0, 1, 1, 2]
    assert divide(7, 3) == 2
    assert divide(8, 3) == 3


def test_signed_reads_a_sum_modulo_2_to_the_128():
    assert signed(5) == 5
    assert signed(MODULUS - 5) == -5
    assert signed((1 << 127) - 1) == (1 << 127) - 1
    assert signed(1 << 127) == -(1 << 127)


def test_energy_follows_the_price_within_its_bounds():
    terms = Terms(ONE // 4, 28 * ONE, 0, 3 * ONE)
    assert terms.energy(27 * ONE) == 0
    assert terms.energy(29 * ONE) == 2 * ONE
    assert terms.energy(40 * ONE) == 3 * ONE
    assert energy_mJ(2 * ONE) == 7_200_000


def test_an_answer_is_the_line_of_twice_the_energy():
    terms = Terms(ONE // 4, 28 * ONE, 0, 3 * ONE)
    assert terms.answer(None) == (28 * 4 * ONE, 4 * ONE)
    assert terms.answer(29 * ONE) == (28 * 4 * ONE, 4 * ONE)
    assert terms.answer(27 * ONE) == (0, 0)
    assert terms.answer(40 * ONE) == (-6 * ONE, 0)


def test_terms_out_of_range_are_refused():
    for a, b, low, high in (
        (0, 1, 0, 1),
        (-1, 1, 0, 1),
        (1, 0, 0, 1),
        (1, 1, 1, 2),
        (1, 1, -2, -1),
    ):
        assert refused(Terms, a, b, low, high)


def test_the_masks_cancel_in_the_sum_and_nowhere_else():
    peers, roster = make_peers(4)
    terms = make_terms(4)
    total = opened_sum(peers, roster, 0, None)
    assert total == (sum(t.answer(None)[0] for t in terms), sum(t.answer(None)[1] for t in terms))
    answers = [peer.answer(1, None) for peer in peers]
    for i in range(4):
        assert answers[i] != terms[i].answer(None)
        own = peers[i].open(1, roster)
        unmasked = tuple((answers[i][k] - own[k]) % MODULUS for k in (0, 1))
        assert unmasked != terms[i].answer(None)  # the pair masks remain


def test_the_market_clears_on_the_answers():
    peers, roster = make_peers(4)
    c, s = opened_sum(peers, roster, 0, None)
    price = divide(c << FRACTION_BITS, s)
    energies = [t.energy(price) for t in make_terms(4)]
    assert abs(sum(energies)) <= (s >> FRACTION_BITS) + 4  # the price is rounded to 2^-48
    assert energies[3] < 0 < energies[0]
    assert opened_sum(peers, roster, 1, price) == (c, s)  # no bound was met


def test_a_round_is_answered_and_opened_once():
    peers, roster = make_peers(3)
    assert refused(peers[0].open, 0, roster)
    peers[0].answer(0, None)
    assert refused(peers[0].answer, 0, 30 * ONE)
    assert refused(peers[0].open, 1, roster)
    peers[0].answer(2, None)
    assert refused(peers[0].answer, 1, None)
    assert peers[0].open(2, roster) is not None
    assert refused(peers[0].open, 2, roster)
    assert refused(peers[0].answer, market.ROUNDS_MAX, None)


def test_a_round_with_a_peer_missing_is_dead_and_the_rest_start_again():
    peers, roster = make_peers(4)
    rest = peers[:3]
    present = roster[:3]
    for peer in rest:
        peer.answer(0, None)
    for peer in rest:
        assert peer.open(0, present) is None
        assert refused(peer.open, 0, roster)
        peer.join(present)
    terms = make_terms(4)[:3]
    assert opened_sum(rest, present, 1, None)[1] == sum(t.answer(None)[1] for t in terms)


def test_no_second_sum_over_fewer_peers():
    peers, roster = make_peers(4)
    opened_sum(peers, roster, 0, None)
    assert refused(peers[0].join, roster[:3])


def test_a_peer_asked_another_price_does_not_show_in_the_sums():
    peers, roster = make_peers(3)
    honest = opened_sum(peers, roster, 0, None)
    price_of = [None, None, 99 * ONE]
    c = s = 0
    for i in range(3):
        answer = peers[i].answer(1, price_of[i])
        own = peers[i].open(1, roster)
        c += answer[0] - own[0]
        s += answer[1] - own[1]
    difference = honest[1] - signed(s)
    assert abs(difference) > 1 << 100  # noise; the victim's slope is 100 << 48


def test_rosters_that_would_expose_a_peer_are_refused():
    peers, roster = make_peers(4)
    stranger = Peer(sha256, make_random(9), make_terms(2)[0], SESSION).public_key
    assert refused(peers[0].join, roster[:2])
    assert refused(peers[0].join, roster[1:])
    assert refused(peers[0].join, [roster[0], roster[1], roster[1]])
    assert refused(peers[0].join, [roster[0], roster[1], stranger])
    assert refused(peers[0].join, roster)
    fresh = Peer(sha256, make_random(5), make_terms(2)[0], SESSION)
    assert refused(fresh.answer, 0, None)
    assert refused(fresh.join, [fresh.public_key, roster[0], bytes(32)])


def test_a_swapped_key_is_refused_by_a_peer_that_knows_its_partners():
    _, roster = make_peers(3)
    peer = Peer(sha256, make_random(7), make_terms(2)[0], SESSION, set(roster[:2]))
    peer.join([peer.public_key, roster[0], roster[1]])
    other = Peer(sha256, make_random(8), make_terms(2)[0], SESSION, set(roster[:2]))
    assert refused(other.join, [other.public_key, roster[0], roster[2]])


def test_one_energy_at_the_price_of_an_opened_sum_and_then_silence():
    peers, roster = make_peers(3)
    peer = peers[0]
    assert refused(peer.commit, 30 * ONE)
    opened_sum(peers, roster, 0, 30 * ONE)
    assert refused(peer.commit, 31 * ONE)
    assert peer.commit(30 * ONE) == make_terms(3)[0].energy(30 * ONE)
    assert peer.commit(30 * ONE) == peer.commit(30 * ONE)
    assert refused(peer.answer, 1, 31 * ONE)
    assert refused(peer.open, 0, roster)
