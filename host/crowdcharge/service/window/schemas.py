# SPDX-License-Identifier: MIT
"""The shapes of the answers, as the interface's document shows them (JSON Schema 2020-12)."""

from crowdcharge.service.window.fields import Schema

TEXT: Schema = {"type": "string"}
TRUTH: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
OBJECT: Schema = {"type": "object"}


def maybe(schema: Schema) -> Schema:
    """Return the schema of what may not be known."""
    return {"anyOf": [schema, {"type": "null"}]}


def many(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def record(**fields: Schema) -> Schema:
    """Return the schema of an object that has all of these, and may have more."""
    return {"type": "object", "properties": fields, "required": list(fields)}


def named(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: dict[str, Schema] = {
    "Problem": record(type=TEXT, title=TEXT, status=WHOLE, detail=TEXT),
    "Fault": record(code=WHOLE, name=TEXT, text=TEXT, way_out=TEXT, clear_by=maybe(TEXT),
                  stops=TRUTH),
    "Board": record(
        board_id=WHOLE,
        soc_pct=maybe(NUMBER),
        state=maybe(TEXT),
        faults=many(named("Fault")),
        floor_pct=maybe(NUMBER),
        resume_pct=maybe(NUMBER),
        has_key=TRUTH,
        capacity_mJ=maybe(WHOLE),
        power_max_mW=maybe(WHOLE),
        power_allowed_mW=maybe(WHOLE),
        contacts=many(WHOLE),
        age_s=maybe(NUMBER),
        lost=TRUTH,
        forbidden=TRUTH,
        sent_mJ=maybe(WHOLE),
        received_mJ=maybe(WHOLE),
        coil_C=maybe(NUMBER),
        rssi_dBm=maybe(NUMBER),
        radio=maybe(TEXT),
        waits=maybe(TEXT),
        group_id=maybe(WHOLE),
    ),
    "Transfer": record(
        transfer_id=WHOLE,
        ptx=WHOLE,
        prx=WHOLE,
        state=TEXT,
        started_s=maybe(NUMBER),
        ended_s=maybe(NUMBER),
        energy_max_mJ=maybe(WHOLE),
        sent_mW=maybe(WHOLE),
        sent_age_s=maybe(NUMBER),
        received_mW=maybe(WHOLE),
        received_age_s=maybe(NUMBER),
        sent_mJ=maybe(WHOLE),
        received_mJ=maybe(WHOLE),
        loss_mJ=maybe(WHOLE),
        ept_ptx=maybe(TEXT),
        ept_prx=maybe(TEXT),
        text=maybe(TEXT),
        group_id=maybe(WHOLE),
        group_rule=maybe(TEXT),
    ),
    "Group": record(
        group_id=WHOLE,
        group_rule=TEXT,
        ptx=WHOLE,
        prxs=many(WHOLE),
        transfers=many(WHOLE),
        running=TRUTH,
        sent_mW=maybe(WHOLE),
        received_mW=maybe(WHOLE),
        sent_mJ=maybe(WHOLE),
        received_mJ=maybe(WHOLE),
        loss_mJ=maybe(WHOLE),
    ),
    "Contact": record(boards={**many(WHOLE), "minItems": 2, "maxItems": 2}),
    "Row": record(seq=WHOLE, kind=TEXT, body=OBJECT, hash=TEXT),
    "Page": record(rows=many(named("Row")), next=maybe(WHOLE)),
    "Policy": record(
        name=TEXT, options=OBJECT, says=maybe(TEXT), next=many(OBJECT), names=many(TEXT)
    ),
    "Snapshot": record(
        seq=WHOLE,
        time_s=NUMBER,
        run=OBJECT,
        boards=many(named("Board")),
        transfers=many(named("Transfer")),
        groups=many(named("Group")),
        totals=OBJECT,
        next=many(OBJECT),
    ),
    "Access": record(watch=TRUTH, act=TRUTH),
    "Classroom": record(link=TEXT, qr_svg=TEXT),
    "Anything": OBJECT,
}  # fmt: skip
