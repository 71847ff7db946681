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
NEXT = {"gap": ["receipt"], "entry": ["entry", "state"]}


def text(said):
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def check(path, keys):
    """Return findings, and counts of what nobody signed; `keys`: of each board, oldest first."""
    wrong, unsigned, book, before = [], Counter(), Book(keys), []
    previous, file = "0" * 64, sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = file.execute("SELECT * FROM journal ORDER BY seq")
    for number, (seq, kind, body, digest) in enumerate(rows, start=1):
        chain = f"{previous}\n{number}\n{kind}\n{body}".encode()
        if seq != number or hashlib.sha256(chain).hexdigest() != digest:
            return [*wrong, f"row {number}: the chain is broken"], unsigned
        waiting, before, previous = before, [], digest
        try:
            said = json.loads(body, parse_float=int)
            assert text(said) == body, "not canonical"
            assert all(kind in NEXT[each] for each, _ in waiting), "not what must follow"
            before = [*waiting, (kind, said)] if kind in NEXT else []
            earned, book.earned = book.earned, None
            assert text(said if kind == "credit" else None) == text(earned), "not what was earned"
            if kind in ("receipt", "state"):
                unsigned[getattr(book, kind)(said, [row for _, row in waiting])] += 1
            elif kind == "passed":
                unsigned[book.passed(said)] += 1
            elif kind not in ("entry", "credit"):
                assert kind != "open" or book.open(said), "opened twice"
                book.rule = said if kind == "reward" else book.rule
                assert book.rule["rule"] in ("none", "received"), "an unknown rule"
                book.rules.pop(said["transfer_id"] if kind == "bargain" else None, None)
                assert kind != "member" or book.member(said), "no member of that group"
                unsigned[kind] += 1
        except (AssertionError, ValueError, LookupError, TypeError, struct.error) as error:
            wrong.append(f"row {number} ({kind}): {error!r}")
    wrong += ["postings without a state, or a gap without its receipt"] * bool(before)
    wrong += ["a state without its credit"] * bool(book.earned)
    states = {number: state for number, (state, _) in book.stands.items()}
    unsigned["unsettled"] = sum(states.get(each) != book.due(each)[0] for each in book.opens)
    return wrong, unsigned


