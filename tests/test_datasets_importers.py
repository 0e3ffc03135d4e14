"""Label formats of others: each read by hand, damage named, and the way into a house folder and back."""

import codecs
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from tiny_data import Photo, build_data_folder, register_file

from firewarden.datasets.class_map import checked_classes, parse_class_map
from firewarden.datasets.house_folder import Batch, file_names, names_below, write_house_folder
from firewarden.datasets.import_source import FORMATS, import_source
from firewarden.datasets.imported import ImportedPhoto, ImportPlan
from firewarden.datasets.labels import read_labels
from firewarden.datasets.register import read_register
from firewarden.errors import DatasetError

CLASSES = ("person", "vehicle", "door")
WIDTH, HEIGHT = 200, 100
CAR = (20, 10, 60, 50)  # x0, y0, x1, y1 px -> cx 0.2, cy 0.3, w 0.2, h 0.4
GATE = (100, 50, 200, 100)  # cx 0.75, cy 0.75, w 0.5, h 0.5


def plan_of(*maps: str, frame="auto", checked: str = "all", drop: bool = False) -> ImportPlan:
    class_map = parse_class_map(maps or ("car=vehicle,gate=door",), CLASSES, drop_unmapped=drop)
    return ImportPlan(class_map, checked_classes([checked] if checked else [], class_map), frame)


def draw_picture(folder: Path, name: str = "a.jpg", *, orientation: int = 1, wh=(WIDTH, HEIGHT)) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", wh, (90, 120, 150)).save(folder / name, exif=exif)


def coco(folder: Path, annotations, *, file_name: str = "a.jpg", wh=(WIDTH, HEIGHT)) -> Path:
    table = {
        "images": [{"id": 7, "file_name": file_name, "width": wh[0], "height": wh[1]}],
        "categories": [{"id": 3, "name": "car"}, {"id": 9, "name": "gate"}],
        "annotations": [{"id": n, "image_id": 7} | row for n, row in enumerate(annotations)],
    }
    (folder / "instances.json").write_text(json.dumps(table))
    return folder / "instances.json"


def voc(folder: Path, objects: str, *, head: str = "") -> Path:
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
    text = f"{head}<annotation><filename>a.jpg</filename>{size}{objects}</annotation>"
    (folder / "a.xml").write_text(text)
    return folder


