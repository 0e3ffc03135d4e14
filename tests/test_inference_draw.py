"""Annotated pictures: words, layout, colours, sizes, and what must never leave with the file."""

import hashlib
import io
from collections import Counter
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from firewarden.bulk.thumbnails import thumbnail
from firewarden.detections import Detections
from firewarden.errors import InvalidImage
from firewarden.findings import (
    Assessment,
    Finding,
    InspectionContext,
    Outcome,
    RiskLevel,
    Routing,
    SceneEstimate,
    Source,
    Text,
    Verdict,
    Zone,
)
from firewarden.fonts import cjk_font
from firewarden.inference.draw import MAX_LONG_SIDE, _fitting_banner, annotate, annotated_jpeg
from firewarden.inference.draw_banner import Line, banner_height, draw_banner, wrap_text
from firewarden.inference.draw_layout import place_plate
from firewarden.inference.draw_marks import (
    LEVEL_STYLES,
    VERDICT_WORDS,
    banner_stripe,
    marks_of,
    notice_line,
    verdict_lines,
)
from firewarden.inference.draw_shapes import dashes
from firewarden.inference.image import decode_image
from firewarden.inference.release import blur_for_release
from firewarden.inspection import InspectionResult

CLASSES = ("person", "door", "carton", "vehicle", "extinguisher")
NAMES = {"blocked_exit": Text("堵塞安全出口", "Blocked exit"), "carton": Text("纸箱", "carton")}
NO_TEXT = Text("", "")
SAMPLE = files("firewarden.inference") / "sample.jpg"


def finding(hazard="blocked_exit", xyxy=(300, 200, 700, 500), outcome=Outcome.HAZARD, **more):
    return Finding(hazard, outcome, xyxy, 0.9, Text("", ""), **more)


def graded(finding, level=None, **more):
    return finding, Assessment(finding.outcome, level, level, (), Routing.HUMAN_REVIEW, **more)


def result(*pairs, image_hw=(600, 1200), rows=(), sha256="0" * 64, verdict=Verdict.HAZARD, notice=NO_TEXT):
    """A result in JSON form; `rows` are (class name, xyxy)."""
    detections = Detections(
        np.array([box for _, box in rows], np.float32).reshape(-1, 4),
        np.full(len(rows), 0.8, np.float32),
        np.array([CLASSES.index(name) for name, _ in rows], np.int64),
    )
    return InspectionResult(
        image_sha256=sha256,
        image_hw=image_hw,
        detections=detections,
        class_names=CLASSES,
        scene=SceneEstimate("unknown", Source.MODEL, 0.5, True, Text("", "")),
        context=InspectionContext(),
        findings=tuple(f for f, _ in pairs),
        assessments=tuple(a for _, a in pairs),
        questions=(),
        verdict=verdict,
        notice=notice,
        model_id="test-model",
        model_sha256="0" * 64,
        rules_version="1",
        timings_ms={},
    ).to_json()


def grey(hw=(600, 1200), value=128):
    return np.full((*hw, 3), value, np.uint8)


# --- words


@pytest.mark.parametrize(
    ("level", "zh", "en"),
    [
        (RiskLevel.LOW, "低风险", "Low risk"),
        (RiskLevel.GENERAL, "一般风险", "General risk"),
        (RiskLevel.ELEVATED, "较大风险", "Elevated risk"),
        (RiskLevel.MAJOR, "重大风险", "Major risk"),
    ],
)
def test_every_level_is_said_in_words(level, zh, en):
    (mark,) = marks_of(result(graded(finding(), level)), NAMES, (1, 1))
    assert mark.lines == (f"堵塞安全出口：{zh}", f"Blocked exit: {en}")
    assert mark.style == LEVEL_STYLES[level] and not mark.style.dashed


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.HAZARD])
def test_every_other_outcome_is_grey_dashed_and_said_in_words(outcome):
    (mark,) = marks_of(result(graded(finding(outcome=outcome))), NAMES, (1, 1))
    assert mark.style.dashed
    assert max(mark.style.colour) - min(mark.style.colour) < 16
    assert mark.lines[0] != f"堵塞安全出口：{outcome}", "the outcome has no Chinese word"


