"""Wire models of the HTTP service. They mirror `firewarden.findings` JSON field by field; core types stay free of pydantic."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from firewarden.findings import Outcome, RiskLevel, Routing, Source, Verdict

Xyxy = Annotated[
    list[float],
    Field(min_length=4, max_length=4, description="x_min, y_min, x_max, y_max in upright original pixels"),
]


_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_PLUS_LOST = re.compile(r":\d\d(\.\d+)? \d\d:?\d\d$")


def _iso_time(given: Any, parse: ValidatorFunctionWrapHandler) -> datetime:
    """A time by ISO 8601, with its offset. Bare numbers are none: they would be read as seconds since 1970."""
    if isinstance(given, datetime):
        return cast(datetime, parse(given))
    text = given if isinstance(given, str) else repr(given)
    try:
        if isinstance(given, str) and _ISO_TIME.match(text):
            return cast(datetime, parse(text))
    except ValidationError:
        pass
    lost = "; in an address `+` is a space, write %2B" if _PLUS_LOST.search(text) else ""
    told = "expected ISO 8601 with its offset, e.g. 2026-11-20T09:30:00+08:00"
    raise ValueError(f"got {text[:40]!r}, {told}{lost}")


def _of_this_century(moment: datetime) -> datetime:
    if not _FIRST <= moment < _END:
        raise ValueError(f"got {moment.isoformat()}, expected the years 2000 to 2099; set the device's clock")
    return moment


_FIRST, _END = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
IsoTime = Annotated[AwareDatetime, WrapValidator(_iso_time)]
CaptureTime = Annotated[IsoTime, AfterValidator(_of_this_century)]


class PhotoSource(StrEnum):
    """How a photo reached the service."""

    FIELD_PHOTO = "field_photo"
    CCTV = "cctv"
    CITIZEN_REPORT = "citizen_report"
    HOTLINE_12345 = "hotline_12345"
    UNDERCOVER = "undercover"
    SELF_INSPECTION = "self_inspection"
    PATROL_VEHICLE = "patrol_vehicle"
    UAV = "uav"
    HIGH_POINT = "high_point"


class Datum(StrEnum):
    """Geodetic datum of a position: EXIF says WGS-84, most Chinese map kits say GCJ-02; they differ by hundreds of metres."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"
    CGCS2000 = "cgcs2000"


class Wire(BaseModel):
    """Base of all wire models: an unknown key is an error, so that schema and JSON cannot drift apart."""

    model_config = ConfigDict(extra="forbid")


class ContextIn(Wire):
    """What the sender knows about the photo: query parameters of a raw upload, form fields of a multipart one."""

    venue_type: str | None = Field(
        None, description="Kind of place; `GET /v1/rules` lists them.", examples=["rental_housing"]
    )
    scene: str | None = Field(
        None, description="Where in the venue; `GET /v1/rules` lists them.", examples=["stairwell"]
    )
    source: PhotoSource = Field(PhotoSource.FIELD_PHOTO, description="How the photo was taken.")
    captured_at: CaptureTime | None = Field(
        None,
        description="ISO 8601 time on the device, with its UTC offset.",
        examples=["2026-11-20T09:30:00+08:00"],
    )
    facts: str | None = Field(
        None,
        description="Comma list of facts a person vouches for; `GET /v1/rules` lists them.",
        examples=["only_exit,occupied"],
    )
    venue_groups: str | None = Field(
        None,
        description="Comma list of groups that the venue belongs to beside those of its type, as its register says.",
        examples=["crowded,sleeping"],
    )
    empty_points: int | None = Field(
        None,
        ge=1,
        le=999,
        description="Empty extinguisher points on this floor; the larger of it and what is in view counts.",
    )
    closure_profile: str | None = Field(
        None, description="Region whose closing duties apply.", examples=["yunhe_zhejiang"]
    )
    venue_code: Annotated[str, StringConstraints(pattern=r"^[\w.:-]{1,64}$")] | None = Field(
        None, description="Code of the venue, as on its QR plate.", examples=["YH-0042"]
    )
    lat: float | None = Field(None, ge=-90, le=90, allow_inf_nan=False, description="Latitude in degrees.")
    lon: float | None = Field(None, ge=-180, le=180, allow_inf_nan=False, description="Longitude in degrees.")
    datum: Datum | None = Field(None, description="Datum of lat and lon; required with them.")
    accuracy_m: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="Radius of the position in metres."
    )