def voc_object(name: str, box, extra: str = "") -> str:
    corners = "".join(
        f"<{tag}>{v}</{tag}>" for tag, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    return f"<object><name>{name}</name>{extra}<bndbox>{corners}</bndbox></object>"


def labelme(folder: Path, *shapes: tuple[str, str, list]) -> Path:
    rows = [{"label": label, "shape_type": kind, "points": points} for label, kind, points in shapes]
    table = {"imagePath": "..\\pics\\a.jpg", "imageHeight": HEIGHT, "imageWidth": WIDTH, "shapes": rows}
    (folder / "a.json").write_text(json.dumps(table))
    return folder


def cvat(folder: Path, shapes: str, *, version: str = "1.1", head: str = "") -> Path:
    image = f'<image id="0" name="a.jpg" width="{WIDTH}" height="{HEIGHT}">{shapes}</image>'
    path = folder / "annotations.xml"
    path.write_text(f"{head}<annotations><version>{version}</version>{image}</annotations>")
    return path


def yolo(folder: Path, text: str) -> Path:
    (folder / "labels").mkdir(exist_ok=True)
    (folder / "labels" / "a.txt").write_text(text)
    (folder / "data.yaml").write_text("names: {0: car, 1: gate}\n")
    return folder


def both(folder: Path, label_format: str) -> Path:
    """The car and the gate, in any format."""
    x0, y0, x1, y1 = CAR
    if label_format == "yolo":
        draw_picture(folder, "images/a.jpg")
        return yolo(folder, "0 0.2 0.3 0.2 0.4\n1 0.75 0.75 0.5 0.5\n")
    draw_picture(folder)
    if label_format == "coco":
        return coco(
            folder,
            [{"category_id": 3, "bbox": [20, 10, 40, 40]}, {"category_id": 9, "bbox": [100, 50, 100, 50]}],
        )
    if label_format == "voc":
        return voc(folder, voc_object("car", CAR) + voc_object("gate", GATE))
    if label_format == "labelme":
        gate = ("gate", "polygon", [[100, 75], [150, 50], [200, 75], [150, 100]])
        return labelme(folder, ("car", "rectangle", [[x1, y0], [x0, y1]]), gate)
    gate = '<polygon label="gate" points="100,75;150,50;200,75;150,100"/>'
    return cvat(folder, f'<tag label="day"/><box label="car" xtl="20" ytl="10" xbr="60" ybr="50"/>{gate}')


def rows_of(photo: ImportedPhoto) -> list[list[float]]:
    rows = zip(photo.rows.class_id, photo.rows.cxcywh, strict=True)
    return [[int(class_id), *(round(float(v), 5) for v in box)] for class_id, box in rows]


def one(label_format: str, labels: Path, plan: ImportPlan | None = None) -> ImportedPhoto:
    ((photo,), _) = import_source(label_format, labels, None, plan or plan_of())
    return photo


@pytest.mark.parametrize("label_format", FORMATS)
def test_every_format_gives_the_same_photo(tmp_path: Path, label_format: str) -> None:
    photo = one(label_format, both(tmp_path, label_format))
    assert photo.hw == (HEIGHT, WIDTH)
    np.testing.assert_allclose(
        rows_of(photo), [[1, 0.2, 0.3, 0.2, 0.4], [2, 0.75, 0.75, 0.5, 0.5]], atol=1e-5
    )
    assert (len(photo.ignored), photo.notes) == (0, ())


@pytest.mark.parametrize("label_format", FORMATS)
def test_a_class_nobody_decided_about_is_refused(tmp_path: Path, label_format: str) -> None:
    labels = both(tmp_path, label_format)
    with pytest.raises(DatasetError, match=r"got classes \['gate'\] that the map does not name"):
        one(label_format, labels, plan_of("car=vehicle"))
    photo = one(label_format, labels, plan_of("car=vehicle", drop=True))
    assert (photo.rows.class_id.tolist(), photo.notes) == ([1], ("1 box of classes left out",))


def test_crowds_and_difficult_objects_are_ignored(tmp_path: Path) -> None:
    draw_picture(tmp_path)
    crowd = {"category_id": 3, "bbox": [0, 0, 100, 100], "iscrowd": 1}
    photo = one("coco", coco(tmp_path, [crowd]))
    assert (len(photo.rows), photo.ignored.class_id.tolist()) == (0, [1])
    np.testing.assert_allclose(photo.ignored.cxcywh, [[0.25, 0.5, 0.5, 1.0]])
    photo = one("voc", voc(tmp_path, voc_object("car", CAR, "<difficult>1</difficult>")))
    assert (len(photo.rows), len(photo.ignored)) == (0, 1)


@pytest.mark.parametrize(
    ("said", "ignored"), [("1", 1), ("true", 1), (" True ", 1), ("0", 0), ("false", 0), ("", 0)]
)
def test_tools_write_yes_and_no_in_their_own_ways(tmp_path: Path, said: str, ignored: int) -> None:
    draw_picture(tmp_path)
    photo = one("voc", voc(tmp_path, voc_object("car", CAR, f"<difficult>{said}</difficult>")))
    assert (len(photo.rows), len(photo.ignored)) == (1 - ignored, ignored)
    photo = one("coco", coco(tmp_path, [{"category_id": 3, "bbox": [0, 0, 9, 9], "iscrowd": said}]))
    assert (len(photo.rows), len(photo.ignored)) == (1 - ignored, ignored)


def test_a_flag_of_something_else_is_named(tmp_path: Path) -> None:
    draw_picture(tmp_path)
    with pytest.raises(DatasetError, match=r"object 1 difficult: got 'rather', expected 0 or 1"):
        one("voc", voc(tmp_path, voc_object("car", CAR, "<difficult>rather</difficult>")))


def test_a_labelme_shape_without_a_type_is_a_polygon(tmp_path: Path) -> None:
    """As LabelMe wrote them before it had other shapes."""
    draw_picture(tmp_path)
    labels = labelme(tmp_path, ("car", "polygon", [[20, 10], [60, 30], [20, 50]]))
    table = json.loads((labels / "a.json").read_text())
    del table["shapes"][0]["shape_type"]
    (labels / "a.json").write_text(json.dumps(table))
    assert rows_of(one("labelme", labels)) == [[1, 0.2, 0.3, 0.2, 0.4]]


@pytest.mark.parametrize("label_format", ["yolo", "voc", "labelme"])
def test_companion_files_of_macos_are_no_photos_or_labels(tmp_path: Path, label_format: str) -> None:
    labels = both(tmp_path, label_format)
    for path in [*text_files(tmp_path), *tmp_path.rglob("*.jpg")]:
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7")
    assert len(one(label_format, labels).rows) == 2


def test_a_coco_polygon_stands_in_for_a_box(tmp_path: Path) -> None:
    draw_picture(tmp_path)
    polygons = [[20, 10, 60, 10, 60, 30], [30, 30, 50, 50, 30, 50]]
    photo = one("coco", coco(tmp_path, [{"category_id": 3, "segmentation": polygons}]))
    assert rows_of(photo) == [[1, 0.2, 0.3, 0.2, 0.4]]


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        pytest.param('<box label="car" xtl="80" ytl="40" xbr="120" ybr="60" rotation="90"/>', (90, 30, 110, 70), id="box, quarter turn"),
        pytest.param('<box label="car" xtl="90" ytl="40" xbr="110" ybr="60" rotation="45"/>', (85.85786, 35.85786, 114.14214, 64.14214), id="square on its corner"),
        pytest.param('<ellipse label="car" cx="100" cy="50" rx="30" ry="10" rotation="90"/>', (90, 20, 110, 80), id="ellipse, quarter turn"),
        pytest.param('<ellipse label="car" cx="100" cy="50" rx="20" ry="20" rotation="33"/>', (80, 30, 120, 70), id="a circle stays one"),
        pytest.param('<polyline label="car" points="10,20;30,5;90,60"/>', (10, 5, 90, 60), id="polyline"),
        pytest.param('<polygon label="car" points="10,20;30,5;90,60;"/>', (10, 5, 90, 60), id="a semicolon at the end"),
        pytest.param('<mask label="car" rle="1" left="20" top="10" width="40" height="30"/>', (20, 10, 60, 40), id="mask"),
    ],
)  # fmt: skip
def test_cvat_shapes_become_enclosing_boxes(tmp_path: Path, shape: str, box) -> None:
    draw_picture(tmp_path)
    photo = one("cvat", cvat(tmp_path, shape))
    np.testing.assert_allclose(photo.rows.xyxy((HEIGHT, WIDTH)), [box], atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "points", "box"),
    [
        pytest.param("circle", [[100, 50], [103, 54]], (95, 45, 105, 55), id="circle by centre and rim"),
        pytest.param("linestrip", [[10, 20], [30, 5], [90, 60]], (10, 5, 90, 60), id="a cable"),
    ],
)
def test_labelme_shapes_become_enclosing_boxes(tmp_path: Path, kind: str, points, box) -> None:
    draw_picture(tmp_path)
    photo = one("labelme", labelme(tmp_path, ("car", kind, points)))
    np.testing.assert_allclose(photo.rows.xyxy((HEIGHT, WIDTH)), [box], atol=1e-4)