def test_suspected_major_emergency_and_count_are_said():
    pair = graded(finding(count=3), RiskLevel.ELEVATED, suspected_major=True, emergency=True)
    (mark,) = marks_of(result(pair), NAMES, (1, 1))
    assert mark.lines[0] == "堵塞安全出口×3：较大风险，疑似重大，须核实，立即拨打119"
    assert mark.lines[1] == "Blocked exit×3: Elevated risk, possibly major, verify, call 119 now"


def test_a_count_stands_on_no_plate_where_each_thing_has_one_and_an_unsettled_level_says_so():
    three = [graded(finding(count=3), RiskLevel.GENERAL, provisional=True) for _ in range(3)]
    lines = {mark.lines for mark in marks_of(result(*three), NAMES, (1, 1))}
    assert lines == {("堵塞安全出口：一般风险，暂定", "Blocked exit: General risk, provisional")}


def test_names_of_the_result_come_first_then_those_given_then_the_code():
    shown = result(graded(finding("a")), graded(finding("b")), graded(finding("c")))
    shown["names"] = {"a": {"zh": "甲", "en": "A"}}
    marks = marks_of(shown, {"a": Text("旧", "old"), "b": Text("乙", "B")}, (1, 1))
    assert [mark.lines[1].split(":")[0] for mark in marks] == ["A", "B", "c"]


def test_marks_are_sorted_by_level_and_scaled():
    low, major = graded(finding(), RiskLevel.LOW), graded(finding(xyxy=(10, 20, 30, 40)), RiskLevel.MAJOR)
    site = graded(finding(outcome=Outcome.NEEDS_SITE_CHECK))
    marks = marks_of(result(site, low, major), NAMES, (2, 0.5))
    assert [mark.style.word.en for mark in marks] == ["Major risk", "Low risk", "Needs a site check"]
    assert marks[0].xyxy == (20, 10, 60, 20)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_no_verdict_reads_as_safe(verdict):
    shown = result(verdict=verdict)
    zh, en = verdict_lines(shown)
    assert VERDICT_WORDS[verdict].zh in zh
    assert "人工核实" in notice_line(shown)
    assert "a person must verify it" in en
    if verdict in (Verdict.NO_FINDING, Verdict.NOT_ASSESSABLE):
        assert "不代表安全" in zh and "does not mean safe" in en
        assert banner_stripe(shown)[1] <= max(banner_stripe(shown)[::2]), "the stripe must not be green"


@pytest.mark.parametrize(
    ("notice", "line"),
    [
        pytest.param("须人工核实。", "须人工核实。", id="already said"),
        pytest.param("请重拍", "请重拍；AI 辅助提示，须人工核实", id="added"),
        pytest.param("", "AI 辅助提示，须人工核实", id="alone"),
    ],
)
def test_the_notice_always_asks_for_a_person(notice, line):
    assert notice_line(result(notice=Text(notice, ""))) == line


# --- layout


@pytest.mark.parametrize(
    ("anchor", "taken", "place"),
    [
        pytest.param((100, 100, 200, 200), [], (100, 80, 160, 100), id="above, left edges in line"),
        pytest.param((100, 100, 200, 200), [(90, 70, 139, 95)], (140, 80, 200, 100), id="above left is taken: above right"),
        pytest.param((100, 0, 200, 100), [], (100, 100, 160, 120), id="no room above: below"),
        pytest.param((385, 100, 395, 200), [], (340, 80, 400, 100), id="near the right edge: slid inside"),
        pytest.param((0, 0, 400, 300), [], (0, 0, 60, 20), id="a box as large as the picture: inside its corner"),
    ],
)  # fmt: skip
def test_where_a_plate_goes(anchor, taken, place):
    found = place_plate(anchor, (60, 20), (400, 300), taken=taken, avoid=[anchor])
    assert found == pytest.approx(place, abs=0.1)


def test_a_plate_moves_away_from_what_it_would_hide():
    sign = (100, 80, 130, 100)
    found = place_plate((100, 100, 200, 200), (60, 20), (400, 300), taken=[], avoid=[sign])
    assert found == pytest.approx((140, 80, 200, 100), abs=0.1)


