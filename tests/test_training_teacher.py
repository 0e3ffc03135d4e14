"""What a COCO model's detections become, by hand."""

import hashlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tiny_data import Photo, build_data_folder

from firewarden.datasets.labels import label_rows
from firewarden.detections import Detections
from firewarden.errors import DatasetError
from firewarden.training.metrics import GroundTruth, match_photo
from firewarden.training.photo_rows import RowReader, read_teacher
from firewarden.training.teacher import _Tally, agreement, draw_sheet, least_confidence
from firewarden.training.teacher_labels import TeacherPolicy, house_detections, uses_of

CLASSES = ("person", "bicycle", "ebike", "vehicle", "door", "furniture", "clutter", "power_cable")
COCO = ("person", "bicycle", "car", "motorcycle", "truck", "banana", "chair", "handbag")
HW = (100, 200)
CENTRE = (0.5, 0.5, 0.2, 0.4)  # pixels 80, 30 to 120, 70
EVERYWHERE = (0.5, 0.5, 1.0, 1.0)
POLICY = TeacherPolicy({"person": 0.5, "furniture": 0.5, "bicycle": 0.7})


def seen(
    *rows: tuple[str, float, tuple[float, float, float, float]], names: tuple[str, ...] = CLASSES
) -> Detections:
    boxes = np.array([box for _, _, box in rows], np.float32).reshape(-1, 4)
    return Detections(
        boxes,
        np.array([confidence for _, confidence, _ in rows], np.float32),
        np.array([names.index(name) for name, _, _ in rows], np.int64),
    )


def test_coco_classes_become_ours_and_car_and_truck_on_one_spot_are_one_vehicle() -> None:
    there = (80.0, 30.0, 120.0, 70.0)
    found = house_detections(
        seen(
            ("truck", 0.4, there), ("banana", 0.9, there), ("car", 0.8, (81, 30, 120, 70)),
            ("motorcycle", 0.6, (0, 0, 20, 20)), ("handbag", 0.3, (0, 0, 9, 9)), names=COCO,
        ),
        COCO, CLASSES,
    )  # fmt: skip
    assert [CLASSES[c] for c in found.class_id] == ["vehicle", "ebike", "clutter"]
    assert found.confidence.tolist() == pytest.approx([0.8, 0.6, 0.3])


HERE = (80.0, 30.0, 120.0, 70.0)


@pytest.mark.parametrize(
    ("row", "labels", "ignore", "use"),
    [
        pytest.param(("person", 0.5, HERE), [], [(0, *EVERYWHERE)], "label", id="not checked, sure"),
        pytest.param(("person", 0.49, HERE), [], [(0, *EVERYWHERE)], "ignore", id="not checked, unsure"),
        pytest.param(("person", 0.15, HERE), [], [(0, *EVERYWHERE)], "ignore", id="not checked, just seen"),
        pytest.param(("person", 0.14, HERE), [], [(0, *EVERYWHERE)], "none", id="not checked, not seen"),
        pytest.param(("person", 0.9, HERE), [], [], "ignore", id="checked, sure: in doubt"),
        pytest.param(("person", 0.4, HERE), [], [], "none", id="checked, unsure: the person was right"),
        pytest.param(
            ("person", 0.9, HERE), [(0, *CENTRE)], [(0, *EVERYWHERE)], "none", id="labelled already"
        ),
        pytest.param(
            ("person", 0.9, (90, 40, 100, 50)),
            [(0, *CENTRE)],
            [(0, *EVERYWHERE)],
            "none",
            id="inside a label",
        ),
        pytest.param(
            ("person", 0.9, (10, 10, 195, 95)), [(0, *CENTRE)], [(0, *EVERYWHERE)], "none", id="round a label"
        ),
        pytest.param(
            ("person", 0.9, (120, 30, 160, 70)),
            [(0, *CENTRE)],
            [(0, *EVERYWHERE)],
            "label",
            id="beside a label",
        ),
        pytest.param(("person", 0.9, HERE), [(4, *CENTRE)], [(0, *EVERYWHERE)], "label", id="before a door"),
        pytest.param(("person", 0.9, HERE), [], [(0, *CENTRE)], "none", id="in a local ignore region"),
        pytest.param(
            ("bicycle", 0.9, HERE), [(2, *CENTRE)], [(1, *EVERYWHERE)], "none", id="an e-bike, said a person"
        ),
        pytest.param(
            ("ebike", 0.9, HERE), [], [(2, *EVERYWHERE)], "ignore", id="never labelled, only ignored"
        ),
        pytest.param(("clutter", 0.54, HERE), [], [], "none", id="a doubtful class, unsure"),
        pytest.param(
            ("furniture", 0.9, (5, 2, 195, 98)), [], [(5, *EVERYWHERE)], "none", id="the table under a plate"
        ),
    ],
)
def test_what_becomes_of_a_detection(row, labels, ignore, use) -> None:
    assert uses_of(seen(row), label_rows(labels), label_rows(ignore), HW, CLASSES, POLICY) == [use]


