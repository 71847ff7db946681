# SPDX-License-Identifier: MIT
"""The code that pupils scan: it lets them watch, and only the teacher can show it."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from crowdcharge.service.window.classroom import qr_svg

from .engine import Engine

PATH = "/api/v1/classroom"
NAME = "bench.example.org"


@pytest.fixture
def link(engine: Engine) -> Iterator[str]:
    with engine.client(engine.tokens.act, Host=NAME, **{"X-Forwarded-Proto": "https"}) as client:
        yield client.get(PATH).json()["link"]


def test_the_link_watches_and_does_not_act(engine: Engine, link: str) -> None:
    page, _, token = link.partition("#view=")
    assert page == f"https://{NAME}/"  # what is sent, and what logs see, has no token
    with engine.client(token, Host=NAME) as pupil:
        assert pupil.get("/api/v1/access").json() == {"watch": True, "act": False}
        assert pupil.post("/api/v1/stop").status_code == 403
        assert pupil.get(PATH).status_code == 403
    with engine.client(None, Host=NAME) as stranger:
        assert stranger.get("/api/v1/boards").status_code == 401


def test_an_address_of_this_machine_only_helps_no_pupil(engine: Engine) -> None:
    with engine.client(engine.tokens.act) as client:
        answer = client.get(PATH)
    assert answer.status_code == 409
    assert "--host 0.0.0.0" in answer.json()["detail"]


def test_the_code_is_a_picture_without_style_or_script(link: str) -> None:
    picture = ET.fromstring(qr_svg(link))
    assert picture.tag.endswith("svg")
    for element in picture.iter():
        assert not {"style", "onload", "href"} & set(element.attrib)
        assert element.tag.rpartition("}")[2] in {"svg", "path"}
    assert picture.attrib["viewBox"].startswith("0 0 ")
