"""`firewarden serve` as its users start it: shipped model, real photo, real kill -9."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_api_durability import Server, port  # noqa: F401

from firewarden.api.serve import open_listener

SAMPLE = Path(__file__).resolve().parents[1] / "inference" / "sample.jpg"


@pytest.fixture
def serve(tmp_path, port):  # noqa: F811
    servers = []

    def start() -> Server:
        command = ["-m", "firewarden", "serve", "--data-dir", str(tmp_path), "--port", str(port)]
        servers.append(Server(tmp_path, port, command))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()


def test_a_photo_is_judged_kept_and_drawn(serve, tmp_path):
    server = serve()
    (key,) = re.findall(r"fw_[0-9a-f]+_[\w-]+", server.greeting)
    headers = {"Authorization": f"Bearer {key}"}
    url = f"{server.address}/v1/inspections"
    posted = httpx2.post(
        url,
        params={"venue_type": "office"},
        content=SAMPLE.read_bytes(),
        headers={**headers, "Content-Type": "image/jpeg"},
    )
    assert posted.status_code == 201
    body = posted.json()
    assert body["verdict"] == "hazard" and body["model_id"] == "firewarden-n"
    assert "blocked_exit" in [finding["hazard"] for finding in body["findings"]]

    server.kill()
    again = serve()
    assert "fw_" not in again.greeting  # the key is shown once
    kept = httpx2.get(f"{url}/{body['id']}", headers=headers)
    assert kept.status_code == 200 and kept.json()["findings"] == body["findings"]
    picture = httpx2.get(f"{url}/{body['id']}/annotated.jpg", headers=headers)
    assert picture.headers["content-type"] == "image/jpeg" and picture.content[:3] == b"\xff\xd8\xff"
    stored = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in stored] == [body["image_sha256"]]
    assert httpx2.get(f"{url}/{body['id']}").status_code == 401


def _refused(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "firewarden", "serve", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_port_in_use_is_one_line_and_uses_up_no_key(tmp_path):
    with open_listener("127.0.0.1", 0) as other:
        taken = str(other.getsockname()[1])
        done = _refused("--data-dir", str(tmp_path), "--port", taken)
    assert (done.returncode, done.stdout) == (2, "")
    assert taken in done.stderr and "--port" in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "firewarden.db").exists()  # so the next start still has the first key to show


def test_a_data_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    done = _refused("--data-dir", str(tmp_path / "file" / "data"), "--port", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--data-dir" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_damaged_rule_file_stops_the_start_with_one_line(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("schema: hazard-risk-rules/1\nversion: [", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "firewarden", "serve", "--data-dir", str(tmp_path), "--rules", str(rules)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"{rules}:" in done.stderr and "not valid YAML" in done.stderr
    assert "Traceback" not in done.stderr
