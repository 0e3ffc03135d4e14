"""The camera register: what is read, what is refused and by which law, and that addresses stay secret."""

import json
import re
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
from cctv_stage import START, camera

from firewarden.cctv.camera import Window, parse_window
from firewarden.cctv.register import build_camera, load_cameras, read_register
from firewarden.cctv.retention import StoredFrame, frames_to_delete
from firewarden.cli import app
from firewarden.errors import PolicyError

GOOD = """cameras:
  - id: lobby-1
    name: 1 号楼大厅
    venue: v-17
    venue_type: rental_housing
    scene: public_lobby
    sample_every_s: 5
    url: env:CAM_LOBBY_1
    schedule: ["mon-fri 07:00-22:00", "sat,sun 22:00-06:00"]
    zones:
      egress: [[[0.1, 0.6], [0.4, 0.6], [0.4, 1], [0.1, 1]]]
      private_mask: [[[0.8, 0], [1, 0], [1, 0.3]]]
    expected: {extinguisher: 2}
"""
CSV = """id,name,venue,venue_type,scene,sample_every_s,url,schedule,egress,private_mask,expected
lobby-1,1 号楼大厅,v-17,rental_housing,public_lobby,5,env:CAM_LOBBY_1,"mon-fri 07:00-22:00; sat,sun 22:00-06:00",\
"[[[0.1, 0.6], [0.4, 0.6], [0.4, 1], [0.1, 1]]]","[[[0.8, 0], [1, 0], [1, 0.3]]]",extinguisher=2
"""
ROW = {"id": "a", "name": "Hall", "venue": "v", "venue_type": "hotel", "scene": "public_lobby"}


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_yaml_csv_and_json_say_the_same(tmp_path, rules):
    (read,) = load_cameras(write(tmp_path, "r.yaml", GOOD), rules)
    assert (read.sample_every_s, read.retention_days, read.utc_offset_min) == (5, 30, 480)
    assert read.schedule[1] == Window((5, 6), 22 * 60, 6 * 60) and read.expected == {"extinguisher": 2}
    assert load_cameras(write(tmp_path, "r.csv", CSV), rules) == (read,)
    wire = json.dumps(read_register(tmp_path / "r.yaml", rules).to_json())
    assert load_cameras(write(tmp_path, "r.json", wire), rules) == (read,)


def test_the_examples_of_the_documentation_are_in_order_and_say_the_same(tmp_path, rules):
    page = (Path(__file__).parents[1] / "docs" / "cctv.md").read_text(encoding="utf-8")
    registers = []
    for kind in ("yaml", "csv"):
        (example,) = re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL)
        path = write(tmp_path, f"cameras.{kind}", example)
        told = CliRunner().invoke(app, ["cctv", "cameras", "validate", str(path), "--json"])
        assert (told.exit_code, json.loads(told.stdout)) == (0, {"cameras": 2, "problems": []})
        registers.append(load_cameras(path, rules))
    assert registers[0] == registers[1]
    lobby, lane = registers[0]
    assert (lobby.url, lane.url) == ("env:CAM_LOBBY_1", "file:/run/secrets/cam-lane-1")
    assert lobby.expected == {"extinguisher": 2, "exit_sign": 1} and len(lobby.schedule) == 2
    assert lane.zones.fire_lane == (((0, 0.7), (1, 0.7), (1, 1), (0, 1)),)


