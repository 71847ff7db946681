# SPDX-License-Identifier: MIT
"""What schemathesis makes of the interface's own document, against a real window."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from crowdcharge.service.window.api import OPERATIONS, ROOT
from crowdcharge.service.window.openapi import document

from .engine import Engine

jsonschema = pytest.importorskip("jsonschema")
schemathesis = pytest.importorskip("schemathesis")


pytestmark = pytest.mark.slow
schema = schemathesis.openapi.from_dict(document("0.1.0")).exclude(
    path_regex="/events$"
)  # endless
relaxed = settings(
    max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@schema.parametrize()
@relaxed
def test_with_the_full_token_every_answer_is_as_described(case: Any, engine: Engine) -> None:
    case.call_and_validate(
        base_url=engine.url, headers={"Authorization": f"Bearer {engine.tokens.act}"}, timeout=20
    )


@schema.parametrize()
@relaxed
def test_without_it_no_action_reaches_the_engine(case: Any, engine: Engine) -> None:
    before = len(engine.asked)
    answer = case.call(base_url=engine.url, headers={"Authorization": "Bearer x"}, timeout=20)
    assert answer.status_code in {400, 401, 413}
    assert len(engine.asked) == before


def test_the_document_names_every_operation(engine: Engine) -> None:
    with engine.client() as client:
        shown = client.get(f"{ROOT}/openapi.json").json()
    found = {(method, path) for path, each in shown["paths"].items() for method in each}
    assert found >= {(each.method.lower(), ROOT + each.path) for each in OPERATIONS}
    assert shown["openapi"] == "3.1.0"


def test_every_operation_has_an_example_that_fits_its_schema() -> None:
    shown = document("0.1.0")
    defined = shown["components"]["schemas"]
    registry = {"$defs": {}, "components": {"schemas": defined}}
    for name, each in defined.items():
        jsonschema.validate(
            each["examples"][0], {**registry, "$ref": f"#/components/schemas/{name}"}
        )
    for path, operations in shown["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            (body,) = operation.get("requestBody", {"content": {"": {}}})["content"].values()
            if body:
                jsonschema.validate(body["schema"]["examples"][0], body["schema"])
            (answer,) = operation["responses"]["200"]["content"].values()
            schema = answer["schema"].get("items", answer["schema"])
            assert "example" in answer or schema["$ref"].rpartition("/")[2] in defined, where
            for parameter in operation["parameters"]:
                assert parameter["schema"]["type"], where
