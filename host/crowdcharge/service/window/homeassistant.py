# SPDX-License-Identifier: MIT
"""PURE: how Home Assistant finds the crowd: one discovery message for each entity.

One topic for each component, which every version from 2024.3 on knows. A board is a device under
that of the site. What needs a command is there only where the command is allowed; else its topic
is emptied, which takes it away. Nothing here clears a fault.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from crowdcharge.service.window.flows import Snapshot, own_boards
from crowdcharge.service.window.topics import Topics, compact


class Entity(NamedTuple):
    """`commands`: those that must all be allowed for it."""

    component: str
    key: str
    name: str
    config: dict[str, Any]
    commands: frozenset[str] = frozenset()


def _sensor(key: str, name: str, field: str, unit: str, kind: str, grows: bool = False) -> Entity:
    return Entity(
        "sensor",
        key,
        name,
        {
            "value_template": f"{{{{ value_json.{field} }}}}",
            "unit_of_measurement": unit,
            "device_class": kind,
            "state_class": "total_increasing" if grows else "measurement",
            "suggested_display_precision": 4 if kind == "energy" else 1,
        },
    )


_ENERGY = (
    _sensor("energy_sent", "Energy sent", "sent_Wh", "Wh", "energy", grows=True),
    _sensor("energy_received", "Energy received", "received_Wh", "Wh", "energy", grows=True),
)
_POWER = (
    _sensor("power_out", "Power out", "sent_W", "W", "power"),
    _sensor("power_in", "Power in", "received_W", "W", "power"),
)
BOARD = (
    _sensor("battery", "Battery", "soc_pct", "%", "battery"),
    *_POWER,
    *_ENERGY,
    _sensor("temperature", "Coil temperature", "coil_C", "°C", "temperature"),
    Entity("sensor", "state", "State", {"value_template": "{{ value_json.state }}"}),
    Entity(
        "binary_sensor",
        "fault",
        "Fault",
        {
            "value_template": "{{ 'ON' if value_json.faults else 'OFF' }}",
            "device_class": "problem",
            "json_attributes_template": "{{ {'faults': value_json.faults} | tojson }}",
        },
    ),
)
SITE = (
    *_POWER,
    *_ENERGY,
    Entity(
        "sensor",
        "efficiency",
        "Efficiency",
        {
            "value_template": "{{ value_json.efficiency_pct }}",
            "unit_of_measurement": "%",
            "state_class": "measurement",
        },
    ),
    Entity("sensor", "state", "State", {"value_template": "{{ value_json.state }}"}),
    Entity(
        "switch",
        "pause",
        "Pause",
        {
            "value_template": "{{ 'OFF' if value_json.state == 'running' else 'ON' }}",
            "state_on": "ON",
            "state_off": "OFF",
            "payload_on": '{"action":"pause"}',
            "payload_off": '{"action":"resume"}',
        },
        frozenset({"pause", "resume"}),
    ),
    Entity(
        "button", "stop", "Stop all", {"payload_press": '{"action":"stop"}'}, frozenset({"stop"})
    ),
    Entity(
        "select",
        "policy",
        "Policy",
        {
            "value_template": "{{ value_json.policy }}",
            "command_template": '{"action":"policy","args":{"name":{{ value | tojson }}}}',
        },
        frozenset({"policy"}),
    ),
)
_STATELESS = {"button"}


def discovery(
    topics: Topics,
    snapshot: Snapshot,
    prefix: str,
    commands: Collection[str],
    policies: Sequence[str],
) -> dict[str, str]:
    """Return every retained discovery message by topic; an empty one takes an entity away.

    `policies`: the names to choose from.
    """
    found = {}
    site_id, device = _site_id(topics), _site(topics, snapshot)
    common = {"origin": _origin(snapshot), "device": device, "availability": _alive(topics)}
    for entity in SITE:
        topic, config = _message(entity, prefix, site_id, topics.state, common)
        if entity.commands:
            config["command_topic"] = topics.command
        if entity.component == "select":
            config["options"] = list(policies)
        found[topic] = compact(config) if entity.commands <= set(commands) else ""
    for board in own_boards(snapshot):
        found |= of_board(topics, snapshot, prefix, board["board_id"])
    return found


def of_board(topics: Topics, snapshot: Snapshot, prefix: str, board_id: int) -> dict[str, str]:
    """Return the discovery messages of one board."""
    state, device_id = topics.board(board_id), f"{_site_id(topics)}_board_{board_id}"
    lost = "{{ 'offline' if value_json.lost else 'online' }}"
    common = {
        "origin": _origin(snapshot),
        "device": {
            "identifiers": [device_id],
            "name": f"{topics.site} board {board_id}",
            "manufacturer": "crowdcharge",
            "model": "board",
            "via_device": _site_id(topics),
        },
        "availability": [*_alive(topics), {"topic": state, "value_template": lost}],
        "availability_mode": "all",
    }
    messages = (_message(entity, prefix, device_id, state, common) for entity in BOARD)
    return {topic: compact(config) for topic, config in messages}


def _site_id(topics: Topics) -> str:
    return f"crowdcharge_{topics.site}"


def _site(topics: Topics, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "identifiers": [_site_id(topics)],
        "name": topics.site,
        "manufacturer": "crowdcharge",
        "model": "site",
        "sw_version": snapshot["run"]["version"],
    }


def _origin(snapshot: Snapshot) -> dict[str, str]:
    return {"name": "crowdcharge", "sw_version": snapshot["run"]["version"]}


def _alive(topics: Topics) -> list[dict[str, str]]:
    return [{"topic": topics.status}]


def _message(
    entity: Entity, prefix: str, device_id: str, state: str, common: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    config = common | entity.config | {"name": entity.name}
    config["unique_id"] = config["object_id"] = f"{device_id}_{entity.key}"
    if entity.component not in _STATELESS:
        config["state_topic"] = state
    if "json_attributes_template" in config:
        config["json_attributes_topic"] = state
    return f"{prefix}/{entity.component}/{device_id}/{entity.key}/config", config