@pytest.mark.parametrize(
    ("change", "key", "says"),
    [
        pytest.param({"id": "a b"}, "id", "letters, digits", id="id"),
        pytest.param({"venue": ""}, "venue", "is missing", id="missing"),
        pytest.param({"colour": "red"}, "colour", "unknown", id="unknown field"),
        pytest.param({"id": 330122}, "id", "put it in quotes", id="an id of digits, as YAML reads it"),
        pytest.param({"name": 301}, "name", "put it in quotes", id="a name of digits"),
        pytest.param({"venue_type": "hotell"}, "venue_type", "'hotell', expected one of", id="venue type"),
        pytest.param({"scene": "lobby"}, "scene", "'lobby', expected one of", id="scene"),
        pytest.param({"sample_every_s": 31}, "sample_every_s", "from 0.2 to 30", id="3 looks in 60 s need one every 30 s"),
        pytest.param({"retention_days": 29}, "retention_days", "from 30 to 180", id="kept too short"),
        pytest.param({"schedule": ["mon 25:00-26:00"]}, "schedule", "expected days and hours", id="hours"),
        pytest.param({"expected": {"sofa": 1}}, "expected", "expected one of extinguisher", id="equipment"),
        pytest.param({"utc_offset": "8"}, "utc_offset", "+08:00", id="offset"),
        pytest.param({"zones": {"ignore": [[[0, 0], [1, 1]]]}}, "zones", "three corners", id="two corners"),
        pytest.param({"zones": {"ignore": [[[0, 0], [640, 0], [0, 1]]]}}, "zones", "no pixels", id="pixels"),
        pytest.param({"zones": {"ignore": [[[0, 0], [1, 1], [1, 0], [0, 1]]]}}, "zones", "cross", id="bow tie"),
        pytest.param({"zones": {"ignore": [[[0, 0], [0.5, 0.5], [1, 1]]]}}, "zones", "line", id="flat"),
        pytest.param({"zones": {"lane": []}}, "zones", "fire_lane", id="zone kind"),
    ],
)  # fmt: skip
def test_mistakes_name_field_and_cure(rules, change, key, says):
    built, problems = build_camera(ROW | change, rules)
    assert built is None
    assert [(k, refused) for k, _, refused in problems] == [(key, False)]
    assert says in problems[0][1]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        pytest.param({"scene": "private_room"}, "scene", id="a room by its scene"),
        pytest.param({"scene": "dormitory_room"}, "scene", id="a refused place written as scene"),
        pytest.param({"scene": "toilet"}, "scene", id="toilet"),
        pytest.param({"name": "二楼更衣室"}, "name", id="changing room"),
        pytest.param({"name": "Guest room 12"}, "name", id="guest room"),
        pytest.param({"name": "Guestroom 12"}, "name", id="guest room in one word"),
        pytest.param({"name": "Rest room 2"}, "name", id="restroom in two words"),
        pytest.param({"name": "员工宿　舍 201"}, "name", id="a blank within a word"),
        pytest.param({"name": "员工宿舍 201", "venue_type": "factory"}, "name", id="staff dormitory"),
        pytest.param({"name": "母婴室"}, "name", id="nursing room"),
        pytest.param({"name": "三楼桑拿"}, "name", id="sauna"),
        pytest.param({"name": "WC 1F"}, "name", id="toilet by its letters"),
        pytest.param({"name": "Toilets, investigated"}, "name", id="no gate in investigated"),
        pytest.param({"name": "Bedroom exit-side"}, "name", id="the side of a room where its exit is"),
        pytest.param({"name": "Bedroom near the lift lobby"}, "name", id="a room beside what is outside"),
        pytest.param({"name": "Toilets facing corridor"}, "name", id="a view out of a room"),
        pytest.param({"name": "卧室 出口 一侧"}, "name", id="the side of its exit, in Chinese"),
        pytest.param({"name": "更衣室靠近电梯"}, "name", id="beside a lift, in Chinese"),
        pytest.param({"name": "Bedroom exit"}, "name", id="a door of a room"),
        pytest.param({"name": "Exit of the changing room"}, "name", id="a door of a room, said before it"),
        pytest.param({"name": "卧室出口"}, "name", id="a door of a room, in Chinese"),
        pytest.param({"name": "Dorm room exit"}, "name", id="a door of a room in a dormitory"),
        pytest.param({"name": "Lobby toilet"}, "name", id="a toilet in a lobby"),
        pytest.param({"name": "Changing room in the corridor"}, "name", id="a changing room in a corridor"),
        pytest.param({"name": "Stair inside bedroom 2"}, "name", id="a stair within a room"),
        pytest.param({"name": "大厅卫生间"}, "name", id="a toilet in a lobby, in Chinese"),
        pytest.param({"name": "大厅旁更衣室"}, "name", id="a changing room beside a lobby"),
        pytest.param({"name": "客房内过道"}, "name", id="a passage within a room"),
        pytest.param({"name": "客房（走廊旁）"}, "name", id="a room beside a corridor"),
        pytest.param({"name": "二楼男厕"}, "name", id="toilet for men"),
        pytest.param({"name": "女寝 305"}, "name", id="dormitory room for women, in short"),
        pytest.param({"name": "302房间"}, "name", id="just a room"),
        pytest.param({"name": "更衣区"}, "name", id="an area to change in"),
        pytest.param({"name": "Locker area"}, "name", id="lockers"),
        pytest.param({"name": "Men's room"}, "name", id="an apostrophe within a word"),
        pytest.param({"name": "\uff37\uff23"}, "name", id="wide letters"),
        pytest.param({"name": "更\u200b衣室"}, "name", id="a sign within a word that is not seen"),
        pytest.param({"name": "更·衣·室"}, "name", id="dots within a word"),
        pytest.param({"name": "臥室"}, "name", id="old characters"),
        pytest.param({"scene": "indoor"}, "scene", id="somewhere inside a hotel"),
        pytest.param(
            {"scene": "unknown", "venue_type": "owner_dwelling"}, "scene", id="anywhere in a dwelling"
        ),
    ],
)
def test_the_law_refuses_and_is_named(rules, change, key):
    built, problems = build_camera(ROW | change, rules)
    assert built is None
    assert [(k, refused) for k, _, refused in problems] == [(key, True)]
    assert "Art. 8 (L-11)" in problems[0][1]


