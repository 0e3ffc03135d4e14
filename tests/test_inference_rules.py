"""The rule file: the shipped one loads; a damaged one is refused with the line."""

from importlib.resources import files
from pathlib import Path

import pytest

from firewarden.errors import PolicyError
from firewarden.inference import policy_file
from firewarden.inference.rules_file import load_rules
from firewarden.models.registry import find_manifest

SHIPPED = (files("firewarden.inference") / "rules.yaml").read_text(encoding="utf-8")


def line_of(text: str) -> int:
    return SHIPPED[: SHIPPED.index(text)].count("\n") + 1


def test_the_shipped_table_has_seventy_rows_with_unique_ids(rules):
    ids = [r.id for h in rules.hazards.values() for r in (*h.exclude, *h.base, *h.raises)]
    assert (len(rules.hazards), len(ids), len(set(ids))) == (14, 70, 70)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param("tier: low}\n      - {id: BE-B2", "teir: low}\n      - {id: BE-B2", "unknown key 'teir'", id="key"),
        pytest.param("any: [fully_blocked], tier", "any: [fully_bloked], tier", "fully_bloked", id="flag"),
        pytest.param("predicate: vehicle_indoors", "predicate: vehicle_indoor", "unknown predicate", id="predicate"),
        pytest.param("hazard: indoor_ebike", "hazard: indoor_bike", "indoor_bike", id="hazard"),
        pytest.param("egress_scenes: [stairwell, exit", "egress_scenes: [stairwel, exit", "stairwel", id="scene"),
        pytest.param("group: [vulnerable], tier", "group: [vulnerabel], tier", "vulnerabel", id="venue group"),
        pytest.param("[q_reach]", "[q_reech]", "q_reech", id="question"),
        pytest.param("overlap_gte: 0.50\n", "overlap_gte: half\n", "overlap_gte", id="number"),
        pytest.param("overlap_gte: 0.50\n", "overlap_gte: .nan\n", "'overlap_gte' is not allowed: nan", id="not a number"),
        pytest.param("overlap_gte: 0.50\n", "overlap_gte: .inf\n", "'overlap_gte' is not allowed: inf", id="infinite"),
        pytest.param("overlap_gte: 0.50\n", "overlap_gte: -0.5\n", "'overlap_gte' is not allowed: -0.5", id="negative"),
        pytest.param("overlap_gte: 0.50\n", "overlap_gte: true\n", "'overlap_gte' is not allowed: True", id="a truth value"),
        pytest.param("ratio_lte: 0.20, tier: low}\n      - {id: BE-B2", "ratio_lte: .nan, tier: low}\n      - {id: BE-B2", "'ratio_lte' is not allowed: nan", id="bound of a row"),
        pytest.param("due_days: 15", "due_days: 7.5", "'due_days' is not allowed: 7.5", id="half a day"),
        pytest.param("due_days: 15", "due_days: -15", "'due_days' is not allowed: -15", id="days below 0"),
        pytest.param("count_gte: 3, tier", "count_gte: 2.5, tier", "'count_gte' is not allowed: 2.5", id="part of a thing"),
        pytest.param("tier: major, emergency: true}", "tier: major, emergency: 1}", "'emergency' is not allowed: 1", id="a number for a truth value"),
        pytest.param("{objects}遮挡安全出口", "{object}遮挡安全出口", "reason", id="placeholder"),
        pytest.param("cover_gte: 0.20 ", "cover_gte: 0.20\n    cover_gte: 0.30 ", "stands twice", id="duplicate key"),
        pytest.param("      - {id: SF-B1, tier: major", "      - {id: SF-B1, any: [movable], tier: major", "default", id="no default"),
        pytest.param("mall: [unit, crowded]", "mall: crowded", "'mall' cannot be read (expected a list of words)", id="groups"),
        pytest.param("market: [unit, crowded]", "market: {unit: crowded}", "'market' cannot be read", id="groups as a mapping"),
        pytest.param("tiers: [low, general, elevated, major]", "tiers: 5", "tiers are 5", id="tiers"),
        pytest.param("base:\n      - {id: SF-B1, tier: major, emergency: true}", "base: 5", "'base' cannot be read", id="rows"),
        pytest.param('movable: {by: any, zh: "可移动", en: "movable"}', "movable: any", "'movable' cannot be read", id="flag as text"),
        pytest.param("{objects}遮挡安全出口", "{}遮挡安全出口", "reason", id="empty placeholder"),
        pytest.param("{objects}遮挡安全出口", "{objects.all}遮挡安全出口", "reason", id="placeholder of a part"),
        pytest.param("    predicate: vehicle_indoors", "    predicate: [vehicle_indoors]", "unknown predicate", id="predicate as a list"),
        pytest.param("doors: [door]", "doors: door", "expected a list of words", id="classes as a word"),
        pytest.param('  q_retake: {zh: "画面', '  q_retake: 5\n  q_other: {zh: "画面', "'q_retake' cannot be read", id="question as a number"),
    ],
)  # fmt: skip
def test_damage_is_refused_with_its_line(tmp_path: Path, old: str, new: str, says: str):
    path = tmp_path / "rules.yaml"
    assert old in SHIPPED
    path.write_text(SHIPPED.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PolicyError) as error:
        load_rules(path)
    named = int(str(error.value).removeprefix(f"{path}:").split(":")[0])
    assert says in str(error.value)
    assert abs(named - line_of(old)) <= 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a mapping"),
        ("schema: [", "not valid YAML"),
        ("schema: other/9\ntiers: []", "schema is 'other/9'"),
    ],
)
def test_a_file_that_is_no_rule_file(tmp_path: Path, text: str, says: str):
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=says):
        load_rules(path)