class Book:
    def __init__(self, keys):
        self.keys, self.opens, self.stands, self.receipts, self.last = dict(keys), {}, {}, {}, {}
        self.groups, self.heads = {}, {}
        self.rule, self.rules, self.credits, self.earned = {"rule": "none"}, {}, {}, None
        self.brought = set()  # receipts that were passed: the board itself may tell them as well

    def open(self, said):
        self.rules[said["transfer_id"]] = self.rule
        return self.opens.setdefault(said["transfer_id"], said) is said

    def earns(self, number, sent_mJ, received_mJ):
        ptx, prx = self.opens[number]["ptx"], self.opens[number]["prx"]
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

    def receipt(self, said, gaps):
        raw, told, key = self.told(said)
        shown = {name: None if "soc" in name and v == 0xFFFF else v for name, v in told.items()}
        assert text(shown | {"raw": said["raw"]}) == text(said | {"version": raw[0]}), (
            "shows what was not signed"
        )
        meter = {name: told[name] for name in ("board_id", "role", "epoch")}
        start_mJ, board = (told["odometer_mJ"] - told["energy_mJ"]) % 2**32, told["board_id"]
        from_mJ = self.last.get((board, told["role"]), start_mJ)
        due = [meter | {"from_mJ": from_mJ, "to_mJ": start_mJ}] if from_mJ != start_mJ else []
        self.last[board, told["role"]] = told["odometer_mJ"]
        first = self.receipts.setdefault(key, told)
        assert first is told or (first == told and key in self.brought), "a second receipt"
        self.brought.discard(key)
        assert text(gaps) == text(due), "the odometer does not continue"
        return self.signed(raw, board)

    def passed(self, said):
        raw, told, key = self.told(said)
        assert said.items() <= (told | {"raw": raw.hex(), "finder": said["finder"]}).items(), (
            "shows what was not signed"
        )
        board = self.opens[key[1]]["ptx" if key[2] == 1 else "prx"]
        assert board == key[0] and key not in self.receipts, "settles nothing"
        self.receipts[key] = told
        self.brought.add(key)
        return self.signed(raw, board)

    def told(self, said):
        raw = bytes.fromhex(said["raw"])
        told = dict(zip(SIGNED.split(), struct.unpack(LAYOUTS[raw[0]], raw[:-16]), strict=False))
        return raw, told, (told["board_id"], told["transfer_id"], told["role"])

    def signed(self, raw, board):
        body, mine = b"crowdcharge receipt" + raw[:-16], self.keys.get(board, [])
        tags = [hmac.digest(each, body, "sha256")[:16] for each in mine]
        assert not tags or raw[-16:] in tags, "a wrong signature"
        self.keys[board] = mine[tags.index(raw[-16:]) :] if tags else []
        return "checked" if tags else "signature"

    def state(self, said, postings):
        number = said["transfer_id"]
        state, totals = self.due(number)
        stood, booked = self.stands.get(number, (None, {}))
        due = {name: total - booked.get(name, 0) for name, total in totals.items()}
        now = [said["state"], said["ept_ptx"], said["ept_prx"]]
        assert text(now) == text(state), "not by the receipts"
        assert state != stood or any(due.values()), "settled again"
        told = [[each["transfer_id"], each["account"], each["amount_mJ"]] for each in postings]
        rows = [[number, name, amount_mJ] for name, amount_mJ in due.items() if amount_mJ]
        assert text(sorted(told)) == text(sorted(rows)), "not booked by the receipts"
        self.stands[number] = state, totals
        if state[0] == "settled":
            sides = (self.opens[number][each] for each in ("ptx", "prx"))
            sent_mJ, received_mJ = (abs(totals[f"board:{each}"]) for each in sides)
            self.earned = self.earns(number, sent_mJ, received_mJ)
        return "checked"

    def member(self, said):
        number, head = said["transfer_id"], said["head_id"]
        group = self.groups.setdefault(head, {"id": said["group_id"], "of": []})
        group["of"].append(number)
        boards = [self.opens[each] for each in group["of"]]
        receivers = {each["prx"] for each in boards} - {0}
        alone = len({each["ptx"] for each in boards}) == 1 and len(receivers) == len(boards) <= 6
        first = group["of"][0] == head and self.heads.setdefault(number, head) == head
        return alone and first and group["id"] == said["group_id"] and number not in self.stands

    def due_in_group(self, number, head):
        group, ptx = self.groups[head], self.opens[number]["ptx"]
        place = group["of"].index(number)
        sent = self.receipts.get((ptx, head, 1))
        got = [self.receipts.get((self.opens[each]["prx"], each, 2)) for each in group["of"]]
        energies = [each["energy_mJ"] if each else 0 for each in got]
        parts = list(energies)
        if sent:
            weights = energies if any(energies) else [1] * len(energies)
            quotas = [divmod(sent["energy_mJ"] * each, sum(weights)) for each in weights]
            parts = [whole for whole, _ in quotas]
            ranks = sorted(range(len(quotas)), key=lambda k: -quotas[k][1])  # stable: first wins
            for k in ranks[: sent["energy_mJ"] - sum(parts)]:
                parts[k] += 1
        state = "one-sided" if any(parts) else "void"
        if sent and all(got):
            most_mJ = sent["energy_mJ"] + sent["energy_mJ"] // 50
            most_mJ += sum(each["peak_mW"] * 500 // 1000 for each in got)
            names = [0 if each["ept"] == 0x8D else group["id"] for each in (sent, *got)]
            fits = sum(energies) <= most_mJ and sent["peer"] == len(got)
            fits = fits and all(each["peer"] == ptx for each in got)
            fits = fits and names == [each["group_id"] for each in (sent, *got)]
            state = "settled" if fits else "disputed"
        totals = {
            f"board:{ptx}": -parts[place],
            f"board:{self.opens[number]['prx']}": energies[place],
        }
        mine = got[place]
        state = [state, sent["ept"] if sent else None, mine["ept"] if mine else None]
        return state, totals | {"loss": parts[place] - energies[place]}

    def due(self, number):
        if number in self.heads:
            return self.due_in_group(number, self.heads[number])
        ptx, prx = self.opens[number]["ptx"], self.opens[number]["prx"]
        sent, got = self.receipts.get((ptx, number, 1)), self.receipts.get((prx, number, 2))
        received_mJ = got["energy_mJ"] if got else 0
        sent_mJ = sent["energy_mJ"] if sent else received_mJ
        state = "one-sided" if prx and (sent_mJ or received_mJ) else "void"
        if sent and not prx:
            state = "settled"
        if sent and got:
            most_mJ = sent_mJ + sent_mJ // 50 + got["peak_mW"] * 500 // 1000
            fits = received_mJ <= most_mJ and (sent["peer"], got["peer"]) == (prx, ptx)
            state = "settled" if fits else "disputed"
        totals = {f"board:{ptx}": -sent_mJ, f"board:{prx}": received_mJ}
        state = [state, sent["ept"] if sent else None, got["ept"] if got else None]
        return state, totals | {"loss": sent_mJ - received_mJ}
