"""Messages out by signed webhook: `POST` of JSON, HMAC-SHA256 over `timestamp.body`, no redirects, https or loopback.

The header `Firewarden-Signature: t=1781234567,v1=<hex>[,v1=<hex>]` carries one signature for each secret, so that a secret
can be changed without a gap. A receiver recomputes it over the raw body and refuses times off by more than five minutes.
"""

import hashlib
import hmac
import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from firewarden import __version__
from firewarden.cctv.delivery import SendFailed
from firewarden.cctv.messages import Message
from firewarden.errors import HazardError

SIGNATURE_HEADER = "Firewarden-Signature"
ID_HEADER = "Firewarden-Message-Id"
TOLERANCE_S = 300
MIN_SECRET_CHARS = 24
_LABELS = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
_SIGNATURE = re.compile(r"t=(\d{1,12})((?:,v1=[0-9a-f]{64}){1,4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where to and with which secrets (the newest first). Raises HazardError for an address or secret that is not safe;
    neither is repeated in the message."""

    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    timeout_s: float = 10.0
    allow_http: bool = False
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        parts = _split(self.url)
        if parts.username or parts.password or not parts.hostname:
            raise HazardError("webhook address: expected https://host/path without a user or password in it")
        if not _LABELS.fullmatch(parts.hostname) and not _is_address(parts.hostname):
            raise HazardError(
                "webhook address: its host is no name, expected labels of 1 to 63 letters, digits, '-' and '_' with dots "
                "between"
            )
        safe = parts.scheme == "https" or (
            parts.scheme == "http" and (self.allow_http or is_loopback(parts.hostname))
        )
        if not safe:
            raise HazardError(
                f"webhook address: got {parts.scheme or 'no scheme'}, expected https (http for this machine alone). "
                "Set FIREWARDEN_WEBHOOK_ALLOW_HTTP=true where the network itself is protected."
            )
        if not self.secrets or any(len(secret) < MIN_SECRET_CHARS for secret in self.secrets):
            raise HazardError(
                f"webhook secret: expected at least {MIN_SECRET_CHARS} characters in FIREWARDEN_WEBHOOK_SECRET, "
                "e.g. of `openssl rand -hex 32`"
            )


class WebhookSender:
    """A connection for each message: events are rare and receivers come and go."""

    destination = "webhook"

    def __init__(self, settings: WebhookSettings, clock: Callable[[], float] = time.time) -> None:
        """Raises HazardError for certificates that cannot be used."""
        self._settings = settings
        self._clock = clock
        self._parts = _split(settings.url)
        trusted = trusting(settings.ca_file, "FIREWARDEN_WEBHOOK_CA")
        self._tls = trusted if self._parts.scheme == "https" else None

    def send(self, message: Message) -> None:
        """POST the message; a 2xx answer confirms it. The whole exchange ends within twice the timeout."""
        body = message.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"firewarden/{__version__}",
            ID_HEADER: message.id,
            SIGNATURE_HEADER: sign(body, self._settings.secrets, int(self._clock())),
        }
        connection = self._connection()
        try:
            connection.connect()
            with _cut_off(connection, self._settings.timeout_s):
                connection.request("POST", self._target(), body, headers)
                answer = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            # ValueError: a name that no resolver takes
            raise SendFailed(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()
        _check(answer)

    def close(self) -> None:
        """Nothing is kept open."""

    def _connection(self) -> http.client.HTTPConnection:
        host, timeout_s = self._parts.hostname or "", self._settings.timeout_s
        port = self._parts.port or (
            443 if self._tls else 80
        )  # without one, the end of an IPv6 address is taken for it
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=timeout_s)

    def _target(self) -> str:
        query = f"?{self._parts.query}" if self._parts.query else ""
        return f"{self._parts.path or '/'}{query}"


def sign(body: bytes, secrets: Sequence[str], at_s: int) -> str:
    """The signature header of a body sent at `at_s` seconds since 1970."""
    return ",".join([f"t={at_s}", *(f"v1={_mac(body, secret, at_s)}" for secret in secrets)])


def is_signed(
    body: bytes, header: str, secret: str, now_s: float, *, tolerance_s: float = TOLERANCE_S
) -> bool:
    """What a receiver asks: whether the body was signed with its secret, at a time near its own."""
    match = _SIGNATURE.fullmatch(header)
    if match is None or abs(now_s - int(match[1])) > tolerance_s:
        return False
    expected = _mac(body, secret, int(match[1]))
    given = [part.removeprefix("v1=") for part in match[2].split(",")[1:]]
    return any(hmac.compare_digest(expected, one) for one in given)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name; no resolver is asked."""
    return ip_address(host).is_loopback if _is_address(host) else host == "localhost"


def trusting(ca_file: Path | None, setting: str) -> ssl.SSLContext:
    """TLS that trusts the certificates of a file, or the system's; raises HazardError naming the setting and the file."""
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror or str(error)
        raise HazardError(
            f"{setting}: {ca_file} cannot be used ({reason}), expected certificates as PEM"
        ) from error


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _mac(body: bytes, secret: str, at_s: int) -> str:
    return hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked on access
    except ValueError as error:
        raise HazardError("webhook address: it cannot be read, expected https://host/path") from error
    if any(ord(c) <= 32 or ord(c) > 126 for c in url):
        raise HazardError("webhook address: it holds other than plain ASCII characters; escape them")
    return parts


def _check(answer: http.client.HTTPResponse) -> None:
    """Raises SendFailed unless the receiver confirmed."""
    if 200 <= answer.status < 300:
        return
    cure = "; redirects are not followed" if 300 <= answer.status < 400 else ""
    asked = answer.getheader("Retry-After", "")
    wait_s = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 8 else 0.0
    raise SendFailed(f"answered {answer.status}{cure}", retry_after_s=wait_s)


@contextmanager
def _cut_off(connection: http.client.HTTPConnection, after_s: float) -> Iterator[None]:
    """End the exchange after a time: the socket's own timeout starts anew with every byte of a slow answer."""

    def cut(open_socket: socket.socket) -> None:
        with suppress(OSError):  # the exchange has just ended
            socket.socket.shutdown(open_socket, socket.SHUT_RDWR)  # below TLS, which another thread uses

    timer = threading.Timer(after_s, cut, (connection.sock,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
