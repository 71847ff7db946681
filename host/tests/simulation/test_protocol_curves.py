# SPDX-License-Identifier: MIT
"""The comparison figures: small samples, and the order that the papers' abstracts claim."""

import pytest

from crowdcharge.reproduce import phones, protocols
from crowdcharge.reproduce.parts import Parts


def quick(tmp_path, figure):
    steps = []
    result = figure(tmp_path, True, Parts(report=lambda *step: steps.append(step)))
    assert steps[-1][0] == steps[-1][1]
    assert list(tmp_path.glob("*.png"))
    return result["ours"]


def test_formation_needs_knowledge(tmp_path):
    ours = quick(tmp_path, protocols.formation)
    for structure in ("star", "binary tree"):
        without, _, full = (ours[f"{structure}, knowledge {k}"] for k in range(3))
        assert full["distance"] < 0.05 < without["distance"]
        assert full["lost"] < without["lost"]


def test_ageing_aware_exchange_ages_less(tmp_path):
    for model in ("xu-2018", "schmalstieg-2014"):
        ours = {name: each[model] for name, each in quick(tmp_path, phones.ageing).items()}
        aware = ours["ageing-aware-soc"], ours["ageing-aware-depth"]
        assert max(aware) - 1 < 0.5 * (ours["online-average"] - 1)
        assert ours["online-average"] < ours["oblivious-share"]


def test_partners_skip_sessions(tmp_path):
    """Who never meets is relieved of nothing; who always does, of something or nothing."""
    for never, always in quick(tmp_path, phones.skips).values():
        assert never == 0
        assert always >= 0


def test_curves_meet_the_reference_runs(monkeypatch, tmp_path):
    monkeypatch.setattr(protocols, "PROTOCOLS", ("oblivious-share", "online-average"))
    result = protocols.over_interactions(tmp_path, True, Parts())
    for name in protocols.PROTOCOLS:
        ours = result["ours"][name]["beta 0.2"][500]
        assert ours == pytest.approx(result["reference"]["beta 0.2"][name][500], rel=0.2)


def test_knowing_the_target_comes_near_the_least_loss():
    _, _, lost = protocols.mean_curves("loss-aware", 0.2, 1, 12_000)
    assert lost[-1] == pytest.approx(protocols.least_lost(0.2, 1), rel=0.01)
    _, _, blind = protocols.mean_curves("online-average", 0.2, 1, 12_000)
    assert blind[-1] > 1.5 * lost[-1]
