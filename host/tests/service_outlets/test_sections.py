# SPDX-License-Identifier: MIT
"""[mqtt], [notify] and [traces]: a mistake is one line that names its own."""

from pathlib import Path

import pytest

from crowdcharge.errors import InputError
from crowdcharge.orchestrator import config

PATH = Path("/runs/run.toml")
RUN = '[run]\npolicy = "online-average"\nkeys = "k"\nout = "o"\n[contacts]\nsource = "ping"\n'


def test_what_is_not_there_is_off() -> None:
    found = config.parse(RUN, PATH)
    assert (found.mqtt.url, found.notify.addresses(), found.traces.endpoint) == ("", [], "")
    assert found.mqtt.commands == []


def test_files_are_beside_the_run() -> None:
    text = '[mqtt]\nurl = "mqtts://broker"\nca_file = "ca.pem"\npassword_file = "/etc/word"\n'
    found = config.parse(RUN + text, PATH).mqtt
    assert (found.host, found.port, found.is_tls) == ("broker", 8883, True)
    assert (found.ca_file, found.password_file) == ("/runs/ca.pem", "/etc/word")


def test_addresses_come_from_both_places(tmp_path: Path) -> None:
    (tmp_path / "addresses").write_text("# at night\nntfy://b\n\n ntfy://c \n", encoding="utf-8")
    text = '[notify]\nurls = ["ntfy://a"]\nurls_file = "addresses"\n'
    found = config.parse(RUN + text, tmp_path / "run.toml").notify
    assert found.addresses() == ["ntfy://a", "ntfy://b", "ntfy://c"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[mqtt]\nurl = "broker"', "must be mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"),
        ('[mqtt]\nurl = "http://broker"', "must be mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"),
        ('[mqtt]\nurl = "mqtt://a..b"', "must be mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"),
        ('[mqtt]\nurl = "mqtt://"', "must be mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"),
        ('[mqtt]\nurl = "mqtt://a:99999"', "must be mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"),
        ('[mqtt]\nurl = "mqtt://[::1"', "must be mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"),
        ('[mqtt]\nurl = "mqtt://me:xyzzy@a"', "holds no user and no password"),
        ('[mqtt]\nurl = "mqtt://a"\nca_file = "b"', "must begin with mqtts://"),
        ('[mqtt]\nurl = "mqtts://a"\nkey_file = "b"', "come together"),
        ('[mqtt]\ndiscovery = "a/#"', "without # and +"),
        ('[mqtt]\ncommands = ["stop", "clear"]', "mqtt.commands[1]: must be one of stop, pause"),
        ('[notify]\nurls = ["me@example.org"]', "notify.urls[0]: must be an address with ://"),
        ('[traces]\nendpoint = "localhost:4318"', "must be http://HOST[:PORT]"),
        ('[traces]\nurl = "http://a"', "unknown key; known are endpoint"),
    ],
)
def test_a_mistake_is_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        config.parse(RUN + text, PATH)
    assert said in str(caught.value)
    assert str(caught.value).startswith("/runs/run.toml, line ")
    assert "\n" not in str(caught.value)
    assert "xyzzy" not in str(caught.value)
