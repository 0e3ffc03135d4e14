"""The folder a run trains from, built from a data folder of drawn photos."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from tiny_data import Photo, build_data_folder, register_file, write_rows

from firewarden.datasets.labels import label_rows
from firewarden.datasets.licences import LicenceChoice
from firewarden.datasets.register import read_register
from firewarden.errors import DatasetError
from firewarden.training.balance import Balance
from firewarden.training.photo_rows import RowReader, code_ignore, decode_ignore
from firewarden.training.training_set import (
    ExtraFolder,
    TrainingSet,
    build_training_set,
    check_photos,
    code_scene,
    coded_names,
    settle_here,
)

CLASSES = ("door", "exit_sign", "carton")
PHOTOS = (
    Photo("hall", labels=[(0, 0.5, 0.5, 0.2, 0.4)], ignore=[(2, 0.5, 0.5, 1, 1)], place="office"),
    Photo("lift", labels=[(2, 0.25, 0.5, 0.1, 0.1)], source="someone__PaddlePaddle-frames"),
    Photo("bare"),
    Photo("office", "val", labels=[(0, 0.5, 0.5, 0.2, 0.4)], place="office"),
    Photo("stairs", "val", labels=[(1, 0.5, 0.25, 0.1, 0.1)], source="someone__PaddlePaddle-frames"),
    Photo("kept", "test"),
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return build_data_folder(tmp_path / "real", PHOTOS, CLASSES)


@pytest.fixture
def composed(tmp_path: Path) -> Path:
    """A composed folder: no manifest, one photo."""
    folder = build_data_folder(
        tmp_path / "composed", [Photo("sign", labels=[(1, 0.5, 0.5, 0.5, 0.5)])], CLASSES
    )
    (folder / "manifest.csv").unlink()
    return folder


def stems(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.iterdir())


def test_ignore_rows_follow_with_raised_class_ids() -> None:
    labels = label_rows([(2, 0.1, 0.2, 0.3, 0.4)])
    ignore = label_rows([(0, 0.5, 0.5, 1, 1), (2, 0.6, 0.6, 0.1, 0.1)])
    coded = code_ignore(labels, ignore, 3)
    assert coded.class_id.tolist() == [2, 3, 5]
    np.testing.assert_array_equal(coded.cxcywh, np.concatenate([labels.cxcywh, ignore.cxcywh]))
    assert len(code_ignore(label_rows([]), label_rows([]), 3)) == 0


def test_coding_is_undone_by_decoding() -> None:
    labels, ignore = label_rows([(2, 0.1, 0.2, 0.3, 0.4)]), label_rows([(0, 0.5, 0.5, 1, 1)])
    for got, expected in zip(decode_ignore(code_ignore(labels, ignore, 3), 3), (labels, ignore), strict=True):
        assert got.class_id.tolist() == expected.class_id.tolist()
        np.testing.assert_array_equal(got.cxcywh, expected.cxcywh)


def test_a_coded_id_has_the_name_of_its_class() -> None:
    assert coded_names(iter(("door", "carton"))) == [
        "door", "carton", "ignore_door", "ignore_carton",
        "scene_elevator_car", "scene_evacuation_corridor", "scene_indoor", "scene_outdoor_open",
    ]  # fmt: skip


def test_train_and_val_are_linked_with_coded_labels(source: Path, tmp_path: Path) -> None:
    prepared = build_training_set(source, (), tmp_path / "out", {})
    assert (prepared.train_count, prepared.val_count, prepared.classes) == (3, 1, CLASSES)
    assert stems(tmp_path / "out" / "train" / "images") == ["bare", "hall", "lift"]
    for link in (tmp_path / "out").rglob("*.png"):
        assert link.is_symlink() and link.resolve() == (source / "images" / link.name).resolve()
    labels = tmp_path / "out" / "train" / "labels"
    assert (
        (labels / "hall.txt").read_text()
        == (
            "0 0.500000 0.500000 0.200000 0.400000\n5 0.500000 0.500000 1.000000 1.000000\n"
            "7 0.500000 0.500000 1.000000 1.000000\n"  # two tables of three classes, then the second scene: a corridor
        )
    )
    assert (labels / "bare.txt").read_text() == "7 0.500000 0.500000 1.000000 1.000000\n"


def test_a_tag_that_tells_no_place_adds_no_scene_row() -> None:
    rows = label_rows([(0, 0.1, 0.2, 0.3, 0.4)])
    assert code_scene(rows, "close_up", CLASSES).class_id.tolist() == [0]
    assert code_scene(rows, None, CLASSES).class_id.tolist() == [0]
    assert code_scene(rows, "outdoor", CLASSES).class_id.tolist() == [0, 9]


def test_val_photos_of_a_place_that_train_shows_are_left_out(source: Path, tmp_path: Path) -> None:
    build_training_set(source, (), tmp_path / "out", {})
    assert stems(tmp_path / "out" / "val" / "images") == ["stairs"]  # not office, nor the test photo


def test_rare_sources_are_listed_as_often_as_asked(source: Path, tmp_path: Path) -> None:
    prepared = build_training_set(source, (), tmp_path / "out", {"PaddlePaddle": 3, "nobody": 9})
    assert prepared.train_count == 5
    for part in ("images", "labels"):
        assert stems(tmp_path / "out" / "train" / part) == ["bare", "hall", "lift", "lift__1", "lift__2"]
    labels = tmp_path / "out" / "train" / "labels"
    assert (labels / "lift__2.txt").read_text() == (labels / "lift.txt").read_text() != ""
    assert prepared.val_count == 1  # val is never repeated


def test_the_largest_of_two_fitting_repeats_counts(source: Path, tmp_path: Path) -> None:
    assert build_training_set(source, (), tmp_path, {"Paddle": 4, "frames": 2}).train_count == 2 + 4


def test_composed_photos_join_train_once(source: Path, composed: Path, tmp_path: Path) -> None:
    prepared = build_training_set(source, [ExtraFolder(composed)], tmp_path / "out", {"drawn": 2})
    assert (prepared.train_count, prepared.val_count) == (2 * 2 + 1 + 1, 1)
    assert (tmp_path / "out" / "train" / "images" / "sign.png").resolve() == (
        composed / "images" / "sign.png"
    ).resolve()


def test_the_trainer_file_names_both_halves(source: Path, tmp_path: Path) -> None:
    table = yaml.safe_load(build_training_set(source, (), tmp_path / "out", {}).yaml_path.read_text())
    assert table == {
        "path": str((tmp_path / "out").resolve()),
        "train": "train",
        "val": "val",
        "names": dict(enumerate(coded_names(CLASSES))),
    }


def change_label(folder: Path) -> None:
    write_rows(folder / "labels" / "lift.txt", [(2, 0.26, 0.5, 0.1, 0.1)])


def change_class(folder: Path) -> None:
    write_rows(folder / "labels" / "lift.txt", [(1, 0.25, 0.5, 0.1, 0.1)])


def move_label_to_ignore(folder: Path) -> None:
    (folder / "labels" / "lift.txt").rename(folder / "ignore" / "lift.txt")


def change_photo(folder: Path) -> None:
    shutil.copy(folder / "images" / "hall.png", folder / "images" / "bare.png")


def change_val_label(folder: Path) -> None:
    (folder / "labels" / "stairs.txt").unlink()


def add_left_out_label(folder: Path) -> None:
    write_rows(folder / "labels" / "office.txt", [])


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (change_label, True),
        (change_class, True),
        (move_label_to_ignore, True),
        (change_photo, True),
        (change_val_label, True),
        (add_left_out_label, False),
    ],
)
def test_the_hash_is_of_what_is_used(source: Path, tmp_path: Path, change, differs: bool) -> None:
    def build(name: str) -> TrainingSet:
        return build_training_set(source, (), tmp_path / name, {})

    before = build("before").sha256
    assert build("again").sha256 == before and len(before) == 64
    change(source)
    assert (build("after").sha256 != before) is differs


def test_composed_photos_are_in_the_hash(source: Path, composed: Path, tmp_path: Path) -> None:
    without = build_training_set(source, (), tmp_path / "without", {}).sha256
    assert build_training_set(source, [ExtraFolder(composed)], tmp_path / "with", {}).sha256 != without


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    """Five pictures for train, one for val; `bare` has the name of a real photo."""
    names = [
        ("bare", "train"),
        ("r1", "train"),
        ("r2", "train"),
        ("r3", "train"),
        ("r4", "train"),
        ("rv", "val"),
    ]
    photos = [
        Photo(name, split, labels=[(1, 0.5, 0.5, 0.5, 0.5)], place=f"made_{name}") for name, split in names
    ]
    return build_data_folder(tmp_path / "rendered", photos, CLASSES)


def listed(out: Path, prefix: str) -> int:
    return sum(path.name.startswith(prefix) for path in (out / "train" / "images").iterdir())


def test_made_pictures_are_listed_in_their_share(source: Path, rendered: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepared = build_training_set(source, [ExtraFolder(rendered, 0.25)], out, {"Paddle": 4}, seed=1)
    assert (prepared.train_count, prepared.val_count) == (8, 1)  # 6 real are three quarters of 8
    assert [(part.name, part.listed, part.share) for part in prepared.parts] == [
        ("real", 6, None),
        ("rendered", 2, 0.25),
    ]
    assert (
        len(list((out / "train" / "images").iterdir()))
        == len(list((out / "train" / "labels").iterdir()))
        == 8
    )
    assert stems(out / "val" / "images") == ["stairs"]  # val stays real
    assert not (out / "val_made").exists()


def test_too_few_made_pictures_are_repeated(source: Path, rendered: Path, tmp_path: Path) -> None:
    prepared = build_training_set(source, [ExtraFolder(rendered, 0.75)], tmp_path / "out", {})
    assert (prepared.train_count, prepared.parts[1].photos, prepared.parts[1].listed) == (12, 5, 9)
    assert all(listed(tmp_path / "out", f"r{number}") in (1, 2) for number in range(1, 5))
    assert listed(tmp_path / "out", "rendered__bare") in (1, 2)  # the name was taken


def test_the_draw_is_decided_by_the_seed(source: Path, rendered: Path, tmp_path: Path) -> None:
    def draw(name: str, seed: int) -> TrainingSet:
        return build_training_set(source, [ExtraFolder(rendered, 0.4)], tmp_path / name, {}, seed=seed)

    first = draw("a", 0)
    assert draw("b", 0).sha256 == first.sha256 and first.parts[1].listed == 2
    assert any(draw(f"c{seed}", seed).parts[1].sha256 != first.parts[1].sha256 for seed in range(1, 6))
    assert draw("d", 3).parts[0].sha256 == first.parts[0].sha256  # the real photos are the same


def test_a_fixed_number_of_pictures_is_listed(source: Path, rendered: Path, tmp_path: Path) -> None:
    mixed = build_training_set(source, [ExtraFolder(rendered, 0.3)], tmp_path / "mixed", {}, listed=10)
    real = build_training_set(source, (), tmp_path / "alone", {}, listed=10)
    assert [part.listed for part in mixed.parts] == [7, 3] and [part.listed for part in real.parts] == [10]


def test_the_val_split_of_made_pictures_is_kept_apart(source: Path, rendered: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepared = build_training_set(source, [ExtraFolder(rendered)], out, {}, val_extra=True)
    assert stems(out / "val" / "images") == ["stairs"] and prepared.val_count == 1
    assert stems(out / "val_made" / "images") == stems(out / "val_made" / "labels") == ["rendered__rv"]
    assert yaml.safe_load(prepared.yaml_path.read_text())["val"] == "val"


@pytest.mark.parametrize(
    ("photos", "message"),
    [
        pytest.param(
            [Photo("a"), Photo("b")],
            r"no val photo to train with \(manifest.csv lists none\)",
            id="all are train",
        ),
        pytest.param([Photo("a", "val")], r"no train photo .*lists none\)", id="all are val"),
        pytest.param(
            [Photo("a", place="p"), Photo("b", "val", place="p")],
            r"no val photo .*lists 1 photos, all of places that other splits show too\)",
            id="val shows the places of train",
        ),
    ],
)
def test_train_and_val_need_a_photo_each(tmp_path: Path, photos: list[Photo], message: str) -> None:
    source = build_data_folder(tmp_path / "real", photos, CLASSES)
    with pytest.raises(DatasetError, match=message):
        check_photos(source, [], None)
    with pytest.raises(DatasetError, match=message):
        build_training_set(source, (), tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_val_photos_without_a_place_group_stay(source: Path, tmp_path: Path) -> None:
    manifest = source / "manifest.csv"
    for place in ("office", "stairs", "bare", "lift", "kept"):
        manifest.write_text(manifest.read_text().replace(f",{place},corridor", ",,corridor"))
    assert build_training_set(source, (), tmp_path / "out", {}).val_count == 2


def test_made_pictures_of_val_places_are_refused(source: Path, tmp_path: Path) -> None:
    folder = build_data_folder(tmp_path / "made", [Photo("copy", place="stairs")], CLASSES)
    with pytest.raises(DatasetError, match="1 train pictures show places kept for val or test"):
        build_training_set(source, [ExtraFolder(folder)], tmp_path / "out", {})


def test_made_pictures_without_a_place_group_show_no_val_place(source: Path, tmp_path: Path) -> None:
    folder = build_data_folder(tmp_path / "made", [Photo("drawn")], CLASSES)
    for data, place in ((folder, "drawn"), (source, "stairs")):
        manifest = data / "manifest.csv"
        manifest.write_text(manifest.read_text().replace(f",{place},corridor", ",,corridor"))
    prepared = build_training_set(source, [ExtraFolder(folder)], tmp_path / "out", {})
    assert (prepared.train_count, prepared.val_count) == (4, 1)


def test_other_classes_are_refused(source: Path, rendered: Path, tmp_path: Path) -> None:
    (rendered / "classes.txt").write_text("door\ncarton\n")
    with pytest.raises(DatasetError, match="expected the classes"):
        build_training_set(source, [ExtraFolder(rendered)], tmp_path / "out", {})


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_a_share_is_between_nothing_and_all(share: float, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="between 0 and 1"):
        ExtraFolder(tmp_path, share)


def test_photos_of_rare_classes_are_repeated(source: Path, tmp_path: Path) -> None:
    # door and carton are each on one of three train photos: (1 / (1 / 3)) ** 1 = 3 times; `bare` shows nothing
    balance = Balance(power=1, cap=9, threshold=1)
    assert build_training_set(source, (), tmp_path / "a", {}, balance=balance).train_count == 3 + 3 + 1
    assert (
        build_training_set(source, (), tmp_path / "b", {"Paddle": 5}, balance=balance).train_count
        == 3 + 5 + 1
    )


CABLE_CLASSES = ("door", "power_cable")


@pytest.fixture
def cabled(tmp_path: Path) -> Path:
    """A flat cord over half of a 64 x 96 picture, a picture with a telecom wire, and one whose cord has no polyline."""
    row = (1, 0.5, 0.5, 0.5, 0.1)
    photos = [
        Photo("cord", labels=[(0, 0.2, 0.5, 0.2, 0.4), row]),
        Photo("wire"),
        Photo("boxed", labels=[row]),
    ]
    folder = build_data_folder(tmp_path / "cabled", photos, CABLE_CLASSES)
    (folder / "cables").mkdir()
    for name, kind in (("cord", "power"), ("wire", "telecom")):
        line = {"points": [[0.25, 0.5], [0.75, 0.5]], "kind": kind, "source": "window", "sink": "vehicle"}
        (folder / "cables" / f"{name}.json").write_text(json.dumps([line]))
    return folder


def test_a_cable_gives_way_to_its_pieces(cabled: Path) -> None:
    def read(stem: str, how: str) -> list[int]:
        reader = RowReader(CABLE_CLASSES, how)
        return reader.read(cabled / "images" / f"{stem}.png", cabled, complete=True).class_id.tolist()

    assert read("cord", "whole") == [0, 1] and read("wire", "whole") == [] and read("boxed", "whole") == [1]
    assert read("cord", "pieces") == [0] + [1] * 6  # 48 px in pieces of about 0.09 * 96 = 8.6 px
    assert read("wire", "pieces") == []
    assert read("boxed", "pieces") == [2 + 1]  # no polyline: ignored


def test_a_cord_without_a_polyline_beside_one_that_has_one_is_ignored(cabled: Path) -> None:
    """Its box was left out before, so that the cord in it was taught as background."""
    other = (1, 0.5, 0.8, 0.5, 0.1)
    write_rows(cabled / "labels" / "cord.txt", [(1, 0.5, 0.5, 0.5, 0.1), other])
    rows = RowReader(CABLE_CLASSES, "pieces").read(cabled / "images" / "cord.png", cabled, complete=True)
    assert rows.class_id.tolist() == [1] * 6 + [2 + 1]
    np.testing.assert_allclose(rows.cxcywh[-1], other[1:], atol=1e-6)


def test_a_box_of_a_cord_as_large_as_the_photo_leaves_the_other_cords_checked(cabled: Path) -> None:
    """It is ignored, and the region looks like that of a class that nobody checked."""
    write_rows(cabled / "labels" / "cord.txt", [(1, 0.5, 0.5, 0.5, 0.1), (1, 0.5, 0.5, 1, 1)])
    rows = RowReader(CABLE_CLASSES, "pieces").read(cabled / "images" / "cord.png", cabled, complete=False)
    assert rows.class_id.tolist() == [1] * 6 + [2 + 1]


@pytest.mark.parametrize("text", ["", "- a list", "names: ["])
def test_a_damaged_set_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(DatasetError, match=r"data\.yaml is damaged"):
        settle_here(tmp_path)


def test_labels_of_classes_that_were_not_checked_do_not_validate(source: Path) -> None:
    write_rows(source / "labels" / "stairs.txt", [(0, 0.3, 0.5, 0.2, 0.4), (2, 0.5, 0.5, 0.2, 0.4)])
    write_rows(source / "ignore" / "stairs.txt", [(2, 0.5, 0.5, 1, 1), (0, 0.7, 0.5, 0.2, 0.2)])
    reader = RowReader(CLASSES)
    read = [reader.read(source / "images" / "stairs.png", source, complete=c) for c in (True, False)]
    assert [rows.class_id.tolist() for rows in read] == [[0, 2, 3 + 2, 3], [0, 3 + 2, 3]]


def test_a_repeated_photo_leaves_one_that_is_called_like_its_copy_alone(tmp_path: Path) -> None:
    photos = [
        Photo("cam", labels=[(0, 0.5, 0.5, 0.2, 0.4)], source="often"),
        Photo("cam__1", labels=[(1, 0.5, 0.5, 0.2, 0.4)]),
        Photo("v", "val"),
    ]
    folder = build_data_folder(tmp_path / "real", photos, CLASSES)
    build_training_set(folder, (), tmp_path / "out", {"often": 3})
    shown = {
        path.stem: (path.read_text()[0], (tmp_path / "out/train/images" / f"{path.stem}.png").resolve().stem)
        for path in (tmp_path / "out" / "train" / "labels").iterdir()
    }
    assert shown == {
        "cam": ("0", "cam"), "cam__2": ("0", "cam"), "cam__3": ("0", "cam"), "cam__1": ("1", "cam__1"),
    }  # fmt: skip


def test_a_set_counts_the_photos_it_lists_by_source(source: Path, tmp_path: Path) -> None:
    """Of the real photos; `office` is left out of val, as train shows its place. A made folder's photos count, its made
    pictures do not."""
    more = build_data_folder(
        tmp_path / "more",
        [Photo("m", labels=[(1, 0.5, 0.5, 0.1, 0.1)], source="found"), Photo("r", source="rendered")],
        CLASSES,
    )
    seen = build_training_set(source, [ExtraFolder(more)], tmp_path / "out", {}).seen
    frames = "someone__PaddlePaddle-frames"
    assert seen.photos == {
        ("drawn", "none stated", "train"): 2, ("found", "none stated", "train"): 1,
        (frames, "none stated", "train"): 1, (frames, "none stated", "val"): 1,
    }  # fmt: skip
    assert seen.objects == {"door": 1, "exit_sign": 1, "carton": 1}


def test_pictures_of_the_run_itself_are_linked_from_where_they_stand(source: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    composed = build_data_folder(run / "composed", [Photo("sign")], CLASSES)
    build_training_set(source, [ExtraFolder(composed)], run / "data", {})
    moved = run.rename(tmp_path / "moved")
    link = moved / "data" / "train" / "images" / "sign.png"
    assert link.resolve() == (moved / "composed" / "images" / "sign.png").resolve() and link.exists()


def test_cables_are_whole_or_in_pieces() -> None:
    with pytest.raises(DatasetError, match="expected 'whole' or 'pieces'"):
        RowReader(CABLE_CLASSES, "half")


def test_a_part_says_of_which_origin_its_pictures_are_and_what_made_it(source: Path, tmp_path: Path) -> None:
    photos = [Photo("a", source="composed x"), Photo("b", source="rendered"), Photo("c", source="rendered")]
    made = build_data_folder(tmp_path / "made", photos, CLASSES)
    (made / "made_by.json").write_text('{"command": "firewarden data synth made"}')
    real, part = build_training_set(source, [ExtraFolder(made)], tmp_path / "out", {}).parts
    assert (real.origins, real.photos, real.made_by) == ({"real": 3}, 3, None)
    assert (part.origins, part.photos) == ({"composed": 1, "rendered": 2}, 3)
    assert part.made_by == "firewarden data synth made"


def by_licence(tmp_path: Path, *names: str) -> LicenceChoice:
    """A register of the drawn photos under MIT; the PaddlePaddle frames are not in it."""
    return LicenceChoice(read_register(register_file(tmp_path / "register", licence="MIT")), names)


def test_a_choice_of_licences_holds_for_train_val_and_further_folders(tmp_path: Path) -> None:
    photos = (*PHOTOS, Photo("yard", "val", labels=[(0, 0.5, 0.5, 0.2, 0.4)]))
    source = build_data_folder(tmp_path / "real", photos, CLASSES)
    made = [Photo("m1"), Photo("m2", source="found"), Photo("m3", "val"), Photo("m4", "val", source="found")]
    extra = ExtraFolder(build_data_folder(tmp_path / "made", made, CLASSES))
    choice = by_licence(tmp_path, "MIT")
    prepared = build_training_set(source, [extra], tmp_path / "out", {}, val_extra=True, choice=choice)
    assert stems(tmp_path / "out" / "train" / "images") == ["bare", "hall", "m1"]
    assert stems(tmp_path / "out" / "val" / "images") == ["yard"]  # not stairs: its source is not registered
    assert stems(tmp_path / "out" / "val_made" / "images") == ["made__m3"]
    assert [part.photos for part in prepared.parts] == [2, 1]


def test_a_choice_that_leaves_nothing_of_a_folder_is_refused(
    source: Path, composed: Path, tmp_path: Path
) -> None:
    choice = by_licence(tmp_path, "MIT")
    with pytest.raises(DatasetError, match="it holds 1 not registered"):
        check_photos(source, [], choice)  # of val only the stairs may be shown, and nobody registered them
    photos = (*PHOTOS, Photo("yard", "val"))
    real = build_data_folder(tmp_path / "more", photos, CLASSES)
    check_photos(real, [], choice)
    with pytest.raises(DatasetError, match=r"manifest\.csv is missing\. Licences are read from it"):
        check_photos(real, [ExtraFolder(composed)], choice)
    found = build_data_folder(tmp_path / "found", [Photo("m", source="found")], CLASSES)
    with pytest.raises(DatasetError, match="found passes --licences MIT"):
        check_photos(real, [ExtraFolder(found)], choice)
