"""What labels and scene tags settle about hazards, photo by photo."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tiny_data import Photo, build_data_folder

from firewarden.datasets.manifest import PhotoRecord
from firewarden.inference.rules_file import load_rules
from firewarden.training.tag_expectations import settle, write_tag_expectations

RULES = load_rules()
DECIDED = {"indoor_ebike", "missing_extinguisher", "blocked_exit", "flying_charging_cable"}


@pytest.mark.parametrize(
    ("scene", "labelled", "ignored", "shown", "open_of_the_four"),
    [
        pytest.param("elevator_car", ["ebike"], [], ["indoor_ebike"], set(), id="an e-bike in a lift"),
        pytest.param("", ["ebike"], [], [], {"indoor_ebike"}, id="an e-bike, nobody says where"),
        pytest.param("outdoor", ["ebike"], [], [], set(), id="an e-bike outdoors"),
        pytest.param("corridor", [], ["ebike"], [], {"indoor_ebike"}, id="e-bikes were not checked"),
        pytest.param("corridor", ["door", "carton"], [], [], {"blocked_exit"}, id="a door may be blocked"),
        pytest.param("corridor", ["door", "chain_lock"], [], [], {"blocked_exit"}, id="a door may be locked"),
        pytest.param("corridor", ["door", "person"], [], [], set(), id="nothing stands that could block the door"),
        pytest.param("corridor", ["door"], ["clutter"], [], {"blocked_exit"}, id="nobody looked for goods"),
        pytest.param("corridor", ["extinguisher_sign"], [], [], {"missing_extinguisher"}, id="a sign alone"),
        pytest.param(
            "corridor", ["extinguisher_sign", "extinguisher"], [], [], set(), id="a sign with its extinguisher"
        ),
        pytest.param(
            "corridor", ["extinguisher_sign"] * 2 + ["extinguisher"], [], [], {"missing_extinguisher"},
            id="two signs, one extinguisher",
        ),
        pytest.param("corridor", ["power_cable"], [], [], {"flying_charging_cable"}, id="some cord"),
    ],
)  # fmt: skip
def test_settled(
    scene: str, labelled: list[str], ignored: list[str], shown: list[str], open_of_the_four: set[str]
) -> None:
    row = settle(PhotoRecord("images/a.jpg", "val", "s", "l", "p", scene), labelled, ignored, RULES)
    assert row["hazards"] == shown
    assert DECIDED & set(row["optional_hazards"]) == open_of_the_four
    assert set(RULES.hazards) - DECIDED <= set(row["optional_hazards"])  # never settled by labels


def test_rows_are_written_for_photos_of_which_something_is_settled(tmp_path: Path) -> None:
    names = list(RULES.class_lines)
    every = [(names.index(c), 0.5, 0.5, 1.0, 1.0) for c in names]
    photos = [Photo("lift", labels=[(names.index("ebike"), 0.5, 0.5, 0.4, 0.4)], scene="elevator_car"),
              Photo("unchecked", ignore=every, scene="")]  # fmt: skip
    data = build_data_folder(tmp_path / "data", photos, names)
    rows = json.loads(write_tag_expectations(tmp_path / "e.json", data, RULES).read_text())
    assert rows.keys() == {"lift"}
    assert (rows["lift"]["scene"], rows["lift"]["hazards"]) == ("elevator_car", ["indoor_ebike"])