def test_a_yolo_polygon_becomes_its_box_and_names_may_be_a_list(tmp_path: Path) -> None:
    draw_picture(tmp_path, "train/images/a.jpg")
    (tmp_path / "train" / "labels").mkdir()
    (tmp_path / "train" / "labels" / "a.txt").write_text("1 0.1 0.1 0.3 0.1 0.3 0.5\n")
    (tmp_path / "data.yaml").write_text("names: [gate, car]\n")
    ((photo,), root) = import_source("yolo", tmp_path, None, plan_of())
    assert rows_of(photo) == [[1, 0.2, 0.3, 0.2, 0.4]]
    assert names_below([photo], root) == ("train/a.jpg",)


CAR_BOX, THREE_POINTS = "0 0.2 0.3 0.2 0.4", " 0.9 0.9 2 0.8 0.8 1 0 0 0"


@pytest.mark.parametrize(
    ("row", "shape"),
    [
        pytest.param(CAR_BOX + THREE_POINTS, "[3, 3]", id="points with visibility, an odd count"),
        pytest.param(CAR_BOX + " 0.9 0.9 0.8 0.8", "[2, 2]", id="points alone, as many numbers as a polygon"),
        pytest.param(CAR_BOX, "[3, 3]", id="no points"),
    ],
)
def test_keypoints_behind_a_yolo_box_are_left_out(tmp_path: Path, row: str, shape: str) -> None:
    draw_picture(tmp_path, "images/a.jpg")
    labels = yolo(tmp_path, row)
    (tmp_path / "data.yaml").write_text(f"names: [car, gate]\nkpt_shape: {shape}\n")
    assert rows_of(one("yolo", labels)) == [[1, 0.2, 0.3, 0.2, 0.4]]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        pytest.param("[2, 3]", r"a\.txt:1: got 13 numbers, expected 4 of a box and 6 of keypoints", id="other points"),
        pytest.param("17", "got kpt_shape 17", id="a number"),
        pytest.param("[0, 3]", r"got kpt_shape \[0, 3\]", id="no points"),
        pytest.param("[3, 4]", r"got kpt_shape \[3, 4\]", id="four numbers a point"),
    ],
)  # fmt: skip
def test_keypoints_that_do_not_fit_are_refused(tmp_path: Path, shape: str, message: str) -> None:
    draw_picture(tmp_path, "images/a.jpg")
    labels = yolo(tmp_path, CAR_BOX + THREE_POINTS)
    (tmp_path / "data.yaml").write_text(f"names: [car, gate]\nkpt_shape: {shape}\n")
    with pytest.raises(DatasetError, match=message):
        one("yolo", labels)


