# SPDX-License-Identifier: MIT
"""PURE: a drone's route as a plan file that QGroundControl opens (its plan format, version 1)."""

from math import cos, radians
from typing import Any

from crowdcharge.policy.uav_hub import Drone, Route

METRES_per_degree = 111_320.0
TAKEOFF, LOITER_TIME, RETURN_TO_LAUNCH = 22, 19, 20  # MAV_CMD_NAV_*
RELATIVE_ALTITUDE, MISSION_FRAME = 3, 2  # MAV_FRAME_*
GENERIC_AUTOPILOT, QUADROTOR = 0, 2  # MAV_AUTOPILOT, MAV_TYPE


def mission(
    route: Route, drone: Drone, home: tuple[float, float], altitude_m: float = 20.0
) -> dict[str, Any]:
    """Make a JSON-able plan: take off, loiter over each stop for its service, return.

    `home` is (latitude, longitude) in degrees. Metres become degrees on a flat earth, which is
    accurate to a metre within some kilometres of home. Landing at a device is left to the pilot.
    """
    items = [item(TAKEOFF, RELATIVE_ALTITUDE, [0, 0, 0, None, *home, altitude_m])]
    for stop in route.stops:
        place = position(home, stop.east_m, stop.north_m)
        stay_s = round(drone.service_s(stop), 1)
        items.append(
            item(LOITER_TIME, RELATIVE_ALTITUDE, [stay_s, 1, 0, None, *place, altitude_m])
        )
    items.append(item(RETURN_TO_LAUNCH, MISSION_FRAME, [0] * 7))
    for number, entry in enumerate(items, 1):
        entry["doJumpId"] = number
    return {
        "fileType": "Plan",
        "groundStation": "QGroundControl",
        "version": 1,
        "geoFence": {"circles": [], "polygons": [], "version": 2},
        "rallyPoints": {"points": [], "version": 2},
        "mission": {
            "cruiseSpeed": drone.speed_m_per_s,
            "firmwareType": GENERIC_AUTOPILOT,
            "globalPlanAltitudeMode": 1,
            "hoverSpeed": drone.speed_m_per_s,
            "items": items,
            "plannedHomePosition": [*home, 0],
            "vehicleType": QUADROTOR,
            "version": 2,
        },
    }


def item(command: int, frame: int, params: list[Any]) -> dict[str, Any]:
    made = {
        "type": "SimpleItem",
        "autoContinue": True,
        "command": command,
        "frame": frame,
        "params": params,
    }
    if (
        frame == RELATIVE_ALTITUDE
    ):  # items without a place have no altitude, as QGroundControl saves
        made |= {"AMSLAltAboveTerrain": None, "Altitude": params[6], "AltitudeMode": 1}
    return made


def position(home: tuple[float, float], east_m: float, north_m: float) -> tuple[float, float]:
    latitude, longitude = home
    return (
        latitude + north_m / METRES_per_degree,
        longitude + east_m / (METRES_per_degree * cos(radians(latitude))),
    )