def test_no_place_is_none():
    assert place_plate((0, 0, 10, 10), (60, 20), (50, 300), taken=[], avoid=[]) is None
    full = [(0.0, 0.0, 400.0, 300.0)]
    assert place_plate((0, 0, 10, 10), (60, 20), (400, 300), taken=full, avoid=[]) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.floats(0, 1) for _ in range(4)], st.integers(20, 200), st.integers(10, 60)),
        min_size=1,
        max_size=12,
    ),
    st.booleans(),
)
def test_plates_stay_inside_and_never_overlap(items, near_only):
    taken = []
    for x, y, w, h, *wh in items:
        anchor = (x * 640, y * 480, x * 640 + w * (640 - x * 640), y * 480 + h * (480 - y * 480))
        place = place_plate(anchor, tuple(wh), (640, 480), taken=taken, avoid=[anchor], near_only=near_only)
        if place is None:
            continue
        x0, y0, x1, y1 = place
        assert x0 >= -0.1 and y0 >= -0.1 and x1 <= 640.1 and y1 <= 480.1
        for a0, b0, a1, b1 in taken:
            overlap = max(0, min(x1, a1) - max(x0, a0)) * max(0, min(y1, b1) - max(y0, b0))
            assert overlap <= 0.6
        taken.append(place)


# --- banner


@pytest.mark.parametrize("room_px", range(190, 400, 15))
def test_wrapped_rows_fit_and_lose_nothing(room_px):
    text = "发现疑似隐患，最高重大风险（系统提示）。Suspected hazard, highest: Major risk (proposed)."
    rows = wrap_text(Line(text, 30), room_px)
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")
    for row in rows:
        assert cjk_font(30, "Regular").getlength(row) <= room_px
        assert row[0] not in "，。）)," and row[-1] not in "（("


def test_a_word_longer_than_the_room_is_cut():
    rows = wrap_text(Line("a" * 200, 20), 100)
    assert "".join(rows) == "a" * 200 and len(rows) > 5
    assert wrap_text(Line("", 20), 100) == []


def test_a_banner_is_as_high_as_its_rows():
    one, three = (
        draw_banner([Line("字" * n, 30)], 170, (9, 8, 7)) for n in (4, 12)
    )  # four characters fit a row
    assert three.height - one.height == 2 * round(30 * 1.32)
    assert one.size[0] == 170 and one.getpixel((2, 2)) == (9, 8, 7)


def test_dashes_cover_corners_and_half_of_the_edge():
    strokes = dashes([(0, 0), (90, 0), (90, 90), (0, 90)], 10)
    top = [stroke for stroke in strokes if stroke[0][1] == stroke[1][1] == 0]
    assert top[0][0] == (0, 0) and top[-1][1] == (90, 0)
    assert sum(end[0] - start[0] for start, end in top) == pytest.approx(
        90 * 5 / 9
    )  # 9 pieces, every other one


# --- pictures


def test_the_box_has_the_colour_of_its_level():
    drawn = annotate(grey(), result(graded(finding(), RiskLevel.MAJOR)), NAMES)
    assert drawn.shape[1] == 1200 and drawn.shape[0] > 600
    red, green, blue = drawn[350, 300][::-1].astype(int)  # middle of the left edge
    assert (red, green, blue) == LEVEL_STYLES[RiskLevel.MAJOR].colour
    assert tuple(drawn[350, 500]) == (128, 128, 128), "the inside of a box stays as it was"


def test_a_dashed_box_has_gaps():
    drawn = annotate(grey(), result(graded(finding(outcome=Outcome.NOT_ASSESSABLE))), NAMES)
    left_edge = drawn[210:490, 300].astype(int)
    grey_share = (np.abs(left_edge - 128).max(axis=1) < 8).mean()
    assert 0.2 < grey_share < 0.8


@pytest.mark.parametrize(
    ("outcome", "level", "channel"),
    [
        pytest.param(Outcome.HAZARD, RiskLevel.GENERAL, 2, id="blocked: red"),
        pytest.param(Outcome.NOT_ASSESSABLE, None, 1, id="not blocked: green"),
    ],
)
def test_the_egress_zone_is_tinted(outcome, level, channel):
    zone = Zone("egress", ((800, 400), (1100, 400), (1100, 560), (800, 560)))
    pair = graded(finding(xyxy=(100, 100, 300, 300), outcome=outcome, zones=(zone,)), level)
    drawn = annotate(grey(), result(pair), NAMES)[410:550, 810:1090].astype(int)
    others = np.delete(drawn, channel, axis=2).mean(axis=(0, 1))
    assert drawn[..., channel].mean() > 135 and others.min() < 128
    striped = drawn[70, :, 2].std()
    assert striped > 10 if level else striped < 2, "only a blocked zone is hatched"