def test_agreed_confidences_are_of_classes_that_may_be_labelled() -> None:
    with pytest.raises(DatasetError, match="expected values from"):
        TeacherPolicy({"ebike": 0.5})
    with pytest.raises(DatasetError, match="expected values from"):
        TeacherPolicy({"person": 0.1})


def test_agreement_counts_only_what_was_checked() -> None:
    def truth(labels, ignore):
        rows, ignored = label_rows(labels), label_rows(ignore)
        return GroundTruth(rows.class_id, rows.xyxy(HW), ignored.class_id, ignored.xyxy(HW))

    right = match_photo(seen(("person", 0.9, HERE)), truth([(0, *CENTRE)], []))
    wrong = match_photo(seen(("person", 0.45, HERE)), truth([], []))
    unchecked = match_photo(seen(("person", 0.95, HERE)), truth([], [(0, *EVERYWHERE)]))
    found = agreement([right, wrong, unchecked], CLASSES)["person"]
    by_confidence = {at: (precision, recall) for at, precision, recall in found.rows}
    assert found.objects == 1
    assert by_confidence[0.4] == (0.5, 1.0) and by_confidence[0.5] == (1.0, 1.0)
    assert found.least == 0.5


def test_labels_of_a_class_that_was_not_checked_do_not_make_the_teacher_right(tmp_path: Path) -> None:
    photos = [
        Photo("checked", labels=[(0, *CENTRE)], hw=HW),
        Photo("partly", labels=[(0, *CENTRE)], ignore=[(0, *EVERYWHERE)], hw=HW),
    ]
    folder = build_data_folder(tmp_path / "real", photos, CLASSES)
    tally = _Tally(CLASSES, POLICY)
    manifest = SimpleNamespace(class_names=CLASSES)
    teacher = SimpleNamespace(manifest=manifest, detect=lambda photo, **_: seen(("person", 0.9, HERE)))
    for photo in photos:
        tally.add(teacher, folder, folder / "images" / f"{photo.stem}.png")
    found = agreement(tally.matches, CLASSES)["person"]
    assert found.objects == 1  # not 2
    assert {at: precision for at, precision, _ in found.rows}[0.8] == 1.0


@pytest.mark.parametrize(
    ("precisions", "least"),
    [((0.5, 0.95, 0.99), 0.4), ((0.96, 0.9, 0.97), 0.5), ((0.96, 0.97, None), 0.3), ((0.2, 0.3, 0.4), None),
     ((None, None, None), None)],
)  # fmt: skip
def test_the_least_confidence_is_where_precision_stays_high(precisions, least) -> None:
    rows = [(at, precision, 1.0) for at, precision in zip((0.3, 0.4, 0.5), precisions, strict=True)]
    assert least_confidence(rows) == least


@pytest.fixture
def data(tmp_path: Path) -> Path:
    photos = [Photo("hall", labels=[(4, 0.5, 0.5, 0.2, 0.4)], ignore=[(0, *EVERYWHERE)]), Photo("bare")]
    return build_data_folder(tmp_path / "real", photos, CLASSES)


def teach(folder: Path, image: Path) -> Path:
    rows = [
        {"class": "person", "use": "label", "confidence": 0.9, "cxcywh": [0.1, 0.2, 0.1, 0.2]},
        {"class": "ebike", "use": "ignore", "confidence": 0.6, "cxcywh": [0.3, 0.4, 0.1, 0.2]},
    ]
    entry = {"image": image.name, "sha256": hashlib.sha256(image.read_bytes()).hexdigest(), "rows": rows}
    (folder / "rows").mkdir(parents=True)
    (folder / "rows" / f"{image.stem}.json").write_text(json.dumps(entry))
    return folder


def test_completed_rows_join_the_labels_of_train_photos_only(data: Path, tmp_path: Path) -> None:
    image = data / "images" / "hall.png"
    reader = RowReader(CLASSES, "whole", teach(tmp_path / "teacher", image))
    assert reader.read(image, data, complete=True).class_id.tolist() == [4, 0, 8 + 0, 8 + 2]
    assert reader.read(image, data, complete=False).class_id.tolist() == [4, 8 + 0]
    assert reader.read(data / "images" / "bare.png", data, complete=True).class_id.tolist() == []


def test_a_teacher_that_saw_another_picture_is_refused(data: Path, tmp_path: Path) -> None:
    image = data / "images" / "hall.png"
    teacher = teach(tmp_path / "teacher", image)
    image.write_bytes((data / "images" / "bare.png").read_bytes())
    with pytest.raises(DatasetError, match="another picture"):
        read_teacher(teacher, image, CLASSES)


def test_a_teacher_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="firewarden data complete"):
        RowReader(CLASSES, "whole", tmp_path)


def test_the_sheet_shows_photos_with_completed_labels(data: Path, tmp_path: Path) -> None:
    image = data / "images" / "hall.png"
    teacher = teach(tmp_path / "teacher", image)
    sheet = draw_sheet(teacher, [(data, image), (data, data / "images" / "bare.png")], CLASSES)
    assert sheet is not None and sheet.is_file()
    assert draw_sheet(teacher, [(data, data / "images" / "bare.png")], CLASSES) is None
