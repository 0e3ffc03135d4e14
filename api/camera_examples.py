"""Examples of the OpenAPI document for cameras and their events. Tests hold them to the wire models."""

from typing import Any

from firewarden.findings import NOT_REVIEWED

CAMERA_IN: dict[str, Any] = {
    "id": "yh-0042-c1",
    "name": "corridor on floor 3, before the stairwell",
    "venue": "YH-0042",
    "venue_type": "rental_housing",
    "scene": "evacuation_corridor",
    "retention_days": 30,
    "zones": {"private_mask": [[[0.0, 0.1], [0.2, 0.1], [0.2, 0.5]]]},
    "schedule": ["mon-sun 06:00-23:00"],
    "expected": {"extinguisher": 2},
    "url": "env:CAMERA_YH_0042_C1",
}

CAMERA: dict[str, Any] = {
    **CAMERA_IN,
    "sample_every_s": 10.0,
    "utc_offset": "+08:00",
    "links": {"self": "/v1/cameras/yh-0042-c1", "events": "/v1/cctv/events?camera_id=yh-0042-c1"},
}

DISMISS: dict[str, Any] = {"until": "2026-12-20T00:00:00+08:00", "because": "a pram, not an e-bike"}

EVENT: dict[str, Any] = {
    "id": "9b1f0c6c1d9a4b4f5e8a7b3c",
    "camera_id": "yh-0042-c1",
    "hazard": "indoor_ebike",
    "cell": "c3r4",
    "xyxy": [0.41, 0.52, 0.58, 0.86],
    "first_seen": "2026-11-20T09:30:00+08:00",
    "opened_at": "2026-11-20T09:30:20+08:00",
    "last_seen": "2026-11-20T09:30:20+08:00",
    "ended_at": None,
    "confidence": 0.88,
    "risk_level": "general",
    "rule_ids": ["EB-B3"],
    "reason": {
        "zh": "疏散走道内有 1 辆电动自行车 (EB-B3)",
        "en": "1 e-bike(s) in an evacuation corridor (EB-B3)",
    },
    "state": "open",
    "revision": 1,
    "dismissal": None,
    "notice": NOT_REVIEWED.to_json(),
    "frame_taken_at": "2026-11-20T01:30:20+00:00",
    "links": {
        "self": "/v1/cctv/events/9b1f0c6c1d9a4b4f5e8a7b3c",
        "camera": "/v1/cameras/yh-0042-c1",
        "frame": "/v1/cctv/events/9b1f0c6c1d9a4b4f5e8a7b3c/frame.jpg",
    },
}