@pytest.mark.parametrize(
    ("label_format", "build", "message"),
    [
        pytest.param("yolo", lambda f: yolo(f, "2 0.5 0.5 0.1 0.1"), r"a\.txt:1: got class '2'", id="class id too high"),
        pytest.param("yolo", lambda f: yolo(f, "0 0.5 0.5 0.1 0.1 0.9"), "got 5 numbers", id="a confidence too many"),
        pytest.param("yolo", lambda f: yolo(f, "0 0.5 nan 0.1 0.1"), "got 'nan', expected a number", id="not a number"),
        pytest.param("coco", lambda f: coco(f, [{"category_id": 4, "bbox": [0, 0, 1, 1]}]), "category 4 is not in the file", id="unknown category"),
        pytest.param("coco", lambda f: coco(f, [{"category_id": 3}]), "neither bbox nor polygons", id="no box"),
        pytest.param("coco", lambda f: coco(f, [], file_name="../../etc/a.jpg"), "lies outside", id="a way out of the folder"),
        pytest.param("coco", lambda f: coco(f, [], file_name="b.jpg"), r"b\.jpg is missing", id="no such picture"),
        pytest.param("coco", lambda f: coco(f, [], file_name="a.bmp"), "Convert it", id="unknown kind of picture"),
        pytest.param("coco", lambda f: coco(f, [], wh=(0, 100)), "got a size of 0x100", id="no width"),
        pytest.param("coco", lambda f: coco(f, [], wh=(100, 100)), "Give the picture that was labelled", id="another picture"),
        pytest.param("voc", lambda f: voc(f, voc_object("car", ("a", 1, 2, 3))), "got 'a', expected a number", id="no number"),
        pytest.param("voc", lambda f: voc(f, "<object/>"), "got None, expected a number", id="no box in an object"),
        pytest.param("voc", lambda f: voc(f, "", head="<!DOCTYPE a [<!ENTITY b 'c'>]>"), "DOCTYPE or ENTITY", id="entities"),
        pytest.param("voc", lambda f: voc(f, "<object>"), "not a readable XML file", id="broken XML"),
        pytest.param("cvat", lambda f: cvat(f, "", head='<!DOCTYPE a SYSTEM "file:///etc/passwd">'), "DOCTYPE or ENTITY", id="a file from outside"),
        pytest.param("cvat", lambda f: cvat(f, "", version="1.0"), "of version '1.0'", id="another version"),
        pytest.param("cvat", lambda f: cvat(f, '<points label="car" points="1,2"/>'), "got <points>", id="a single point"),
        pytest.param("cvat", lambda f: cvat(f, '<polygon label="car" points="1,2;3"/>'), "got points '1,2;3'", id="half a point"),
        pytest.param("labelme", lambda f: labelme(f, ("car", "point", [[1, 2]])), "got 'point' of 1 points", id="a point"),
        pytest.param("labelme", lambda f: labelme(f, ("car", "polygon", [[1, 2], [3, 4]])), "got 'polygon' of 2 points", id="two corners"),
        pytest.param("labelme", lambda f: labelme(f, ("car", "rectangle", [[1], [3, 4]])), "expected 2 numbers", id="half a corner"),
    ],
)  # fmt: skip
def test_damage_is_named(tmp_path: Path, label_format: str, build, message: str) -> None:
    draw_picture(tmp_path, "images/a.jpg" if label_format == "yolo" else "a.jpg")
    with pytest.raises(DatasetError, match=message):
        one(label_format, build(tmp_path))


