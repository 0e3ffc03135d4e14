"""Keys by hand: made, listed and revoked in the database of a service that runs."""

import json
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
from test_api_fakes import check_problem, open_client

from firewarden.api.auth import Role
from firewarden.cli import app
from firewarden.cli_keys import RoleName
from firewarden.errors import HazardError


def keys(*words: str, folder: Path) -> str:
    """What `firewarden keys ...` prints; raises what it raises."""
    done = CliRunner().invoke(app, ["keys", *words, "--data-dir", str(folder)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_made_key_opens_until_it_is_revoked(tmp_path) -> None:
    with open_client(tmp_path, key_cache_s=0) as (client, _):
        folder = tmp_path / "data"
        made = json.loads(keys("add", "--role", "worker", "--json", folder=folder))
        header = {"Authorization": f"Bearer {made['key']}"}
        assert client.get("/v1/rules", headers=header).status_code == 200
        rows = json.loads(keys("list", "--json", folder=folder))["keys"]
        assert {row["role"] for row in rows} == {"owner", "worker"} and len(rows) == 2
        secret = made["key"].split("_", 2)[2]
        assert secret not in keys("list", folder=folder)
        assert secret.encode() not in b"".join(path.read_bytes() for path in folder.glob("firewarden.db*"))
        keys("revoke", made["key_id"], folder=folder)
        check_problem(client.get("/v1/rules", headers=header), 401, "unauthorized")
        assert client.get("/v1/rules").status_code == 200  # the owner's own still opens
        (told,) = [
            row for row in json.loads(keys("list", "--json", folder=folder))["keys"] if row["revoked_at"]
        ]
        assert told["key_id"] == made["key_id"]
        again = keys("revoke", made["key"], folder=folder)  # the whole text names it too, and its time stays
        assert told["revoked_at"][:10] in again


def test_a_lost_owner_key_is_replaced(tmp_path) -> None:
    """Also before the first start, which then makes none of its own; and a revoked last owner is told of."""
    text = keys("add", "--role", "owner", folder=tmp_path)
    (key,) = re.findall(r"fw_[0-9a-f]{12}_[\w-]{43}", text)
    assert "no owner key is left" in keys("revoke", key.split("_")[1], folder=tmp_path)
    keys("add", "--role", "owner", folder=tmp_path)
    assert keys("list", folder=tmp_path).count("owner") == 2


@pytest.mark.parametrize("words", [["list"], ["revoke", "0123456789ab"]])
def test_a_mistyped_folder_is_no_service_without_keys(tmp_path, words) -> None:
    with pytest.raises(HazardError, match="--data-dir"):
        keys(*words, folder=tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


def test_an_unknown_key_cannot_be_revoked(tmp_path) -> None:
    keys("add", "--role", "owner", folder=tmp_path)
    with pytest.raises(HazardError, match="keys list"):
        keys("revoke", "0123456789ab", folder=tmp_path)


def test_the_command_names_the_roles_of_the_service() -> None:
    assert [role.value for role in RoleName] == [role.value for role in Role]
