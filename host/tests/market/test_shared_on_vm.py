# SPDX-License-Identifier: MIT
"""The same negotiation, each party in a MicroPython VM of its own: only bytes between them."""

import json
import subprocess
from pathlib import Path

import pytest

from crowdcharge.bench.board.micropython import binary
from crowdcharge.market import clear
from crowdcharge.market.shared import Negotiation, resolution, terms_of

from .markets import random_market

FIRMWARE = Path(__file__).parents[3] / "firmware"

# One line in, one line out: [method, arguments] -> result. Bytes travel as hex.
BOARD = """
import json, os, sys
sys.path.insert(0, FIRMWARE)
from binascii import hexlify, unhexlify
from hashlib import sha256
from wptcore.market import Peer, Terms
peer = None
while True:
    line = sys.stdin.readline()
    if not line:
        break
    method, arguments = json.loads(line)
    if method == "new":
        peer = Peer(sha256, os.urandom, Terms(*[int(x) for x in arguments]), b"vm session")
        result = hexlify(peer.public_key).decode()
    elif method == "join":
        result = peer.join([unhexlify(key) for key in arguments])
    elif method == "answer":
        price = None if arguments[1] is None else int(arguments[1])
        result = [str(word) for word in peer.answer(arguments[0], price)]
    else:
        own = peer.open(arguments[0], [unhexlify(key) for key in arguments[1]])
        result = None if own is None else [str(word) for word in own]
    print(json.dumps(result))
"""


class RemotePeer:
    """Has the methods of wptcore.market.Peer; the peer itself lives in the VM."""

    def __init__(self, terms):
        code = BOARD.replace("FIRMWARE", repr(str(FIRMWARE)))
        self.process = subprocess.Popen(
            [str(binary()), "-X", "heapsize=192k", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        numbers = [str(x) for x in (terms.a, terms.b, terms.low, terms.high)]
        self.public_key = bytes.fromhex(self.call("new", numbers))

    def call(self, method, arguments):
        self.process.stdin.write(json.dumps([method, arguments]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def join(self, roster):
        self.call("join", [key.hex() for key in roster])

    def answer(self, round_no, price):
        asked = None if price is None else str(price)
        return tuple(int(word) for word in self.call("answer", [round_no, asked]))

    def open(self, round_no, present):
        own = self.call("open", [round_no, [key.hex() for key in present]])
        return own and tuple(int(word) for word in own)

    def close(self):
        self.process.communicate(timeout=60)


@pytest.mark.vm
@pytest.mark.parametrize("tight", [False, True])
def test_eight_boards_and_a_hub_on_nine_vms_find_the_price(rng, tight):
    market = random_market(rng, 8, "discharge", tight=tight)
    peers = {i: RemotePeer(terms) for i, terms in enumerate(terms_of(market))}
    try:
        agreed = Negotiation(peers).run()
        assert agreed.confirmed
        price = clear(market).price
        assert abs(agreed.price - price) <= resolution(market, price)
    finally:
        for peer in peers.values():
            peer.close()