def test_evidence_is_outlined_in_white():
    rows = [("carton", (800, 300, 1000, 500)), ("door", (100, 100, 200, 400))]
    drawn = annotate(
        grey(), result(graded(finding(xyxy=(20, 20, 60, 60), evidence=(0,)), RiskLevel.LOW), rows=rows)
    )
    assert (drawn[400, 798:803] > 240).all(axis=1).any()
    assert tuple(drawn[250, 100]) == (128, 128, 128), "a detection that is no evidence is not drawn"


@pytest.mark.parametrize(
    "hw", [(260, 200), (200, 260), (1080, 1920), (3000, 2250), (60, 900), (900, 60), (32, 32), (1600, 1600)]
)
def test_any_size_of_photo_fits(hw):
    h, w = hw
    pairs = [graded(finding(xyxy=(0, 0, w, h), evidence=(0,)), level) for level in RiskLevel]
    shown = result(*pairs, image_hw=hw, rows=[("door", (0, 0, w / 2, h))])
    drawn = annotate(grey(hw), shown, NAMES)
    assert 960 * 0.95 <= max(drawn.shape[:2]) <= MAX_LONG_SIDE
    assert drawn.dtype == np.uint8 and drawn.shape[2] == 3


@pytest.mark.parametrize("hw", [(1600, 1200), (1600, 720)])
@pytest.mark.parametrize("n", [8, 15, 40])
def test_many_findings_leave_half_of_the_picture_to_the_photo(hw, n):
    """No word of the picture is as green as the photo, so its rows can be counted. Every finding has a plate of its own."""
    h, w = hw
    pairs = [graded(finding(f"hazard_{k}", (0, 0, w, h)), RiskLevel.ELEVATED) for k in range(n)]
    pixels = np.zeros((*hw, 3), np.uint8)
    pixels[..., 1] = 255
    drawn = annotate(pixels, result(*pairs, image_hw=hw), {})
    rows = np.flatnonzero((drawn == (0, 255, 0)).all(axis=2).any(axis=1))
    assert max(drawn.shape[:2]) <= MAX_LONG_SIDE
    assert rows[-1] - rows[0] >= 0.5 * max(drawn.shape[:2])


def hidden_items(hidden, room_wh):
    """The items of a banner of 1600 px pictures; the other lines are a title, the notice or the provenance."""
    lines = _fitting_banner(result(), Counter(hidden), 1600, room_wh)
    assert banner_height(lines, room_wh[0]) <= room_wh[1]
    assert len([line for line in lines if not line.text.startswith("◆")]) == 4
    return [line.text for line in lines if line.text.startswith("◆")]


def test_the_banner_lists_equal_findings_once_and_counts_what_has_no_room():
    hidden = {("甲", "A"): 5, ("乙", "B"): 1, ("丙", "C"): 2}
    assert hidden_items(hidden, (1600, 900)) == ["◆ 甲 A ×5", "◆ 乙 B", "◆ 丙 C ×2"]
    rows = [Line("字", size) for size in (44, 36, 36, 36, 36, 36, 36)]  # every line fits one row
    full = banner_height(rows, 1600)
    assert hidden_items(hidden, (1600, full)) == ["◆ 甲 A ×5", "◆ 乙 B", "◆ 丙 C ×2"]
    more = "◆ 另有 3 项，见结果 / 3 more, see the result"
    assert hidden_items(hidden, (1600, full - 1)) == ["◆ 甲 A ×5", more]


def test_a_photo_decoded_at_half_size_gives_the_same_picture_frame():
    shown = result(graded(finding(), RiskLevel.LOW))
    full, half = annotate(grey((600, 1200)), shown), annotate(grey((300, 600)), shown)
    assert half.shape[1] == 960 and full.shape[1] == 1200
    assert abs(half.shape[0] / 960 - full.shape[0] / 1200) < 0.02


def test_annotate_leaves_its_input_alone():
    pixels = grey()
    pixels.flags.writeable = False
    annotate(pixels, result(graded(finding(), RiskLevel.LOW)))
    assert (pixels == 128).all()


# --- files


def jpeg_of(pixels, **save):
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., ::-1]).save(buffer, "JPEG", quality=95, **save)
    return buffer.getvalue()