@pytest.mark.parametrize(
    "name",
    [
        "二楼更衣室门口走廊", "宿舍 3 楼楼梯间", "Corridor before the toilets", "客房层电梯厅", "Corridor near bedroom 3",
        "Dormitory corridor, exit side", "Dormitory corridor exit side", "宿舍走廊出口侧", "Lift lobby, bedroom side",
        "Dormitory exit", "宿舍楼出口", "Dormitory gate 2", "宿舍楼内走廊", "Stairwell in dormitory B", "走廊通往宿舍",
        "更衣室外侧走廊", "大厅卫生间旁", "走廊（更衣室外）", "Guest room floor 3 lift lobby", "电梯厅 客房侧", "客房走廊尽头",
        "Corridor between toilets and lobby", "Hallway along the bedrooms", "Exit 3", "东大门", "Battery changing station",
    ],
)  # fmt: skip
def test_outside_of_such_rooms_is_accepted(rules, name):
    assert build_camera(ROW | {"name": name}, rules)[1] == []


def test_an_address_is_refused_and_never_repeated(tmp_path, rules):
    path = write(tmp_path, "r.yaml", GOOD.replace("env:CAM_LOBBY_1", '"rtsp://admin:hunter2@10.0.0.7/1"'))
    with pytest.raises(PolicyError, match="expected a reference, env:NAME") as error:
        load_cameras(path, rules)
    assert "hunter2" not in str(error.value)
    assert "CAM_1" not in repr(camera(url="env:CAM_1"))


def test_problems_carry_their_lines_and_leave_good_cameras(tmp_path, rules):
    second = GOOD.removeprefix("cameras:\n").replace("lobby-1", "b").replace("public_lobby", "stair")
    register = read_register(
        write(tmp_path, "r.yaml", GOOD + second + second.replace("id: b", "id: lobby-1")), rules
    )
    lines = [(problem.line, problem.camera_id) for problem in register.problems]
    assert lines == [(18, "b"), (30, "lobby-1")]  # 13 lines of the first, scene is the fifth of each
    assert [c.id for c in register.cameras] == ["lobby-1"]
    twice = read_register(write(tmp_path, "d.yaml", GOOD + GOOD.removeprefix("cameras:\n")), rules)
    assert [(p.line, "twice" in p.message) for p in twice.problems] == [(14, True)]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("r.yaml", "cams: []", "unknown key 'cams'"),
        ("r.yaml", "cameras: lobby", "expected a list"),
        ("r.yaml", "cameras: [lobby]", "expected a mapping"),
        ("r.csv", "id,name\n1,2\n", "expected at least id, name"),
        ("r.csv", CSV + "b,c,d\n", "r.csv:3: camera 'b'"),
    ],
)
def test_a_file_that_is_no_register(tmp_path, rules, name, text, says):
    with pytest.raises(PolicyError, match=says):
        load_cameras(write(tmp_path, name, text), rules)


@pytest.mark.parametrize(
    ("window", "hours", "on"),
    [
        ("mon-fri 07:00-22:00", 7, True),  # hours after Monday midnight
        ("mon-fri 07:00-22:00", 22, False),
        ("sat,sun 00:00-24:00", 5 * 24, True),
        ("fri-mon 22:00-06:00", 24 + 5, True),  # Tuesday morning belongs to Monday night
        ("fri-mon 22:00-06:00", 48 + 5, False),
    ],
)
def test_schedule(window, hours, on):
    assert camera(schedule=(parse_window(window),)).is_on(START + timedelta(hours=hours)) is on


def test_pictures_go_after_their_cameras_days():
    def frame(key, camera_id, days, event="e"):
        return StoredFrame(key, camera_id, event, START - timedelta(days=days))

    frames = [
        frame("a", "cam-1", 30),
        frame("b", "cam-1", 29.9),
        frame("c", "gone", 31),
        frame("d", "cam-1", 90, "open"),
    ]
    over = frames_to_delete(frames, {"cam-1": camera()}, START, held_events={"open"}, days_without_camera=30)
    assert [f.key for f in over] == ["a", "c"]


