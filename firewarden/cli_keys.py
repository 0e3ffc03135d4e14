"""`firewarden keys ...`: API keys of a service, made, listed and revoked in its database, while it runs or not."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from firewarden.cli_console import ERR, OUT, print_json
from firewarden.cli_options import JsonOption

keys_app = typer.Typer(no_args_is_help=True, help="Make, list and revoke the API keys of a service.")
DataDirOption = Annotated[
    Path | None, typer.Option(help="Folder of the service's data; FIREWARDEN_DATABASE_URL counts here too.")
]


class RoleName(StrEnum):
    """Spelled here too, so that the help opens without the service; a test holds it to `api.auth.Role`."""

    OWNER = "owner"
    WORKER = "worker"


@keys_app.command()
def add(
    role: Annotated[
        RoleName, typer.Option(help="worker: its own inspections, without positions; owner: all.")
    ],
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key. Its text is shown this once; the database keeps a hash."""
    from firewarden.api.auth import Role
    from firewarden.api.key_admin import add_key, open_database

    with open_database(_settings(data_dir), make=True) as engine:
        text, key = add_key(engine, Role(role.value))
    if as_json:
        print_json({"key": text, **_told(key)})
    else:
        OUT.print(f"API key of a new {key.role}, shown this once: {text}", highlight=False, markup=False)


@keys_app.command("list")
def list_(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """All keys by id, role and time; never a secret."""
    from rich.table import Table

    from firewarden.api.key_admin import list_keys, open_database

    with open_database(_settings(data_dir), make=False) as engine:
        keys = [_told(key) for key in list_keys(engine)]
    if as_json:
        print_json({"keys": keys})
        return
    table = Table("id", "role", "made", "revoked", box=None, pad_edge=False)
    for key in keys:
        table.add_row(key["key_id"], key["role"], key["created_at"], key["revoked_at"] or "-")
    OUT.print(table)


@keys_app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Id of the key, as `keys list` shows it.")],
    data_dir: DataDirOption = None,
) -> None:
    """Let a key open nothing any more; what was stored with it stays."""
    from firewarden.api.auth import Role
    from firewarden.api.key_admin import list_keys, open_database, revoke_key

    settings = _settings(data_dir)
    with open_database(settings, make=False) as engine:
        since = revoke_key(engine, key)
        owners = [key for key in list_keys(engine) if key.role is Role.OWNER and key.revoked_at is None]
    OUT.print(
        f"revoked since {since:%Y-%m-%d %H:%M:%S} UTC; a running service refuses it within {settings.key_cache_s:g} s, "
        "or what its FIREWARDEN_KEY_CACHE_S says",
        highlight=False,
    )
    if not owners:
        ERR.print("[yellow]no owner key is left:[/] firewarden keys add --role owner", highlight=False)


def _settings(data_dir: Path | None) -> Any:
    from firewarden.api.settings import Settings

    return Settings(data_dir=data_dir) if data_dir is not None else Settings()


def _told(key: Any) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "role": key.role.value,
        "created_at": key.created_at.isoformat(timespec="seconds"),
        "revoked_at": key.revoked_at and key.revoked_at.isoformat(timespec="seconds"),
    }
