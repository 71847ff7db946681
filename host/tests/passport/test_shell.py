# SPDX-License-Identifier: MIT
"""The passport as an Asset Administration Shell, read by a third party's parser."""

import json

import pytest

from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store

from .year import BOARD

jsonization = pytest.importorskip("aas_core3.jsonization")
types = pytest.importorskip("aas_core3.types")
verification = pytest.importorskip("aas_core3.verification")

URN = "urn:samm:io.admin-shell.idta.batterypass.product_condition:1.0.2#"
# As the template of IDTA 02035-5 1.0.2 has them: idShort, value type.
MANDATORY = {
    "StateOfCharge": {"StateOfChargeValue": "FLOAT", "LastUpdate": "DATE_TIME"},
    "NumberOfFullCycles": {"NumberOfFullCyclesValue": "UNSIGNED_INT", "LastUpdate": "DATE_TIME"},
    "InformationOnAccidents": {},
    "TemperatureInformation": {"LastUpdate": "DATE_TIME"},
}
OPTIONAL = {
    "EnergyThroughput": {"EnergyThroughputValue": "FLOAT", "LastUpdate": "DATE_TIME"},
    "NegativeEvents": {},
}


def read(text: str):
    """Return the environment as the third party reads it; it has nothing against it."""
    found = jsonization.environment_from_jsonable(json.loads(text))
    assert [f"{each.path}: {each.cause}" for each in verification.verify(found)] == []
    return found


def submodel(found, id_short: str) -> dict:
    (one,) = (each for each in found.submodels if each.id_short == id_short)
    return {each.id_short: each for each in one.submodel_elements}


def qualified(element) -> dict[str, str]:
    return {each.type: each.value for each in element.qualifiers or ()}


@pytest.fixture
def shells(passport, ledger) -> str:
    code, out, err = passport(BOARD, "--ledger", ledger, "--format", "aas")
    assert (code, err) == (0, "")
    return out


def test_it_has_what_the_template_wants(shells):
    condition = submodel(read(shells), "ProductCondition")
    assert condition.keys() == (MANDATORY | OPTIONAL).keys()
    for name, properties in (MANDATORY | OPTIONAL).items():
        element = condition[name]
        assert element.semantic_id.keys[0].value == f"{URN}{name[0].lower()}{name[1:]}"
        if isinstance(element, types.SubmodelElementCollection):
            inner = {each.id_short: each.value_type.name for each in element.value}
            assert inner == properties
    accidents = condition["InformationOnAccidents"]
    assert accidents.type_value_list_element.name == "PROPERTY"
    assert accidents.value is None


def test_every_figure_is_there_with_its_mark_and_interval(passport, ledger, shells):
    plain = json.loads(passport(BOARD, "--ledger", ledger, "--format", "json")[1])
    ours = submodel(read(shells), "CrowdchargePassport")
    for name, figure in plain["figures"].items():
        found = ours[name]
        assert found.value == (None if figure["value"] is None else str(figure["value"]))
        wanted = {each: figure[each] for each in ("mark", "unit", "low", "high")}
        assert qualified(found) == {k: str(v) for k, v in wanted.items() if v is not None}
        assert found.description[0].text == figure["how"]
    assert ours["notice"].value == plain["notice"]
    assert ours["ledger_last_hash"].value == plain["ledger"]["last_hash"]


def test_the_template_has_our_figures_in_its_own_units(passport, ledger, shells):
    figures = json.loads(passport(BOARD, "--ledger", ledger, "--format", "json")[1])["figures"]
    condition = submodel(read(shells), "ProductCondition")
    shown = {
        name: condition[name].value[0]
        for name in ("EnergyThroughput", "StateOfCharge", "NumberOfFullCycles")
    }
    throughput_kWh = figures["throughput"]["value"] / 1000 / 3600 / 1000
    assert float(shown["EnergyThroughput"].value) == pytest.approx(throughput_kWh, rel=1e-6)
    assert float(shown["StateOfCharge"].value) == figures["charge"]["value"] / 10
    assert int(shown["NumberOfFullCycles"].value) == figures["full_cycles"]["value"] // 1000 > 0
    marks = {name: qualified(value)["mark"] for name, value in shown.items()}
    assert marks == {
        "EnergyThroughput": "measured",
        "StateOfCharge": "estimated",
        "NumberOfFullCycles": "estimated",
    }
    assert condition["StateOfCharge"].value[1].value.endswith("Z")


def test_a_short_ledger_has_the_mandatory_elements_without_values(passport, tmp_path):
    path = tmp_path / "short.sqlite"
    with Store.create(path) as store:
        store.append([kinds.Run("p", 1, None), kinds.Reading(3, 1, None, 0, 0, 100, t_ms=1)])
        store.append([kinds.Fault(3, 0x84, "OVER_TEMPERATURE", raised=True, t_ms=2)])
    condition = submodel(
        read(passport(3, "--ledger", path, "--format", "aas")[1]), "ProductCondition"
    )
    assert condition.keys() >= MANDATORY.keys()
    for name in ("StateOfCharge", "NumberOfFullCycles"):
        value, updated = condition[name].value
        assert (value.value, updated.value) == (None, None)
        assert value.description[0].text
    (event,) = condition["NegativeEvents"].value
    assert event.value[0].value == "fault: too hot, 1 in all"


def test_it_is_signed_as_the_others(passport, shells, tmp_path):
    path = tmp_path / "shells.json"
    path.write_text(shells)
    code, told, _ = passport("--verify", path)
    proof = {each["name"]: each["value"] for each in extensions(json.loads(shells))}
    assert code == 0
    assert proof["public_key"] in told


def extensions(made: dict) -> list[dict]:
    (shell,) = made["assetAdministrationShells"]
    return shell["extensions"]


def first_value(made: dict) -> dict:
    return made["submodels"][0]["submodelElements"][0]["value"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda made: first_value(made).update(value="0"), "was altered"),
        (lambda made: made["submodels"].pop(), "was altered"),
        (lambda made: made.update(conceptDescriptions=[]), "was altered"),
        (lambda made: extensions(made)[1].update(value="00" * 32), "was altered"),
        (lambda made: extensions(made).pop(), "not a signed passport"),
        (lambda made: extensions(made).append({"name": "more", "value": "x"}), "not a signed"),
        (lambda made: extensions(made).append(extensions(made)[2]), "not a signed passport"),
        (lambda made: made["assetAdministrationShells"].append({}), "not a signed passport"),
        (lambda made: made["assetAdministrationShells"].clear(), "not a signed passport"),
        (lambda made: made.update(assetAdministrationShells=None), "not a signed passport"),
    ],
)
def test_an_altered_shell_is_one_line(passport, shells, tmp_path, change, said):
    made = json.loads(shells)
    change(made)
    (tmp_path / "altered.json").write_text(json.dumps(made))
    code, _, err = passport("--verify", "altered.json")
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