@pytest.mark.parametrize("label_format", FORMATS)
def test_a_byte_order_mark_changes_nothing(tmp_path: Path, label_format: str) -> None:
    """Also where classes that the map lacks are dropped: the first class is not called otherwise."""
    labels = both(tmp_path, label_format)
    for path in text_files(tmp_path):
        path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    photo = one(label_format, labels, plan_of(drop=True))
    np.testing.assert_allclose(
        rows_of(photo), [[1, 0.2, 0.3, 0.2, 0.4], [2, 0.75, 0.75, 0.5, 0.5]], atol=1e-5
    )
    assert photo.notes == ()


@pytest.mark.parametrize("label_format", FORMATS)
def test_names_in_another_encoding_are_refused(tmp_path: Path, label_format: str) -> None:
    labels = both(tmp_path, label_format)
    for path in text_files(tmp_path):
        path.write_bytes(path.read_bytes().replace(b"car", "电动车".encode("gbk")))
    with pytest.raises(DatasetError, match="Save it as UTF-8|not a readable XML file"):
        one(label_format, labels)


def text_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.*") if path.suffix != ".jpg"]


def test_a_yolo_list_of_names_may_begin_with_a_byte_order_mark_and_is_utf_8(tmp_path: Path) -> None:
    both(tmp_path, "yolo")
    (tmp_path / "data.yaml").unlink()
    names = tmp_path / "classes.txt"
    names.write_text("car\ngate\n", encoding="utf-8-sig")
    assert [row[0] for row in rows_of(one("yolo", tmp_path, plan_of(drop=True)))] == [1, 2]
    names.write_text("电动车\ngate\n", encoding="gbk")
    with pytest.raises(DatasetError, match=r"classes\.txt: .*Save it as UTF-8"):
        one("yolo", tmp_path)


def test_xml_in_another_encoding_cannot_hide_an_entity(tmp_path: Path) -> None:
    draw_picture(tmp_path)
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "c">]><annotation/>'
    (tmp_path / "a.xml").write_text(text, encoding="utf-16")
    with pytest.raises(DatasetError, match="DOCTYPE or ENTITY"):
        one("voc", tmp_path)


def test_boxes_are_cut_at_the_frame_and_empty_ones_left_out(tmp_path: Path) -> None:
    draw_picture(tmp_path)
    boxes = [[-20, 10, 80, 40], [250, 10, 20, 20], [10, 10, 0, 20], [20, 10, 40, 40]]
    photo = one("coco", coco(tmp_path, [{"category_id": 3, "bbox": box} for box in boxes]))
    np.testing.assert_allclose(photo.rows.xyxy((HEIGHT, WIDTH)), [(0, 10, 60, 50), CAR], atol=1e-4)
    assert photo.notes == ("1 box cut at the frame", "2 boxes empty or outside")