class TextOut(Wire):
    zh: str
    en: str


class FactOut(Wire):
    name: str
    source: Source


class ZoneOut(Wire):
    kind: str = Field(description="egress or search")
    polygon: list[tuple[float, float]]


class DetectionOut(Wire):
    class_name: str
    confidence: float = Field(ge=0, le=1)
    xyxy: Xyxy


class SceneOut(Wire):
    name: str
    source: Source
    confidence: float
    provisional: bool
    basis: TextOut


class ContextOut(Wire):
    venue_type: str
    venue_groups: list[str]
    scene: str | None
    scene_source: Source
    facts: list[FactOut]
    counts: dict[str, int]
    closure_profile: str
    single_frame: bool


class ClosingOut(Wire):
    profile: str
    closes: str
    due_days: int | None
    on_the_spot: bool
    interim_measure_hours: int | None
    supervised_by: str | None
    copy_to: str | None


class FindingOut(Wire):
    hazard: str
    outcome: Outcome
    xyxy: Xyxy
    confidence: float = Field(ge=0, le=1)
    risk_level: RiskLevel | None = Field(description="Initial level; null unless the outcome is `hazard`.")
    risk_level_residual: RiskLevel | None
    rule_ids: list[str]
    relation_ids: list[str]
    reason: TextOut
    facts: list[FactOut]
    ratios: dict[str, float]
    count: int
    evidence: list[int] = Field(description="Row numbers in `detections`.")
    zones: list[ZoneOut]
    questions: list[str] = Field(description="Ids in the inspection's `questions`.")
    routing: Routing
    suspected_major: bool
    emergency: bool
    major_fire_hazard_status: str
    provisional: bool
    needs_review: bool
    closing: ClosingOut | None


class QuestionOut(Wire):
    id: str
    text: TextOut
    sets: str | None = Field(description="The fact that a 'yes' supplies.")


class PositionOut(Wire):
    lat: float
    lon: float
    datum: Datum
    accuracy_m: float | None


class LinksOut(Wire):
    self: str
    annotated: str


class InspectionOut(Wire):
    """One inspected photo: the verdict and everything needed to reproduce and dispute it."""

    id: str
    links: LinksOut
    received_at: datetime = Field(description="Server time of the upload, UTC.")
    captured_at: datetime | None = Field(description="Device time as sent, in UTC.")
    clock_suspect: bool = Field(description="The device claims a time later than the upload.")
    source: PhotoSource
    venue_code: str | None
    position: PositionOut | None = Field(None, description="Only shown to the owner role.")
    schema_version: str
    image_sha256: str
    image_hw: tuple[int, int]
    verdict: Verdict
    risk_level: RiskLevel | None = Field(description="Highest level among hazards. Null never means safe.")
    notice: TextOut
    scene: SceneOut
    context: ContextOut
    detections: list[DetectionOut]
    findings: list[FindingOut]
    questions: list[QuestionOut]
    model_id: str
    model_sha256: str
    rules_version: str
    timings_ms: dict[str, float]


class FieldErrorOut(Wire):
    field: str
    message: str
    allowed: list[str] | None = None


class ProblemOut(BaseModel):
    """Problem document of RFC 9457; further members may follow."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldErrorOut] | None = None


class InspectionListOut(Wire):
    """Answer to several photos, in the order sent: an inspection, or the problem of the photo that failed."""

    inspections: list[InspectionOut | ProblemOut]


class ModelOut(Wire):
    id: str
    sha256: str
    class_names: list[str]
    input_size: int = Field(description="Longest side of the network's input in pixels.")
    operating_points: dict[str, float] = Field(description="Confidence threshold by class name.")
    default_operating_point: float
    licence: str
    dataset_sha256: str
    git_sha: str
    metrics: dict[str, float]


class ModelsOut(Wire):
    models: list[ModelOut]


class RulesOut(BaseModel):
    """The rule file as it was read."""

    model_config = ConfigDict(extra="allow")

    version: str
    venue_groups: dict[str, list[str]]
    scenes: list[str]
    hazards: dict[str, Any]


class WelcomeOut(Wire):
    """Where to begin."""

    service: str
    version: str
    docs: str = Field(description="The documentation, for a browser.")
    openapi: str = Field(description="The same for machines.")
    ready: str = Field(description="Whether photos are taken; needs no key.")


class AliveOut(Wire):
    status: str


class ReadyOut(Wire):
    status: str
    checks: dict[str, str]
