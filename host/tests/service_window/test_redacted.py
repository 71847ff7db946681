# SPDX-License-Identifier: MIT
"""A configuration is shown without what is secret in it."""

from hypothesis import given
from hypothesis import strategies as st

from crowdcharge.service.window.redacted import HIDDEN, redacted

CONFIG = {
    "keys": "keys.toml",
    "serve": {"allowed_hosts": ["bench.example.org"]},
    "mqtt": {"url": "mqtts://anna:hunter2@broker.example.org", "discovery": True},
    "notify": {"urls": ["ntfy://hunter2"]},
    "proxies": [{"host": "10.0.0.7", "noise_psk": "hunter2"}, {"password": "hunter2"}],
    "traces": {"endpoint": "https://bob:hunter2@traces.example.org/v1"},
}


def test_what_is_named_like_a_secret_is_hidden() -> None:
    shown = redacted(CONFIG)
    assert "hunter2" not in str(shown)
    assert shown["keys"] == shown["mqtt"]["url"] == HIDDEN
    assert shown["mqtt"]["discovery"] is True
    assert shown["serve"] == CONFIG["serve"]
    assert shown["proxies"][0]["host"] == "10.0.0.7"
    assert shown["traces"]["endpoint"] == "https://traces.example.org/v1"


@given(st.text("ab:%-_.~", min_size=1), st.text("ab:%-_.~@"))
def test_no_url_keeps_its_user(user: str, password: str) -> None:
    assert redacted(f"https://{user}:{password}@host/x") == "https://host/x"
