"""Rehearsals: cameras played through the real processes, and when a machine keeps up."""

import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
sys.path.insert(0, str(Path(__file__).parent))
from cctv_recordings import status
from cctv_stage import Actor, Stage

from firewarden.cctv import simulate
from firewarden.cctv.runner import Effort
from firewarden.cctv.runner_status import Pace
from firewarden.cctv.simulate import CameraRun, Fault, Plan, Rehearsal, _camera_run, _Mark, rehearse
from firewarden.cctv.simulate_costs import Cpu, percentiles_ms
from firewarden.cctv.simulate_report import conditions, to_markdown
from firewarden.errors import DatasetError
from firewarden.inference.inspector import Inspector
from firewarden.inference.runtime_choice import RuntimeChoice


class TestRehearsal:
    def test_three_bad_cameras_do_not_disturb_the_other_one(self, rules, tmp_path, monkeypatch):
        monkeypatch.setattr(simulate, "_SETTLE_S", 5.0)
        plan = Plan(4, 2.0, 6.0, faults=(Fault.DEAD, Fault.CORRUPT, Fault.FROZEN), wh=(320, 180), hold_s=3.0)
        stage = Stage([Actor("ebike", (0.3, 0.4, 0.6, 0.9))])
        rehearsal = rehearse(plan, Inspector(stage, rules), Effort(), tmp_path, threading.Event())
        well, dead, corrupt, frozen = rehearsal.runs
        assert well.fault is None and well.frames >= 0.8 * well.offered > 4
        assert well.dropped == 0 and well.status.problems == ()
        assert dead.status.health.frames == 0 and {"silent", "disconnected"} <= set(dead.status.problems)
        assert dead.status.failures > 1
        assert corrupt.status.errors + corrupt.status.corrupt > 0
        gap = frozen.status.last_frame_at - frozen.status.health.same_since
        assert gap > timedelta(seconds=2), (
            "no two pictures of it differ; five minutes of that are told as frozen"
        )
        told = rehearsal.to_json()
        assert told["frames"] == sum(run.frames for run in rehearsal.runs) and told["cpu_s"] > 0
        spent = told["cpu_ms_a_frame"]
        assert 0 < spent["gate"] < spent["rest"] and spent["capture"] > 0
        assert [run["fault"] for run in told["per_camera"]] == [None, "dead", "corrupt", "frozen"]

    @pytest.mark.parametrize(
        ("frames", "dropped", "delay_s", "keeps_up"),
        [(95, 0, 0.9, True), (94, 0, 0.1, False), (100, 1, 0.1, False), (100, 0, 1.1, False)],
        ids=["just", "too few looked at", "one dropped", "too late"],
    )
    def test_what_keeping_up_means(self, frames, dropped, delay_s, keeps_up):
        run = CameraRun(status(), None, 100, frames, dropped, 5, (delay_s,) * 20)
        broken = CameraRun(status(), Fault.CORRUPT, 100, 0, 50, 0, ())
        rehearsal = Rehearsal(
            Plan(2, 1.0, 100.0, faults=(Fault.CORRUPT,)), (run, broken), 100.0, Cpu(30.0, 20.0), 0
        )
        assert rehearsal.keeps_up is keeps_up
        assert rehearsal.to_json()["cpu_cores"] == 0.5

    @pytest.mark.parametrize(
        ("fault", "first_s", "offered", "keeps_up"),
        [(None, None, 60, False), (None, 40.0, 30, False), (Fault.DEAD, None, 0, True)],
        ids=["no picture ever", "late", "nobody is there, as planned"],
    )
    def test_a_camera_that_gave_no_picture_kept_up_with_nothing(self, fault, first_s, offered, keeps_up):
        """Counted from 10 s to 70 s, a picture a second; a healthy camera beside it gives all of its."""
        began, ended = (_Mark(at_s, Cpu(0, 0), {"cam-1": status()}) for at_s in (10.0, 70.0))
        run = _camera_run(Plan(2, 1.0, 60.0), fault, began, ended, Pace(0.0, first_s), "cam-1")
        well = CameraRun(status(), None, 60, 60, 0, 5, (0.1,) * 60)
        assert run.offered == offered
        assert Rehearsal(Plan(2, 1.0, 60.0), (run, well), 60.0, Cpu(0, 0), 0).keeps_up is keeps_up

    def test_percentiles_by_hand(self):
        assert percentiles_ms([n / 1000 for n in range(1, 101)]) == {"p50": 50, "p95": 95, "max": 100}
        assert percentiles_ms([]) == {"p50": 0, "p95": 0, "max": 0}

    def test_processor_time_is_told_by_what_it_was_spent_on(self):
        spent = Cpu(12.0, 8.0) - Cpu(2.0, 4.0)
        assert spent.total_s == 14.0
        assert spent.a_frame_ms(1000, [0.001, 0.002]) == {"capture": 10.0, "gate": 1.5, "rest": 2.5}
        assert spent.a_frame_ms(0, []) == {"capture": 0.0, "gate": 0.0, "rest": 0.0}

    def test_a_record_names_the_runtime_of_the_network(self, rules):
        inspector, began = Inspector(Stage([]), rules), datetime(2026, 5, 1, tzinfo=UTC)
        tuned = RuntimeChoice("openvino", "int8", threads=1)
        told = conditions(inspector, Effort(), tuned, began, threads=1)
        assert (told["runtime"]["runtime"], told["runtime"]["precision"]) == ("openvino", "int8")
        assert conditions(inspector, Effort(), None, began, threads=1)["runtime"]["threads"] == 1
        idle = Rehearsal(Plan(1, 1.0, 1.0), (), 1.0, Cpu(0.0, 0.0), 0)
        assert "in openvino int8" in to_markdown(idle, told)

    @pytest.mark.parametrize("cameras", [2, 3])
    def test_faults_of_all_cameras_are_refused(self, cameras):
        with pytest.raises(DatasetError, match=f"3 faults for {cameras} cameras"):
            Plan(cameras, 1.0, 1.0, faults=tuple(Fault))

    def test_a_folder_without_pictures_is_told(self, rules, tmp_path):
        with pytest.raises(DatasetError, match="no JPEG"):
            rehearse(
                Plan(1, 1.0, 1.0, folder=tmp_path),
                Inspector(Stage(), rules),
                Effort(),
                tmp_path,
                threading.Event(),
            )