def test_cli(tmp_path):
    good, bad = (
        write(tmp_path, "good.yaml", GOOD),
        write(tmp_path, "bad.yaml", GOOD.replace("大厅", "更衣室")),
    )
    runner = CliRunner()
    assert runner.invoke(app, ["cctv", "cameras", "validate", str(good)]).exit_code == 0
    refused = runner.invoke(app, ["cctv", "cameras", "validate", str(bad), "--json"])
    (problem,) = json.loads(refused.stdout)["problems"]
    assert refused.exit_code == 2 and problem["line"] == 3 and problem["refused"] is True
    listed = runner.invoke(app, ["cctv", "cameras", "list", str(good), "--json"])
    assert json.loads(listed.stdout)["cameras"][0]["id"] == "lobby-1"
    assert "1 号楼大厅" in runner.invoke(app, ["cctv", "cameras", "list", str(good)]).stdout


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("r.yaml", "cameras: [{name: 走廊}]".encode("gbk"), "is not UTF-8 text.*Save it as UTF-8"),
        ("r.yaml", b"cameras: &a\n  - *a\n", "holds itself"),
        ("r.json", b'{"cameras": ' + b"[" * 100_000, "nested too deeply"),
    ],
    ids=["GBK", "an alias inside what it names", "too deep"],
)
def test_a_file_that_cannot_be_a_register_is_told(tmp_path, rules, name, data, told):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PolicyError, match=told):
        read_register(tmp_path / name, rules)


def test_a_comma_that_splits_a_cell_is_told(tmp_path, rules):
    head, row = "id,name,venue,venue_type,scene", "a,Hall, left,v,hotel,public_lobby"
    (problem, *_) = read_register(write(tmp_path, "r.csv", f"{head}\n{row}\n"), rules).problems
    assert "cells: not as many as columns; put quotes" in str(problem)


def test_a_column_that_stands_twice_is_refused(tmp_path, rules):
    """The first mask of two would be left out, and nobody would know."""
    head, mask = "id,name,venue,venue_type,scene,private_mask,private_mask", '"[[[0.8,0],[1,0],[1,0.3]]]"'
    path = write(tmp_path, "r.csv", f"{head}\na,Hall,v,hotel,public_lobby,{mask},\n")
    with pytest.raises(PolicyError, match="column 'private_mask' stands twice.*into one cell"):
        read_register(path, rules)


def test_lines_of_commas_alone_are_no_cameras(tmp_path, rules):
    head, row = "id,name,venue,venue_type,scene", "a,Hall,v,hotel,public_lobby"
    path = write(tmp_path, "r.csv", f"{head}\n,,,,\n{row}\n, ,,,\n,,,,,,\n")
    assert [c.id for c in load_cameras(path, rules)] == ["a"]


def test_json_is_read_as_json(tmp_path, rules):
    """YAML 1.1 takes 1e-05 for a word, and each half of an escaped letter for one."""
    named = ROW | {"name": "走廊 \U00020bb7", "zones": {"egress": [[[1e-05, 0.5], [0.4, 0.5], [0.4, 0.9]]]}}
    (read,) = load_cameras(write(tmp_path, "r.json", json.dumps({"cameras": [named]})), rules)
    assert (read.name, read.zones.egress[0][0]) == ("走廊 \U00020bb7", (1e-05, 0.5))
    wrong = json.dumps({"cameras": [ROW | {"scene": "x"}]}, indent="\t")
    (problem,) = read_register(write(tmp_path, "r.json", wrong), rules).problems
    assert problem.line == 8, "complaints name the line all the same"
    with pytest.raises(PolicyError, match="r.json:1: key 'id' stands twice"):
        read_register(write(tmp_path, "r.json", '{"cameras": [{"id": "a", "id": "b"}]}'), rules)
    with pytest.raises(PolicyError, match="r.json:1: not valid JSON.*yaml"):
        read_register(write(tmp_path, "r.json", GOOD), rules)


@pytest.mark.parametrize(
    "field", ["id", "name", "venue", "venue_type", "scene", "schedule", "expected", "retention_days"]
)
def test_an_address_in_a_wrong_column_is_refused_and_not_repeated(tmp_path, rules, field):
    """Names travel in messages; one of a bedroom would be refused with its words."""
    row = {**ROW, "venue_type": "hotel", field: "rtsp://admin:hunter2@10.0.0.7/bedroom"}
    text = f"{','.join(row)}\n{','.join(row.values())}\n"
    register = read_register(write(tmp_path, "r.csv", text), rules)
    assert register.cameras == () and "holds an address" in " ".join(map(str, register.problems))
    assert "hunter2" not in " ".join(map(str, register.problems))