def test_labels_of_the_stored_picture_are_turned_upright(tmp_path: Path) -> None:
    draw_picture(tmp_path, orientation=6)  # upright: 100 wide, 200 high, turned clockwise
    car = [{"category_id": 3, "bbox": [20, 10, 40, 40]}]
    photo = one("coco", coco(tmp_path, car))  # its labels speak of 200 x 100: the stored picture
    assert photo.hw == (200, 100)
    np.testing.assert_allclose(photo.rows.xyxy((200, 100)), [(50, 20, 90, 60)], atol=1e-4)
    upright = [{"category_id": 3, "bbox": [50, 20, 40, 40]}]
    again = one("coco", coco(tmp_path, upright, wh=(HEIGHT, WIDTH)))
    np.testing.assert_allclose(again.rows.cxcywh, photo.rows.cxcywh, atol=1e-6)


def test_where_nothing_tells_the_frame_a_person_has_to(tmp_path: Path) -> None:
    draw_picture(tmp_path, "images/a.jpg", orientation=3)
    labels = yolo(tmp_path, "0 0.2 0.3 0.2 0.4\n")
    with pytest.raises(DatasetError, match="EXIF orientation 3, and nothing tells"):
        one("yolo", labels)
    assert rows_of(one("yolo", labels, plan_of(frame="upright"))) == [[1, 0.2, 0.3, 0.2, 0.4]]
    assert rows_of(one("yolo", labels, plan_of(frame="stored"))) == [[1, 0.8, 0.7, 0.2, 0.4]]


def test_classes_that_were_not_looked_for_are_ignored_in_the_whole_photo(tmp_path: Path) -> None:
    photo = one("coco", both(tmp_path, "coco"), plan_of(checked=""))
    assert photo.ignored.class_id.tolist() == [CLASSES.index("person")]
    assert photo.ignored.cxcywh.tolist() == [[0.5, 0.5, 1.0, 1.0]]
    photo = one("coco", both(tmp_path, "coco"), plan_of(checked="person,door"))
    assert photo.ignored.class_id.tolist() == [CLASSES.index("vehicle")]


def test_a_map_says_class_ignore_or_nothing() -> None:
    class_map = parse_class_map(["car = vehicle,door", "mob=ignore:person,a=b=-"], CLASSES)
    assert {name: t and (t.class_id, t.ignored) for name, t in class_map.targets.items()} == {
        "car": (1, False), "door": (2, False), "mob": (0, True), "a=b": None,
    }  # fmt: skip
    assert class_map.labelled() == {1, 2}
    for wrong, message in (("car=auto", "got 'car=auto'"), ("=door", "got '=door'"), ("cat", "got 'cat'")):
        with pytest.raises(DatasetError, match=message):
            parse_class_map([wrong], CLASSES)
    with pytest.raises(DatasetError, match="'car' is mapped twice"):
        parse_class_map(["car=vehicle,car=-"], CLASSES)
    with pytest.raises(DatasetError, match=r"--checked: got \['cat'\]"):
        checked_classes(["cat"], class_map)


share = st.integers(0, 1000).map(lambda thousandth: thousandth / 1000)
corner_pairs = st.tuples(share, share, share, share).filter(
    lambda c: abs(c[0] - c[2]) > 0.01 < abs(c[1] - c[3])
)


