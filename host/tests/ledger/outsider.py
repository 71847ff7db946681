# SPDX-License-Identifier: MIT
"""A check of a ledger by somebody who has docs/reference/ledger.md and none of our code."""

import hashlib
import hmac
import json
import sqlite3
import struct
from collections import Counter

SIGNED = "version board_id epoch transfer_id role peer energy_mJ duration_ms peak_mW peak_dC ept "
SIGNED += "soc_before_permille soc_after_permille odometer_mJ group_id granter flags"
LAYOUTS = {1: "<BHHIBHIIIhBHHI", 2: "<BHHIBHIIIhBHHIHHB"}
JUDGED = ["open", "member", "receipt", "passed", "state", "reward", "bargain", "credit"]
NEXT = {"gap": ["receipt"], "entry": ["entry", "state"]}  # what may follow


def text(said):
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def check(path, keys):
    """Return findings, and counts of what nobody signed; `keys`: of each board, oldest first."""
    wrong, unsigned, book, waiting, previous = [], Counter(), Book(keys), [], "0" * 64
    file = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = file.execute("SELECT seq, kind, body, hash FROM journal ORDER BY seq")
    for number, (seq, kind, body, digest) in enumerate(rows, start=1):
        chain = f"{previous}\n{number}\n{kind}\n{body}".encode()
        if seq != number or hashlib.sha256(chain).hexdigest() != digest:
            return [*wrong, f"row {number}: the chain is broken"], unsigned
        before, waiting, previous = waiting, [], digest
        try:
            said = json.loads(body, parse_float=int)
            assert text(said) == body, "not canonical"
            assert all(kind in NEXT[each] for each, _ in before), "not what must follow"
            waiting = [*before, (kind, said)] if kind in NEXT else []
            earned, book.earned = book.earned, None
            assert text(said if kind == "credit" else None) == text(earned), "not what was earned"
            judge = getattr(book, kind) if kind in JUDGED else None  # else: the host's word
            unsigned[judge(said, [row for _, row in before]) if judge else kind] += 1
        except (AssertionError, ValueError, LookupError, TypeError, struct.error) as error:
            wrong.append(f"row {number} ({kind}): {error!r}")
    wrong += ["postings without a state, or a gap without its receipt"] * bool(waiting)
    wrong += ["a state without its credit"] * bool(book.earned)
    unsigned["unsettled"] = sum(
        book.stands.get(each, [0])[0] != book.due(each)[0] for each in book.opens
    )
    return wrong, unsigned