def test_the_file_carries_no_exif_and_names_its_parent():
    exif = Image.Exif()
    exif[0x010F] = "Phone"
    exif.get_ifd(0x8825)[1] = "N"  # GPS latitude reference
    data = jpeg_of(grey((1500, 2000)), exif=exif, comment=b"street and number")
    sha256 = hashlib.sha256(data).hexdigest()
    jpeg = annotated_jpeg(data, result(image_hw=(1500, 2000), sha256=sha256, verdict=Verdict.NO_FINDING))
    saved = Image.open(io.BytesIO(jpeg))
    assert saved.format == "JPEG" and max(saved.size) <= MAX_LONG_SIDE
    assert dict(saved.getexif()) == {} and "exif" not in saved.info
    assert sha256.encode() in saved.info["comment"] and b"street" not in jpeg


def test_the_result_of_another_photo_is_refused():
    with pytest.raises(ValueError, match="draw each result on its own photo"):
        annotated_jpeg(jpeg_of(grey()), result(sha256="f" * 64))


def test_a_photo_above_the_usual_bound_that_was_inspected_is_drawn():
    """54 million pixels, where FIREWARDEN_MAX_PIXELS allows them; `image_hw` of the result says that it was taken."""
    stream = io.BytesIO()
    Image.new("RGB", (9000, 6000), (90, 120, 90)).save(stream, "JPEG")
    data = stream.getvalue()
    sha256 = hashlib.sha256(data).hexdigest()
    drawn = Image.open(io.BytesIO(annotated_jpeg(data, result(image_hw=(6000, 9000), sha256=sha256))))
    assert max(drawn.size) == MAX_LONG_SIDE
    small = Image.open(io.BytesIO(thumbnail(data, result(image_hw=(6000, 9000), sha256=sha256))))
    assert small.size == (480, 320)
    with pytest.raises(InvalidImage, match="expected at most 50000000"):
        annotated_jpeg(data, result(image_hw=(600, 1200), sha256=sha256))


def test_private_regions_are_blurred_before_drawing():
    pixels = np.random.default_rng(4).integers(0, 256, (600, 1200, 3), dtype=np.uint8)
    rows = [
        ("person", (100, 100, 200, 500)),
        ("vehicle", (500, 200, 1000, 500)),
        ("door", (1050, 100, 1150, 500)),
    ]
    shown = result(rows=rows)
    blurred = blur_for_release(pixels, shown).astype(int)
    kept, head, car = blurred[150:450, 1060:1140], blurred[110:180, 110:190], blurred[220:480, 520:980]
    assert head.std() < 0.3 * kept.std() and car.std() < 0.3 * kept.std()
    assert np.array_equal(blurred[300:500, 100:200], pixels[300:500, 100:200]), (
        "below the head nothing is blurred"
    )


def test_the_file_shows_the_blurred_photo():
    pixels = np.kron(
        np.random.default_rng(4).integers(0, 256, (75, 150, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8)
    )
    data = jpeg_of(pixels)
    sha256 = hashlib.sha256(data).hexdigest()
    jpeg = annotated_jpeg(data, result(rows=[("person", (100, 100, 200, 500))], sha256=sha256))
    shown = np.asarray(Image.open(io.BytesIO(jpeg)), int)
    assert shown.shape[1] == 1200, "this photo is drawn at its own size"
    assert shown[110:180, 110:190].std() < 0.6 * shown[110:180, 310:390].std()


def test_boxes_of_original_pixels_fit_a_reduced_decode():
    pixels = np.random.default_rng(4).integers(0, 256, (300, 600, 3), dtype=np.uint8)
    blurred = blur_for_release(pixels, result(image_hw=(600, 1200), rows=[("vehicle", (600, 0, 1200, 600))]))
    assert np.array_equal(blurred[:, :270], pixels[:, :270])  # from 300 on, and a tenth of 300 before
    assert blurred[:, 310:].std() < 0.5 * pixels[:, 310:].std()


def test_the_sample_is_annotated_the_same_way_every_time():
    data = SAMPLE.read_bytes()
    image = decode_image(data)
    shown = result(graded(finding(), RiskLevel.GENERAL), image_hw=image.original_hw, sha256=image.sha256)
    assert annotated_jpeg(data, shown, NAMES) == annotated_jpeg(data, shown, NAMES)
