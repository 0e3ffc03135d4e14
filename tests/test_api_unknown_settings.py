"""Misspelt settings are told; what is a setting, or none of ours, is not."""

import os
import re
import subprocess
import sys
from pathlib import Path

from firewarden.api.settings import Settings, unknown_settings


def test_a_misspelt_setting_is_told_with_what_was_meant() -> None:
    names = [
        "PATH",
        "FIREWARDEN_KEEP_INSPECTION_DAYS",
        "FIREWARDEN_KEEP_INSPECTIONS_DAYS",
        "firewarden_workers",
    ]
    assert unknown_settings(names) == [
        "FIREWARDEN_KEEP_INSPECTION_DAYS is no setting and changes nothing; did you mean FIREWARDEN_KEEP_INSPECTIONS_DAYS?"
    ]


def test_a_name_like_none_is_sent_to_the_list() -> None:
    (told,) = unknown_settings(["FIREWARDEN_ZZZZZZ"])
    assert told.endswith("see docs/serving.md")


def test_every_setting_stands_in_the_documentation() -> None:
    docs = Path(__file__).resolve().parents[1] / "docs"
    told = "".join((docs / page).read_text(encoding="utf-8") for page in ("serving.md", "camera-events.md"))
    names = [name.upper() for name in Settings.model_fields]
    assert [name for name in names if not re.search(rf"`(FIREWARDEN_)?{name}[`=]", told)] == []


def test_the_worker_says_so_before_it_begins(tmp_path: Path) -> None:
    environment = {
        **os.environ, "FIREWARDEN_JOB_RETENTION_DAY": "3", "FIREWARDEN_DATABASE_URL": f"sqlite:///{tmp_path / 'none.db'}",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-P", "-m", "firewarden", "worker"], env=environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2  # there is no database
    assert "did you mean FIREWARDEN_JOB_RETENTION_DAYS?" in " ".join(done.stderr.split())
