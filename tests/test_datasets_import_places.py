"""Where importers find pictures, and cords that were drawn as lines."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from tiny_data import register_file

from firewarden.datasets.cables import read_cables
from firewarden.datasets.class_map import checked_classes, parse_class_map
from firewarden.datasets.house_folder import Batch, names_below, write_house_folder
from firewarden.datasets.import_source import import_source
from firewarden.datasets.imported import ImportedPhoto, ImportPlan
from firewarden.datasets.labels import read_labels
from firewarden.datasets.register import read_register
from firewarden.errors import DatasetError

CLASSES = ("door", "power_cable")
WIDTH, HEIGHT = 960, 480


def plan_of(mapping: str = "gate=door,cord=power_cable", frame: str = "auto") -> ImportPlan:
    class_map = parse_class_map([mapping], CLASSES)
    return ImportPlan(class_map, checked_classes(["all"], class_map), frame)


def draw(path: Path, *, orientation: int = 1) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), (90, 120, 150)).save(path, exif=exif)


def labelme(path: Path, image_path: str, *shapes: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = {"imagePath": image_path, "imageHeight": HEIGHT, "imageWidth": WIDTH, "shapes": list(shapes)}
    path.write_text(json.dumps(table))


def line(points, label: str = "cord", **more) -> dict:
    return {"label": label, "shape_type": "linestrip", "points": points} | more


def cvat(folder: Path, shapes: str) -> Path:
    draw(folder / "a.jpg")
    image = f'<image id="0" name="a.jpg" width="{WIDTH}" height="{HEIGHT}">{shapes}</image>'
    (folder / "a.xml").write_text(f"<annotations><version>1.1</version>{image}</annotations>")
    return folder / "a.xml"


def one(label_format: str, labels: Path, plan: ImportPlan | None = None) -> ImportedPhoto:
    ((photo,), _) = import_source(label_format, labels, None, plan or plan_of())
    return photo


def test_labelme_pictures_are_found_where_the_file_says(tmp_path: Path) -> None:
    labels = tmp_path / "set" / "labels"
    draw(tmp_path / "set" / "photos" / "hall" / "x.jpg")
    draw(tmp_path / "set" / "photos" / "y.jpg")
    labelme(labels / "a.json", "..\\photos\\hall\\x.jpg")
    labelme(labels / "b.json", "../photos/y.jpg")
    photos, root = import_source("labelme", labels, None, plan_of())
    assert names_below(photos, root) == ("hall/x.jpg", "y.jpg")


@pytest.mark.parametrize(
    "image_path",
    [
        pytest.param("../../outside.jpg", id="further out than the folders beside"),
        pytest.param("{root}/outside.jpg", id="a path of the whole machine"),
        pytest.param("../photos/link.jpg", id="a link that leads out"),
        pytest.param("../photos/gone.jpg", id="missing"),
        pytest.param("../photos/notes.txt", id="no picture"),
    ],
)
def test_a_labelme_path_that_leads_astray_is_not_followed(tmp_path: Path, image_path: str) -> None:
    labels = tmp_path / "set" / "labels"
    draw(tmp_path / "outside.jpg")
    (tmp_path / "set" / "photos").mkdir(parents=True)
    (tmp_path / "set" / "photos" / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (tmp_path / "set" / "photos" / "notes.txt").write_text("secret")
    labelme(labels / "a.json", image_path.format(root=tmp_path))
    with pytest.raises(DatasetError, match="is missing|Convert it"):
        import_source("labelme", labels, None, plan_of())


def yolo(folder: Path) -> None:
    """set/labels/day/a.txt, set/data.yaml, pictures in set/shots/day/."""
    (folder / "labels" / "day").mkdir(parents=True)
    (folder / "labels" / "day" / "a.txt").write_text("0 0.5 0.5 0.2 0.4\n")
    (folder / "data.yaml").write_text("names: [gate, cord]\n")
    draw(folder / "shots" / "day" / "a.jpg")


def test_yolo_pictures_may_lie_elsewhere(tmp_path: Path) -> None:
    yolo(tmp_path)
    draw(tmp_path / "shots" / "b.jpg")
    for labels in (tmp_path / "labels", tmp_path):
        photos, root = import_source("yolo", labels, tmp_path / "shots", plan_of())
        assert names_below(photos, root) == ("b.jpg", "day/a.jpg")
        assert [photo.rows.class_id.tolist() for photo in photos] == [[], [0]]
    with pytest.raises(DatasetError, match="no picture under images/.*with --images"):
        import_source("yolo", tmp_path, None, plan_of())
    (tmp_path / "empty").mkdir()
    draw(tmp_path / "others" / "c.jpg")
    with pytest.raises(DatasetError, match="none of 1 pictures"):
        import_source("yolo", tmp_path / "labels", tmp_path / "others", plan_of())
    with pytest.raises(DatasetError, match="expected a folder of pictures"):
        import_source("yolo", tmp_path / "labels", tmp_path / "nowhere", plan_of())


def test_yolo_labels_find_the_images_beside_them_and_what_is_unsure(tmp_path: Path) -> None:
    yolo(tmp_path)
    (tmp_path / "shots").rename(tmp_path / "images")
    (tmp_path / "ignore" / "day").mkdir(parents=True)
    (tmp_path / "ignore" / "day" / "a.txt").write_text("1 0.5 0.5 1 1\n")
    photo = one("yolo", tmp_path / "labels")
    assert (photo.rows.class_id.tolist(), photo.ignored.class_id.tolist()) == ([0], [1])


def test_a_cvat_polyline_becomes_a_cable_with_what_is_said_of_it(tmp_path: Path) -> None:
    """96 of 960 is 0.1, 48 of 480 is 0.1; the box reaches from x 0.1 to 0.5 and y 0.1 to 0.4."""
    said = '<attribute name="Source">window</attribute><attribute name="sink">vehicle</attribute><attribute name="seen">1</attribute>'
    shape = f'<polyline label="cord" points="96,48;480,96;288,192">{said}</polyline>'
    photo = one("cvat", cvat(tmp_path, shape))
    (cable,) = photo.cables
    np.testing.assert_allclose(cable.points, [(0.1, 0.1), (0.5, 0.2), (0.3, 0.4)], atol=1e-6)
    assert (cable.kind, cable.source, cable.sink) == ("power", "window", "vehicle")
    assert photo.rows.class_id.tolist() == [1]
    np.testing.assert_allclose(photo.rows.cxcywh, [(0.3, 0.25, 0.4, 0.3)], atol=1e-6)


def test_a_level_cord_has_a_box_of_twelve_pixels(tmp_path: Path) -> None:
    """From (96, 240) to (480, 240) of 960 x 480: 12 px at a long side of 960 are 0.025 of 480."""
    photo = one("cvat", cvat(tmp_path, '<polyline label="cord" points="96,240;480,240"/>'))
    np.testing.assert_allclose(photo.rows.cxcywh, [(0.3, 0.5, 0.4, 0.025)], atol=1e-6)
    assert (photo.cables[0].source, photo.cables[0].sink, photo.notes) == ("none", "none", ())


def test_only_power_cords_are_labelled_and_only_cords_are_cables(tmp_path: Path) -> None:
    wire = '<polyline label="cord" points="0,0;96,96"><attribute name="kind">telecom</attribute></polyline>'
    box = '<box label="cord" xtl="96" ytl="48" xbr="192" ybr="96"/>'
    gate = '<polyline label="gate" points="0,0;480,240"><attribute name="source">moon</attribute></polyline>'
    photo = one("cvat", cvat(tmp_path, wire + box + gate))
    assert [cable.kind for cable in photo.cables] == ["telecom"]
    assert photo.rows.class_id.tolist() == [1, 0]
    assert photo.notes == (
        "1 box of lines that are no power cord",
        "1 box of power_cable without a line beside cords that have one",
    )
    ignored = one("cvat", cvat(tmp_path, wire), plan_of("cord=ignore:power_cable"))
    assert (ignored.cables, ignored.ignored.class_id.tolist()) == ((), [1])


def test_an_end_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    shape = '<polyline label="cord" points="0,0;96,96"><attribute name="source">moon</attribute></polyline>'
    with pytest.raises(
        DatasetError, match=r"a\.jpg: cable source is 'moon', expected one of .*Correct the attr"
    ):
        one("cvat", cvat(tmp_path, shape))


def test_labelme_lines_are_turned_upright_and_cut_at_the_frame(tmp_path: Path) -> None:
    """Stored 960 x 480 with orientation 6: a stored point (x, y) in shares stands at (1 - y, x) upright."""
    draw(tmp_path / "a.jpg", orientation=6)
    labelme(tmp_path / "a.json", "a.jpg", line([[96, 48], [1056, 48]], attributes={"source": "strip"}))
    photo = one("labelme", tmp_path)
    (cable,) = photo.cables
    assert photo.hw == (960, 480) and cable.source == "strip"
    np.testing.assert_allclose(cable.points, [(0.9, 0.1), (0.9, 1.0)], atol=1e-6)


def test_a_line_outside_the_picture_is_no_cable(tmp_path: Path) -> None:
    draw(tmp_path / "a.jpg")
    labelme(tmp_path / "a.json", "a.jpg", line([[970, 500], [990, 520]]))
    photo = one("labelme", tmp_path)
    assert (photo.cables, len(photo.rows), photo.notes) == ((), 0, ("1 box empty or outside",))


def test_cables_are_written_beside_the_labels(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    photo = one("cvat", cvat(source, '<polyline label="cord" points="96,48;480,96"/>'))
    register = read_register(register_file(tmp_path / "register"))
    out = tmp_path / "house"
    write_house_folder(out, [photo], ["x_a.jpg"], ["hall"], CLASSES, Batch(register.sources[0], "train"))
    (cable,) = read_cables(out / "cables" / "x_a.json")
    np.testing.assert_allclose(cable.points, [(0.1, 0.1), (0.5, 0.2)], atol=1e-5)
    assert read_labels(out / "labels" / "x_a.txt").class_id.tolist() == [1]
