"""Examples of the OpenAPI document: one e-bike on a rental staircase, as the shipped rules judge it. Tests hold them to the
wire models and to that verdict."""

from http import HTTPStatus
from typing import Any

CONTEXT: dict[str, Any] = {
    "venue_type": "rental_housing",
    "scene": "stairwell",
    "source": "field_photo",
    "captured_at": "2026-11-20T09:30:00+08:00",
    "venue_code": "YH-0042",
    "lat": 28.1154,
    "lon": 119.5736,
    "datum": "gcj02",
    "accuracy_m": 12,
}

_FINDING: dict[str, Any] = {
    "hazard": "indoor_ebike",
    "outcome": "hazard",
    "xyxy": [312.0, 640.5, 1410.0, 2210.0],
    "confidence": 0.88,
    "risk_level": "general",
    "risk_level_residual": "general",
    "rule_ids": ["EB-B3"],
    "relation_ids": ["REL-EB"],
    "reason": {
        "zh": "楼梯间内有 1 辆电动自行车 (EB-B3)",
        "en": "1 e-bike(s) in a stairwell (EB-B3)",
    },
    "facts": [{"name": "in_egress", "source": "model"}],
    "ratios": {},
    "count": 1,
    "evidence": [0],
    "zones": [],
    "questions": ["q_charging", "q_designated", "q_rental", "q_only_stair", "q_occupied"],
    "routing": "draft_order",
    "suspected_major": False,
    "emergency": False,
    "major_fire_hazard_status": "none",
    "provisional": False,
    "needs_review": False,
    "closing": {
        "profile": "yunhe_zhejiang",
        "closes": "township",
        "due_days": 15,
        "on_the_spot": False,
        "interim_measure_hours": None,
        "supervised_by": None,
        "copy_to": None,
    },
}

INSPECTION: dict[str, Any] = {
    "id": "5f0c6c1d9a4b4f5e8a7b3c2d1e0f9a8b",
    "links": {
        "self": "/v1/inspections/5f0c6c1d9a4b4f5e8a7b3c2d1e0f9a8b",
        "annotated": "/v1/inspections/5f0c6c1d9a4b4f5e8a7b3c2d1e0f9a8b/annotated.jpg",
    },
    "received_at": "2026-11-20T01:30:04+00:00",
    "captured_at": "2026-11-20T01:30:00+00:00",
    "clock_suspect": False,
    "source": "field_photo",
    "venue_code": "YH-0042",
    "position": {"lat": 28.1154, "lon": 119.5736, "datum": "gcj02", "accuracy_m": 12.0},
    "schema_version": "firewarden-inspection/1",
    "image_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "image_hw": [4032, 3024],
    "verdict": "hazard",
    "risk_level": "general",
    "notice": {
        "zh": "AI 辅助提示，须人工核实；不作为执法依据",
        "en": "AI-assisted lead; a person must check it. Not evidence for enforcement",
    },
    "scene": {
        "name": "stairwell",
        "source": "person",
        "confidence": 1.0,
        "provisional": False,
        "basis": {"zh": "由人员或登记信息给出", "en": "given by a person or the register"},
    },
    "context": {
        "venue_type": "rental_housing",
        "venue_groups": [],
        "scene": "stairwell",
        "scene_source": "person",
        "facts": [],
        "counts": {},
        "closure_profile": "yunhe_zhejiang",
        "single_frame": True,
    },
    "detections": [{"class_name": "ebike", "confidence": 0.88, "xyxy": [312.0, 640.5, 1410.0, 2210.0]}],
    "findings": [_FINDING],
    "questions": [
        {
            "id": "q_charging",
            "text": {
                "zh": "是否正在充电（指示灯亮）？",
                "en": "Is it charging now (indicator lit)?",
            },
            "sets": "charging_active",
        },
        {
            "id": "q_designated",
            "text": {
                "zh": "该场所是否为指定停放点，且有防火分隔和自动断电？",
                "en": "Is this place designated for e-bikes, with fire separation and automatic cut-off?",
            },
            "sets": None,
        },
        {
            "id": "q_rental",
            "text": {
                "zh": "是否为出租房？",
                "en": "Is it rented housing?",
            },
            "sets": None,
        },
        {
            "id": "q_only_stair",
            "text": {
                "zh": "这是否为唯一的楼梯或出口？",
                "en": "Is this the only stair or exit?",
            },
            "sets": "only_exit",
        },
        {
            "id": "q_occupied",
            "text": {
                "zh": "现在是否有人在内（营业、住宿）？",
                "en": "Are people inside now (open for business, sleeping)?",
            },
            "sets": "occupied",
        },
    ],
    "model_id": "firewarden-n",
    "model_sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "rules_version": "2026-11-12",
    "timings_ms": {"decode": 41.2, "inference": 38.0, "rules": 1.1, "total": 80.3},
}

PROBLEM: dict[str, Any] = {
    "type": "urn:firewarden:problem:invalid-image",
    "title": "Unsupported Media Type",
    "status": 415,
    "detail": "got 512 bytes that are no picture, expected JPEG, PNG or WebP",
    "instance": "urn:uuid:0b6f3a54-3a67-4a7c-9a3e-0d6e8a1f2b3c",
}

INSPECTION_LIST: dict[str, Any] = {"inspections": [INSPECTION, PROBLEM]}

KEY_PROBLEM: dict[str, Any] = {
    **PROBLEM,
    "type": "urn:firewarden:problem:unauthorized",
    "title": "Unauthorized",
    "status": 401,
    "detail": "Got no valid API key; expected `Authorization: Bearer fw_...` or `X-API-Key: fw_...`.",
}

FIELD_PROBLEM: dict[str, Any] = {
    **PROBLEM,
    "type": "urn:firewarden:problem:invalid-field",
    "title": "Unprocessable Content",
    "status": 422,
    "detail": "scene: got 'stairs', expected one of evacuation_corridor, stairwell",
    "errors": [
        {
            "field": "scene",
            "message": "got 'stairs', expected one of evacuation_corridor, stairwell",
            "allowed": ["evacuation_corridor", "stairwell"],
        }
    ],
}


def problem(status: int, detail: str) -> dict[str, Any]:
    """A problem document of a status."""
    title = HTTPStatus(status).phrase
    slug = title.lower().replace(" ", "-")
    return {
        **PROBLEM,
        "type": f"urn:firewarden:problem:{slug}",
        "title": title,
        "status": status,
        "detail": detail,
    }
