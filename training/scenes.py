"""Scene tags of data folders, merged to the scenes that the network's scene output tells apart."""

from collections.abc import Mapping

OUTDOOR = "outdoor_open"
SCENES = ("elevator_car", "evacuation_corridor", "indoor", OUTDOOR)
MERGED_SCENES: Mapping[str, str] = {  # tag in manifest.csv, or scene of the rule file -> scene output
    "elevator_car": "elevator_car",
    "corridor": "evacuation_corridor",
    "stairwell": "evacuation_corridor",
    "lobby": "evacuation_corridor",
    "evacuation_corridor": "evacuation_corridor",
    "exit_door_area": "evacuation_corridor",
    "public_lobby": "evacuation_corridor",
    "indoor": "indoor",
    "private_room": "indoor",
    "outdoor": OUTDOOR,
    OUTDOOR: OUTDOOR,
    "outdoor_adjacent": OUTDOOR,
    "fire_lane": OUTDOOR,
}


def scene_index(tag: str) -> int | None:
    """Place of a tag's merged scene in `SCENES`; None for a tag that says nothing about the kind of place."""
    merged = MERGED_SCENES.get(tag)
    return None if merged is None else SCENES.index(merged)
