# SPDX-License-Identifier: MIT
"""PURE: a passport as an Asset Administration Shell's environment (metamodel 3.0, JSON).

It has two submodels: `ProductCondition`, after IDTA 02035-5 Digital Battery Passport - Part 5:
Product Condition 1.0.2 (Industrial Digital Twin Association and Catena-X, CC BY 4.0: element
names, identifiers and value types are the template's), and `CrowdchargePassport` with every figure
of ours. Each value carries its mark and its interval as qualifiers, and how it came about as its
description. A value that the rows do not carry is left out of its element, which stays.

The proof stands in the shell's extensions, because the metamodel has no other place for it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from crowdcharge.passport.values import NAMESPACE

SHELLS = "assetAdministrationShells"
TEMPLATE = "urn:samm:io.admin-shell.idta.batterypass.product_condition:1.0.2#"
_TEMPLATE_ID = "https://admin-shell.io/idta-02035-5"
_NO_DOCUMENTS = "A ledger carries no documents; that none is named here says nothing of accidents."
_NO_TEMPERATURE = "A ledger carries the coil's temperature, not the battery's."

Element = dict[str, Any]
Figures = Mapping[str, Mapping[str, Any]]

# idShort -> our figure, value type, how many of our units make one of the template's, its unit
_DYNAMIC = {
    "EnergyThroughput": ("throughput", "xs:float", 3_600_000_000, "kWh"),
    "StateOfCharge": ("charge", "xs:float", 10, "%"),
    "NumberOfFullCycles": ("full_cycles", "xs:unsignedInt", 1000, "cycle"),
}
_EVENTS = {
    "deep_discharges": "deep discharge",
    "deep_discharge_faults": "fault: cell too low",
    "over_temperature_faults": "fault: too hot",
    "other_faults": "other fault",
}


def environment(document: Mapping[str, Any], public_key: str) -> dict[str, Any]:
    """Return the environment of a passport that is not signed yet; `public_key` in hex.

    A board's number is its crowd's own, so the key of who signs stands before it.
    """
    name = f"{public_key}:{document['board_id']}"
    submodels = [_condition(document, name), _ours(document, name)]
    return {
        SHELLS: [
            {
                "modelType": "AssetAdministrationShell",
                "idShort": f"Board{document['board_id']}",
                "id": f"{NAMESPACE}shell:{name}",
                "assetInformation": {
                    "assetKind": "Instance",
                    "globalAssetId": f"{NAMESPACE}board:{name}",
                },
                "submodels": [
                    {
                        "type": "ModelReference",
                        "keys": [{"type": "Submodel", "value": each["id"]}],
                    }
                    for each in submodels
                ],
            }
        ],
        "submodels": submodels,
    }


def with_proof(made: Mapping[str, Any], proof: Mapping[str, str]) -> dict[str, Any]:
    """Return an environment of one shell whose extensions are these and no others."""
    (shell,) = made[SHELLS]
    extensions = [
        {"name": name, "valueType": "xs:string", "value": value} for name, value in proof.items()
    ]
    return {**made, SHELLS: [{**shell, "extensions": extensions}]}


def proof_of(made: Mapping[str, Any]) -> dict[str, str]:
    """Return what `with_proof` has put in; ValueError unless it is just that."""
    (shell,) = made[SHELLS]
    proof = {each["name"]: each["value"] for each in shell["extensions"]}
    if with_proof(made, proof) != made or not shell["id"].startswith(NAMESPACE):
        raise ValueError
    return proof


def _condition(document: Mapping[str, Any], name: str) -> Element:
    figures: Figures = document["figures"]
    updated = _updated(document["ledger"]["ended_unix_s"])
    elements = [_dynamic(id_short, figures, updated) for id_short in _DYNAMIC]
    events = [_event(figures[each], title, updated) for each, title in _EVENTS.items()]
    return {
        "modelType": "Submodel",
        "idShort": "ProductCondition",
        "id": f"{NAMESPACE}condition:{name}",
        "administration": {"version": "1", "revision": "0", "templateId": _TEMPLATE_ID},
        "semanticId": _meaning(f"{TEMPLATE}ProductCondition"),
        "submodelElements": [
            *elements,
            _list("NegativeEvents", "SubmodelElementCollection", filter(None, events)),
            {
                **_list("InformationOnAccidents", "Property", ()),
                "valueTypeListElement": "xs:string",
                "description": _text(_NO_DOCUMENTS),
            },
            {**_group("TemperatureInformation", updated), "description": _text(_NO_TEMPERATURE)},
        ],
    }


def _dynamic(id_short: str, figures: Figures, updated: Element) -> Element:
    name, value_type, divisor, unit = _DYNAMIC[id_short]
    figure = figures[name]
    value = _property(f"{id_short}Value", value_type, figure, divisor, unit)
    return _group(id_short, value, updated)


def _event(figure: Mapping[str, Any], title: str, updated: Element) -> Element | None:
    """Return a kind of event with its count; None if there was none, or nobody knows."""
    if not figure["value"]:
        return None
    told = {
        "modelType": "Property",
        "idShort": "NegativeEventValue",
        "semanticId": _meaning(f"{TEMPLATE}negativeEventValue"),
        "valueType": "xs:string",
        "value": f"{title}, {figure['value']} in all",
        "qualifiers": [_qualifier("mark", figure["mark"])],
        "description": _text(figure["how"]),
    }
    return {
        "modelType": "SubmodelElementCollection",
        "semanticId": _meaning(f"{TEMPLATE}NegativeEvent"),
        "value": [told, updated],
    }


def _property(
    id_short: str, value_type: str, figure: Mapping[str, Any], divisor: int, unit: str
) -> Element:
    """Return a figure as a property of the template, in the template's unit."""
    whole = value_type == "xs:unsignedInt"
    shown = {
        name: str(figure[name] // divisor) if whole else f"{figure[name] / divisor:.7g}"
        for name in ("value", "low", "high")
        if figure[name] is not None
    }
    found = {
        "modelType": "Property",
        "idShort": id_short,
        "semanticId": _meaning(f"{TEMPLATE}{_term(id_short)}"),
        "valueType": value_type,
        "qualifiers": _qualifiers(figure["mark"], unit, shown),
        "description": _text(figure["how"]),
    }
    return found | ({"value": shown["value"]} if "value" in shown else {})


def _ours(document: Mapping[str, Any], name: str) -> Element:
    """Return all that the passport says, in our own terms and whole units."""
    head = {each: document[each] for each in ("format", "version", "notice", "board_id")}
    head |= {f"ledger_{each}": value for each, value in document["ledger"].items()}
    elements = [_said(each, value) for each, value in head.items()]
    for each, figure in document["figures"].items():
        bounds = {end: str(figure[end]) for end in ("low", "high") if figure[end] is not None}
        elements.append(
            {
                **_said(each, figure["value"]),
                "valueType": "xs:long",
                "qualifiers": _qualifiers(figure["mark"], figure["unit"], bounds),
                "description": _text(figure["how"]),
            }
        )
    return {
        "modelType": "Submodel",
        "idShort": "CrowdchargePassport",
        "id": f"{NAMESPACE}passport:{name}",
        "semanticId": _meaning(f"{NAMESPACE}CrowdchargePassport"),
        "submodelElements": elements,
    }


def _said(name: str, value: str | int | None) -> Element:
    found = {
        "modelType": "Property",
        "idShort": name,
        "semanticId": _meaning(f"{NAMESPACE}{name}"),
        "valueType": "xs:string" if isinstance(value, str) else "xs:long",
    }
    return found if value is None else found | {"value": str(value)}


def _updated(unix_s: int | None) -> Element:
    """Return when the ledger's newest row was written; without a value if no run noted a time."""
    found = {
        "modelType": "Property",
        "idShort": "LastUpdate",
        "semanticId": _meaning(f"{TEMPLATE}lastUpdate"),
        "valueType": "xs:dateTime",
    }
    if unix_s is None:
        return found
    return found | {"value": datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _group(id_short: str, *elements: Element) -> Element:
    return {
        "modelType": "SubmodelElementCollection",
        "idShort": id_short,
        "semanticId": _meaning(f"{TEMPLATE}{_term(id_short)}"),
        "value": list(elements),
    }


def _list(id_short: str, kind: str, elements: Any) -> Element:
    """Return a list; an empty one has no `value`, as the metamodel wants it."""
    found = {
        "modelType": "SubmodelElementList",
        "idShort": id_short,
        "semanticId": _meaning(f"{TEMPLATE}{_term(id_short)}"),
        "orderRelevant": False,
        "typeValueListElement": kind,
    }
    value = list(elements)
    return found | ({"value": value} if value else {})


def _qualifiers(mark: str | None, unit: str, bounds: Mapping[str, str]) -> list[Element]:
    """Return the mark, the unit, and the interval of about 95 %, as far as they are known."""
    said = {"mark": mark, "unit": unit, "low": bounds.get("low"), "high": bounds.get("high")}
    return [_qualifier(name, value) for name, value in said.items() if value is not None]


def _qualifier(name: str, value: str) -> Element:
    return {
        "kind": "ValueQualifier",
        "type": name,
        "semanticId": _meaning(f"{NAMESPACE}{name}"),
        "valueType": "xs:string",
        "value": value,
    }


def _meaning(term: str) -> Element:
    return {
        "type": "ExternalReference",
        "keys": [{"type": "GlobalReference", "value": term}],
    }


def _text(text: str) -> list[Element]:
    return [{"language": "en", "text": text}]


def _term(id_short: str) -> str:
    return id_short[0].lower() + id_short[1:]
