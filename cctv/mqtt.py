"""Messages out by MQTT 5, QoS 1. Version 5, because only there a broker says that it threw a message away."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from firewarden.cctv.delivery import SendFailed
from firewarden.cctv.messages import Message
from firewarden.cctv.webhook import is_loopback, trusting
from firewarden.errors import HazardError

_REFUSED = 0x80  # reason codes from here on are failures
_KEEP_ALIVE_S = 30


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The broker. Messages go to `<topic>/<camera id>/events`. Raises HazardError where they would travel in the clear."""

    host: str
    port: int | None = None  # 8883 with TLS, else 1883
    tls: bool = True
    ca_file: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    topic: str = "firewarden"
    timeout_s: float = 10.0
    allow_plain: bool = False

    def __post_init__(self) -> None:
        if not (self.tls or self.allow_plain or is_loopback(self.host)):
            raise HazardError(
                "MQTT: TLS is off and the broker is not on this machine. Set FIREWARDEN_MQTT_TLS=true, or "
                "FIREWARDEN_MQTT_ALLOW_PLAIN=true where the network itself is protected."
            )
        if not self.topic or set(self.topic) & set("+#\0") or self.topic.startswith("$"):
            raise HazardError(f"MQTT topic: got {self.topic!r}, expected a name without '+', '#' or '$'")


class MqttSender:
    """Holds one connection; a failed message gives it up, so that the broker's library sends nothing on its own."""

    destination = "mqtt"

    def __init__(self, settings: MqttSettings) -> None:
        """Raises HazardError where paho-mqtt is not installed, and for certificates that cannot be used."""
        try:
            import paho.mqtt.client  # noqa: F401
        except ModuleNotFoundError as error:
            raise HazardError(
                "MQTT needs paho-mqtt, which is not installed: pip install -e '.[mqtt]' in the checkout"
            ) from error
        trusting(settings.ca_file, "FIREWARDEN_MQTT_CA")
        self._settings = settings
        self._session: _Session | None = None

    def send(self, message: Message) -> None:
        """Publish a message; the broker's PUBACK confirms it."""
        try:
            if self._session is None or not self._session.is_connected():
                self.close()
                self._session = _Session(self._settings)
            self._session.publish(message)
        except (OSError, ValueError, RuntimeError, SendFailed) as error:
            self.close()
            if isinstance(error, SendFailed):
                raise
            raise SendFailed(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


class _Session:
    """One connection from CONNECT to DISCONNECT."""

    def __init__(self, settings: MqttSettings) -> None:
        import paho.mqtt.client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        self._settings = settings
        self._connected, self._code = threading.Event(), "no answer in time"
        self._acks: dict[int, int] = {}
        self._changed = threading.Condition()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"firewarden-{uuid4().hex[:12]}",
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
        )
        if settings.user is not None:
            self._client.username_pw_set(settings.user, settings.password)
        if settings.tls:
            self._client.tls_set(ca_certs=str(settings.ca_file) if settings.ca_file else None)
        self._client.connect_timeout = settings.timeout_s
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        port = settings.port or (8883 if settings.tls else 1883)
        self._client.connect(settings.host, port, keepalive=_KEEP_ALIVE_S, clean_start=True)
        self._client.loop_start()
        if not self._connected.wait(settings.timeout_s) or self._code:
            self.close()
            raise SendFailed(f"the broker did not take the connection: {self._code}")

    def is_connected(self) -> bool:
        return bool(self._client.is_connected())

    def publish(self, message: Message) -> None:
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = "application/json"
        properties.UserProperty = [("message-id", message.id)]
        topic = f"{self._settings.topic}/{message.camera_id}/events"
        sent = self._client.publish(topic, message.body.encode(), qos=1, properties=properties)
        with self._changed:
            self._changed.wait_for(lambda: sent.mid in self._acks, self._settings.timeout_s)
            code = self._acks.pop(sent.mid, None)
        if code is None:
            raise SendFailed("the broker did not confirm in time")
        if code >= _REFUSED:
            raise SendFailed(f"the broker refused the message: reason code {code:#04x}")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._code = str(reason) if reason.is_failure else ""
        self._connected.set()

    def _on_publish(self, _client: Any, _userdata: Any, mid: int, reason: Any, _properties: Any) -> None:
        with self._changed:
            self._acks[mid] = int(reason.value)
            self._changed.notify_all()
