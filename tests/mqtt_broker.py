"""A real MQTT broker for tests: Mosquitto on private ports of this machine, with a password, and with TLS beside it."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cctv_events import free_port

USER, PASSWORD = "firewarden", "correct-horse"
_START_LIMIT_S = 60


@dataclass(frozen=True)
class Broker:
    """Addresses on 127.0.0.1 and the certificate that `localhost` is trusted by."""

    port: int
    tls_port: int
    ca_file: Path


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")
    if found is None:
        pytest.skip(f"{name.upper()} IS NOT INSTALLED: apt-get install mosquitto openssl")
    return found


@contextmanager
def running_broker(folder: Path, port: int | None = None) -> Iterator[Broker]:
    """Mosquitto until the end of the block; skips loudly where it is not installed."""
    pytest.importorskip("paho.mqtt", reason="PAHO-MQTT IS NOT INSTALLED: pip install 'firewarden[mqtt]'")
    program = _program("mosquitto")
    folder.mkdir(exist_ok=True)
    broker = Broker(port or free_port(), free_port(), folder / "cert.pem")
    if not broker.ca_file.exists():
        _write_certificate(folder)
        subprocess.run(
            [_program("mosquitto_passwd"), "-c", "-b", str(folder / "passwords"), USER, PASSWORD], check=True
        )
    account = "user root\n" if os.geteuid() == 0 else ""
    (folder / "mosquitto.conf").write_text(
        f"{account}allow_anonymous false\npassword_file {folder / 'passwords'}\nacl_file {folder / 'acl'}\n"
        f"listener {broker.port} 127.0.0.1\n"
        f"listener {broker.tls_port} 127.0.0.1\ncertfile {folder / 'cert.pem'}\nkeyfile {folder / 'key.pem'}\n"
    )
    (folder / "acl").write_text(f"user {USER}\ntopic readwrite firewarden/#\n")
    process = subprocess.Popen(
        [program, "-c", str(folder / "mosquitto.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(broker.port)
        yield broker
    finally:
        process.terminate()
        process.wait(timeout=_START_LIMIT_S)


def _write_certificate(folder: Path) -> None:
    subprocess.run(
        [_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"no broker listens on port {port}")