class Book:
    """Each judge takes a row and those that wait for it, and returns as what the row counts."""

    def __init__(self, keys):
        self.keys, self.opens, self.stands, self.receipts = dict(keys), {}, {}, {}
        self.groups, self.odometers, self.brought = {}, {}, set()
        self.rule, self.rules, self.credits, self.earned = {"rule": "none"}, {}, {}, None

    def open(self, said, _):
        assert self.opens.setdefault(said["transfer_id"], said) is said, "opened twice"
        self.groups[said["transfer_id"]] = None, [said]  # a transfer is a group of one
        self.rules[said["transfer_id"]] = self.rule
        return "open"

    def member(self, said, _):
        number, head = said["transfer_id"], said["head_id"]
        mine = self.opens[number]
        assert self.groups[number] == (None, [mine]) and number not in self.stands, "too late"
        name, of = (said["group_id"], []) if head == number else self.groups[head]
        of.append(mine)
        self.groups[number] = name, of
        receivers = {each["prx"] for each in of if each["ptx"] == mine["ptx"]} - {0}
        assert name == said["group_id"] and len(receivers) == len(of), "no member of that group"
        return "member"

    def receipt(self, said, gaps):
        raw, told, key = self.told(said)
        shown = {name: None if "soc" in name and v == 0xFFFF else v for name, v in told.items()}
        assert text(said | {"version": raw[0]}) == text(shown | {"raw": raw.hex()}), (
            "was not signed"
        )
        end_mJ, start_mJ = told["odometer_mJ"], (told["odometer_mJ"] - told["energy_mJ"]) % 2**32
        gap = {"from_mJ": self.odometers.get((key[0], key[2]), start_mJ), "to_mJ": start_mJ}
        self.odometers[key[0], key[2]] = end_mJ
        gap |= {name: told[name] for name in ("board_id", "role", "epoch")}
        assert text(gaps) == text([gap] * (gap["from_mJ"] != start_mJ)), "the odometer jumps"
        first = self.receipts.setdefault(key, told)
        assert first is told or (first == told and key in self.brought), "a second receipt"
        self.brought.discard(key)
        return self.signed(raw, key[0])

    def passed(self, said, _):
        raw, told, key = self.told(said)
        shown = {name: said[name] for name in ("board_id", "transfer_id", "role", "energy_mJ")}
        assert said == shown | {"raw": raw.hex(), "finder": said["finder"]}
        assert shown.items() <= told.items(), "was not signed"
        assert self.opens[key[1]]["ptx" if key[2] == 1 else "prx"] == key[0], "settles nothing"
        assert self.receipts.setdefault(key, told) is told, "a second receipt"
        self.brought.add(key)  # the board itself may tell it as well
        return self.signed(raw, key[0])

    def told(self, said):
        raw = bytes.fromhex(said["raw"])
        told = dict(zip(SIGNED.split(), struct.unpack(LAYOUTS[raw[0]], raw[:-16]), strict=False))
        return raw, told, (told["board_id"], told["transfer_id"], told["role"])

    def signed(self, raw, board):
        mine = self.keys.get(board, [])
        tags = [
            hmac.digest(each, b"crowdcharge receipt" + raw[:-16], "sha256")[:16] for each in mine
        ]
        assert not tags or raw[-16:] in tags, "a wrong signature"
        self.keys[board] = mine[tags.index(raw[-16:]) :] if tags else []
        return "checked" if tags else "signature"

    def state(self, said, postings):
        number = said["transfer_id"]
        stood, booked = self.stands.get(number, (None, {}))
        state, sums = self.stands[number] = self.due(number)
        assert text([said["state"], said["ept_ptx"], said["ept_prx"]]) == text(state)
        due = {name: sums[name] - booked.get(name, 0) for name in sums}
        rows = [{"transfer_id": number, "account": k, "amount_mJ": v} for k, v in due.items() if v]
        assert sorted(map(text, postings)) == sorted(map(text, rows)), "not by the receipts"
        assert rows or state != stood, "settled again"
        if state[0] == "settled":
            self.earned = self.earns(number, sums)
        return "checked"

    def reward(self, said, _):
        assert said["rule"] in ("none", "received"), "an unknown rule"
        self.rule = said
        return "reward"

    def bargain(self, said, _):
        self.rules.pop(said["transfer_id"], None)  # it is paid for
        return "bargain"

    def credit(self, *_):
        return "checked"  # every row is, against what the one before it earned

    def earns(self, number, sums):
        """Return the credit that must follow, and book it; None: none may."""
        ptx, prx = self.opens[number]["ptx"], self.opens[number]["prx"]
        sent_mJ, received_mJ = -sums[f"board:{ptx}"], sums[f"board:{prx}"]
        rule = self.rules.pop(number, {"rule": "none"})
        if rule["rule"] == "none" or not prx or received_mJ * 1000 < sent_mJ * 400:
            return None
        balances = self.credits.setdefault(rule["crowd"], Counter())
        amount_mJ = min(sent_mJ, received_mJ, balances[prx] + rule["allowance_mJ"])
        if amount_mJ <= 0:
            return None
        balances[prx] -= amount_mJ
        balances[ptx] += amount_mJ
        said = {"transfer_id": number, "crowd": rule["crowd"], "amount_mJ": amount_mJ}
        return said | {"debtor": prx, "creditor": ptx}

    def due(self, number):
        """Return state and end codes, and sums by account, by the receipts so far."""
        name, of = self.groups[number]
        ptx, n = of[0]["ptx"], [each["transfer_id"] for each in of].index(number)
        sent = self.receipts.get((ptx, of[0]["transfer_id"], 1))
        got = [self.receipts.get((each["prx"], each["transfer_id"], 2)) for each in of]
        energies = [each["energy_mJ"] if each else 0 for each in got]
        parts = apportioned(sent["energy_mJ"], energies) if sent else energies
        state = "one-sided" if any(parts) else "void"
        if sent and not of[0]["prx"]:
            state = "settled"
        elif sent and all(got):
            most_mJ = sent["energy_mJ"] + sent["energy_mJ"] // 50
            most_mJ += sum(each["peak_mW"] * 500 // 1000 for each in got)
            peers = [of[0]["prx"] if name is None else len(of), *[ptx] * len(of)]
            fits = sum(energies) <= most_mJ and peers == [each["peer"] for each in (sent, *got)]
            fits &= name is None or all(
                each["group_id"] == (0 if each["ept"] == 0x8D else name) for each in (sent, *got)
            )
            state = "settled" if fits else "disputed"
        sums = {f"board:{ptx}": -parts[n], f"board:{of[n]['prx']}": energies[n]}
        codes = [each and each["ept"] for each in (sent, got[n])]
        return [state, *codes], sums | {"loss": parts[n] - energies[n]}


def apportioned(total, weights):
    """Return whole parts of the total; what rounding leaves goes to the largest remainders."""
    weights = weights if any(weights) else [1] * len(weights)
    parts = [total * each // sum(weights) for each in weights]
    ranks = sorted(range(len(parts)), key=lambda k: -(total * weights[k] % sum(weights)))
    return [part + (k in ranks[: total - sum(parts)]) for k, part in enumerate(parts)]
