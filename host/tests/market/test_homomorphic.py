# SPDX-License-Identifier: MIT
"""Paillier sums of signed words; small keys, as only the arithmetic is under test."""

import math

from crowdcharge.market.homomorphic import KeyHolder, add_encrypted, encrypted_answer
from crowdcharge.market.shared import terms_of

from .markets import random_market


def test_the_sum_of_ciphertexts_decrypts_to_the_sum_of_answers(rng):
    holder = KeyHolder(1024)
    for tight, price in ((False, None), (True, 20 << 48), (True, 40 << 48)):
        terms = terms_of(random_market(rng, 5, tight=tight))
        sent = [encrypted_answer(holder.public, each, price) for each in terms]
        c, s = holder.sums(add_encrypted(holder.public, sent))
        assert c == math.ldexp(sum(each.answer(price)[0] for each in terms), -48)
        assert s == math.ldexp(sum(each.answer(price)[1] for each in terms), -48)


def test_the_same_answer_encrypts_to_another_number_each_time(rng):
    holder = KeyHolder(1024)
    terms = terms_of(random_market(rng, 2, tight=False))[1]
    assert encrypted_answer(holder.public, terms, None) != encrypted_answer(
        holder.public, terms, None
    )