@settings(deadline=None, max_examples=25)
@given(boxes=st.lists(st.tuples(st.integers(0, 2), corner_pairs), max_size=4), skip=st.integers(0, 4))
def test_what_goes_in_comes_back(boxes, skip: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """COCO -> house folder -> the same boxes; and a house folder imports into itself."""
    folder = tmp_path_factory.mktemp("round")
    draw_picture(folder)
    rows = [
        {
            "category_id": [3, 9, 5][class_id], "iscrowd": int(number >= skip),
            "bbox": [min(a, c) * WIDTH, min(b, d) * HEIGHT, abs(c - a) * WIDTH, abs(d - b) * HEIGHT],
        }
        for number, (class_id, (a, b, c, d)) in enumerate(boxes)
    ]  # fmt: skip
    labels = coco(folder, rows)
    table = json.loads(labels.read_text())
    table["categories"].append({"id": 5, "name": "person"})
    labels.write_text(json.dumps(table))
    photo = one("coco", labels, plan_of("car=vehicle,gate=door,person"))
    write_house_folder(folder / "house", [photo], ["a.jpg"], ["hall"], CLASSES, batch(folder))
    again = one("yolo", folder / "house", plan_of(*CLASSES))
    for kind, mine in (("labels", again.rows), ("ignore", again.ignored)):
        chosen = [box for n, box in enumerate(boxes) if (n < skip) == (kind == "labels")]
        assert mine.class_id.tolist() == [[1, 2, 0][class_id] for class_id, _ in chosen]
        corners = [(min(a, c), min(b, d), max(a, c), max(b, d)) for _, (a, b, c, d) in chosen]
        np.testing.assert_allclose(mine.xyxy((1, 1)), np.array(corners).reshape(-1, 4), atol=1e-4)
        written = read_labels(folder / "house" / kind / "a.txt")
        np.testing.assert_allclose(written.cxcywh, mine.cxcywh, atol=1e-6)


def batch(folder: Path, **changes) -> Batch:
    source = read_register(register_file(folder / "register", **changes)).sources[0]
    return Batch(source, "train", scene="corridor", prefix="new_")


def test_a_house_folder_holds_the_bytes_as_they_came(tmp_path: Path) -> None:
    photo = one("coco", both(tmp_path, "coco"), plan_of(checked=""))
    out = tmp_path / "house"
    write_house_folder(out, [photo], ["new_a.jpg"], ["hall"], CLASSES, batch(tmp_path))
    assert (out / "images" / "new_a.jpg").read_bytes() == (tmp_path / "a.jpg").read_bytes()
    assert (out / "ignore" / "new_a.txt").read_text() == "0 0.500000 0.500000 1.000000 1.000000\n"
    assert (out / "classes.txt").read_text() == "person\nvehicle\ndoor\n"
    assert (out / "manifest.csv").read_text().splitlines() == [
        "file,split,source,licence,place_group,scene,width,height,boxes",
        "images/new_a.jpg,train,drawn,none stated,hall,corridor,200,100,2",
    ]
    assert (out / "hashes.csv").read_text().startswith("file,sha256\nimages/new_a.jpg,")


def test_adding_to_a_folder_keeps_what_is_there(tmp_path: Path) -> None:
    out = build_data_folder(tmp_path / "house", [Photo("a", split="val", place="stairs")], CLASSES)
    manifest = out / "manifest.csv"
    manifest.write_text(
        manifest.read_text().replace("scene\n", "scene,exit_state\n").replace("corridor\n", "corridor,open\n")
    )
    photo = one("coco", both(tmp_path, "coco"))
    with pytest.raises(DatasetError, match="holds a data set already"):
        write_house_folder(out, [photo], ["b.jpg"], ["hall"], CLASSES, batch(tmp_path))
    with pytest.raises(DatasetError, match=r"1 names are taken, first 'A\.jpg'"):
        write_house_folder(out, [photo], ["A.jpg"], ["hall"], CLASSES, batch(tmp_path), append=True)
    with pytest.raises(DatasetError, match="Import into another folder"):
        write_house_folder(out, [photo], ["b.jpg"], ["hall"], CLASSES[:2], batch(tmp_path), append=True)
    write_house_folder(out, [photo], ["b.jpg"], ["hall"], CLASSES, batch(tmp_path), append=True)
    assert manifest.read_text().splitlines() == [
        "file,split,source,licence,place_group,scene,exit_state",
        "images/a.png,val,drawn,none stated,stairs,corridor,open",
        "images/b.jpg,train,drawn,none stated,hall,corridor,",
    ]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    photo = one("coco", both(tmp_path, "coco"))
    with pytest.raises(DatasetError, match="holds files but no manifest"):
        write_house_folder(tmp_path, [photo], ["b.jpg"], ["hall"], CLASSES, batch(tmp_path))


def test_a_split_that_is_not_registered_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"registered for \['evaluation'\], not for 'train'"):
        batch(tmp_path, used_for=["evaluation"]).check()


def test_names_are_flat_and_never_fall_together() -> None:
    assert file_names(["x/a.jpg", "b.JPG"], "cam_") == ("cam_x_a.jpg", "cam_b.JPG")
    with pytest.raises(DatasetError, match=r"x/a\.jpg and x_A\.png would both be called"):
        file_names(["x/a.jpg", "x_A.png"], "")