@pytest.mark.parametrize("flag", ["charger_visible", "fully_blocked", "mount_area_truncated_or_occluded"])
def test_a_flag_that_a_finding_may_hold_has_to_be_declared(tmp_path: Path, flag: str):
    """Rows that name it go too: none may need it."""
    path = tmp_path / "rules.yaml"
    declared = [line for line in SHIPPED.splitlines() if not line.startswith(f"  {flag}:")]
    text = "\n".join(declared).replace(f"{flag}, ", "").replace(f", {flag}", "").replace(f"[{flag}]", "[]")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(
        PolicyError, match=rf"yaml:\d+: a finding of '\w+' may hold an unknown flag \['{flag}'\]"
    ):
        load_rules(path)


def test_a_class_the_model_does_not_have_is_named_with_its_line(rules):
    with pytest.raises(PolicyError, match=r"rules\.yaml:\d+: class 'chain_lock'"):
        rules.check_classes([name for name in rules.class_texts if name != "chain_lock"])
    rules.check_classes(list(rules.class_texts))


def test_a_long_sentence_may_stand_on_several_lines(tmp_path: Path):
    """As YAML folds it; the pictures that it is written into know no line breaks."""
    path = tmp_path / "rules.yaml"
    old = 'en: "Blocked exit"}'
    assert f'zh: "堵塞安全出口、疏散通道", {old}' in SHIPPED
    folded = '{zh: 堵塞, en: "Blocked\n\n      exit"}'
    path.write_text(SHIPPED.replace('{zh: "堵塞安全出口、疏散通道", ' + old, folded, 1), encoding="utf-8")
    assert load_rules(path).hazards["blocked_exit"].name.en == "Blocked exit"


def test_a_question_follows_only_from_one_that_is_there(tmp_path: Path):
    path = tmp_path / "rules.yaml"
    path.write_text(SHIPPED.replace("then: q_arrow_target", "then: q_arow", 1), encoding="utf-8")
    with pytest.raises(PolicyError, match="unknown question \\['q_arow'\\]"):
        load_rules(path)


def test_without_libyaml_a_file_reads_the_same(monkeypatch, rules):
    monkeypatch.setattr(policy_file, "_LOADER", policy_file.loader_of(None))
    assert load_rules().sha256 == rules.sha256


def test_no_operating_point_of_the_shipped_model_is_stored_unseen(rules):
    points = find_manifest(None).operating_points.values()
    assert min(points) >= rules.routing.store_only_below


def test_whole_numbers_may_be_written_with_a_point(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(SHIPPED.replace("due_days: 15", "due_days: 15.0"), encoding="utf-8")
    assert (
        SHIPPED.count("due_days: 15") and load_rules(path).closure_profiles == load_rules().closure_profiles
    )
