"""Place groups of imported photos: by template, by table, or one for each photo."""

from pathlib import Path

import pytest

from firewarden.datasets.places import place_groups
from firewarden.errors import DatasetError

NAMES = ("hall/cam3_000123.jpg", "hall/cam3-7.jpg", "stairs/0042.jpg")


@pytest.mark.parametrize(
    ("template", "places"),
    [
        pytest.param("{parent}", ("hall", "hall", "stairs"), id="folder"),
        pytest.param("{prefix}", ("cam3", "cam3", "0042"), id="stem without last number, never nothing"),
        pytest.param(
            "x_{parent}_{stem}", ("x_hall_cam3_000123", "x_hall_cam3-7", "x_stairs_0042"), id="both"
        ),
        pytest.param("one room", ("one room",) * 3, id="all of one place"),
    ],
)
def test_a_template_names_places(template: str, places) -> None:
    assert place_groups(NAMES, NAMES, template, None) == places


def test_a_table_names_places(tmp_path: Path) -> None:
    table = tmp_path / "places.csv"
    table.write_text(
        "place_group,file\nlobby,hall/cam3_000123.jpg\n大厅,hall/cam3-7.jpg\n,stairs/0042.jpg\n",
        encoding="utf-8",
    )
    assert place_groups(NAMES[:2], NAMES[:2], None, table) == ("lobby", "大厅")
    with pytest.raises(DatasetError, match=r"1 of 3 photos have no place, first 'stairs/0042\.jpg'"):
        place_groups(NAMES, NAMES, None, table)
    with pytest.raises(DatasetError, match="got both"):
        place_groups(NAMES, NAMES, "{stem}", table)


def test_without_either_each_photo_is_a_place() -> None:
    assert place_groups(("a/b.jpg",), ("x_a_b.jpg",), None, None) == ("x_a_b",)


@pytest.mark.parametrize("template", ["{folder}", "{stem.parent}", "{}", ""])
def test_an_unknown_field_is_refused(template: str) -> None:
    with pytest.raises(DatasetError, match="--place-group"):
        place_groups(("b.jpg",), ("b.jpg",), template, None)
