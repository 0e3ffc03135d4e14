"""Messages out of the outbox: to a real HTTP receiver and a real MQTT broker, by real processes that are killed."""

import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, update

sys.path.insert(0, str(Path(__file__).parent))
from cctv_events import Stores, change, free_port, stored_urls
from mqtt_broker import PASSWORD, USER, running_broker
from postgres_server import postgres_server, postgres_url  # noqa: F401
from webhook_receiver import running_receiver

from firewarden.api.cctv_stores import build_senders
from firewarden.api.settings import Settings
from firewarden.cctv.delivery import Deliverer, SendFailed, send_due
from firewarden.cctv.messages import Message
from firewarden.cctv.mqtt import MqttSender, MqttSettings
from firewarden.cctv.outbox import DeliveryPolicy, Outbox, back_off_s
from firewarden.cctv.webhook import WebhookSender, WebhookSettings, is_signed, sign
from firewarden.errors import HazardError
from firewarden.ledger.tables import cctv_outbox

SECRET, OLD_SECRET = "s" * 32, "o" * 32
MESSAGE = Message("e1-1", "e1", 1, "cam-1", '{"id":"e1-1"}')
WAIT_S = 120  # for other processes on a busy machine


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    return stored_urls(request, tmp_path)


@pytest.fixture
def stores(url, tmp_path):
    return Stores(url, tmp_path)


@pytest.fixture
def quick(tmp_path):
    """One SQLite database, for what does not depend on it; leases and waits of no length."""
    url = f"sqlite:///{tmp_path / 'firewarden.db'}"
    return Stores(url, tmp_path, lease_s=0.2, first_wait_s=0, max_attempts=3)


def _make_due(stores) -> None:
    """All waits and leases are over."""
    with stores.engine.begin() as connection:
        past = connection.execute(select(cctv_outbox.c.created_at)).scalars().first()
        connection.execute(update(cctv_outbox).where(cctv_outbox.c.due_at.is_not(None)).values(due_at=past))


def _sender(receiver, **values) -> WebhookSender:
    return WebhookSender(WebhookSettings(receiver.url, (SECRET,), **values))


@pytest.mark.parametrize(
    ("attempts", "chance", "seconds"),
    [(1, 0.0, 2), (2, 0.0, 4), (5, 0.5, 24), (11, 0.0, 2048), (12, 0.0, 3600), (80, 0.5, 2700), (10**6, 0.0, 3600)],
)  # fmt: skip
def test_waits_double_up_to_an_hour(attempts, chance, seconds) -> None:
    assert back_off_s(attempts, DeliveryPolicy(), chance) == seconds


def test_messages_of_one_event_go_in_order_and_others_do_not_wait(stores) -> None:
    for kind, event in (("opened", "e1"), ("closed", "e1"), ("opened", "e2")):
        stores.events.write(change(kind, event))
    first, second = stores.outbox.claim("webhook"), stores.outbox.claim("webhook")
    assert (first.message.id, second.message.id) == ("e1-1", "e2-1")
    assert stores.outbox.claim("webhook") is None  # e1-2 waits for e1-1
    assert stores.outbox.fail(first, "busy") is False
    assert stores.outbox.claim("webhook") is None  # and for its wait
    _make_due(stores)
    again = stores.outbox.claim("webhook")
    assert (again.message.id, again.attempts) == ("e1-1", 2)
    stores.outbox.acknowledge(again)
    third = stores.outbox.claim("webhook")
    assert third.message.id == "e1-2"
    assert stores.outbox.claim("mqtt") is None


def test_a_message_is_claimed_by_one_of_many(stores) -> None:
    for number in range(20):
        stores.events.write(change(event_id=f"e{number}"))

    def claim_all(_) -> list[str]:
        claims = iter(lambda: stores.outbox.claim("webhook"), None)
        return [claim.message.id for claim in claims]

    with ThreadPoolExecutor(4) as pool:
        claimed = [name for names in pool.map(claim_all, range(4)) for name in names]
    assert sorted(claimed) == sorted(f"e{number}-1" for number in range(20))


def test_after_its_last_attempt_a_message_is_given_up_and_can_be_revived(stores) -> None:
    stores.outbox.policy = DeliveryPolicy(max_attempts=2)
    stores.events.write(change())
    stores.events.write(change("closed"))
    assert [_fail_once(stores) for _ in range(2)] == [False, True]
    log = stores.outbox.backlogs(["webhook"])["webhook"]
    assert (log.waiting, log.dead) == (1, 1)
    assert stores.outbox.claim("webhook").message.id == "e1-2"  # a dead message holds up nothing
    assert stores.outbox.revive("mqtt") == 0 and stores.outbox.revive() == 1
    assert stores.outbox.claim("webhook").attempts == 1


def _fail_once(stores) -> bool:
    _make_due(stores)
    return stores.outbox.fail(stores.outbox.claim("webhook"), "x" * 1000)


def test_who_lost_the_lease_may_confirm_but_not_fail(quick) -> None:
    quick.events.write(change())
    slow = quick.outbox.claim("webhook")
    time.sleep(0.25)
    other = Outbox(quick.engine).claim("webhook")  # for a minute, however slow the machine
    assert other.message == slow.message and other.holder != slow.holder
    quick.outbox.fail(slow, "too late")
    assert quick.outbox.claim("webhook") is None  # the other one holds it still
    quick.outbox.acknowledge(slow)
    assert quick.outbox.backlogs(["webhook"])["webhook"].waiting == 0


def test_the_signature_is_hmac_sha256_over_time_dot_body() -> None:
    body = b'{"id":"e1-1"}'
    expected = hmac.new(SECRET.encode(), b"1781234567." + body, hashlib.sha256).hexdigest()
    header = sign(body, (SECRET, OLD_SECRET), 1781234567)
    assert header.startswith(f"t=1781234567,v1={expected},v1=")
    for secret in (SECRET, OLD_SECRET):
        assert is_signed(body, header, secret, 1781234567 + 299)
    assert not is_signed(body, header, SECRET, 1781234567 + 301)  # played again later
    assert not is_signed(body + b" ", header, SECRET, 1781234567)
    assert not is_signed(body, header.replace("t=1781234567", "t=1781234568"), SECRET, 1781234567)
    for broken in ("", "v1=00", f"t=1781234567,v1={expected.upper()}", header + ",x"):
        assert not is_signed(body, broken, SECRET, 1781234567)


def test_the_receiver_of_the_docs_takes_what_is_signed_once_and_nothing_else(quick, tmp_path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "camera-events.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    port = free_port()
    (tmp_path / "receiver.py").write_text(code.replace("9000", str(port)), encoding="utf-8")
    receiver = subprocess.Popen(
        [sys.executable, "-u", str(tmp_path / "receiver.py")],
        env={"FIREWARDEN_WEBHOOK_SECRET": SECRET}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + WAIT_S
        while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < deadline:
            time.sleep(0.05)
        quick.events.write(change(event_id="e1"))
        claim = quick.outbox.claim("webhook")
        assert claim is not None
        message = claim.message
        sender = WebhookSender(WebhookSettings(f"http://127.0.0.1:{port}/", (SECRET,)))
        sender.send(message)
        sender.send(message)  # at least once: it comes again
        with pytest.raises(SendFailed, match="answered 401"):
            WebhookSender(WebhookSettings(f"http://127.0.0.1:{port}/", (OLD_SECRET,))).send(message)
    finally:
        receiver.kill()
        told, _ = receiver.communicate()
    assert [line.split()[0] for line in told.splitlines()] == ["opened"]


@pytest.mark.parametrize(
    ("url", "allow"),
    [("http://example.org/", False), ("ftp://example.org/", True), ("https://user:hunter2@example.org/", False),
     ("https://", False), ("http://127.0.0.1.example.org/", False), ("https://example.org/\r\nX: y", False),
     ("https://example.org:hunter2/", False), ("https://hooks..example.org/", False), ("https://.example.org/", False),
     (f"https://{'a' * 64}.example.org/", False)],
)  # fmt: skip
def test_an_unsafe_address_is_refused_and_not_repeated(url, allow) -> None:
    with pytest.raises(HazardError, match="webhook address") as error:
        WebhookSettings(url, (SECRET,), allow_http=allow)
    assert "hunter2" not in str(error.value)


def test_safe_addresses_and_a_short_secret() -> None:
    for url in ("https://example.org/x", "http://localhost:80/", "http://[::1]:9/", "http://127.0.0.9/"):
        assert SECRET not in repr(WebhookSettings(url, (SECRET,)))
    WebhookSettings("http://example.org/", (SECRET,), allow_http=True)
    with pytest.raises(HazardError, match="24 characters"):
        WebhookSettings("https://example.org/", ("short",))


def test_a_receiver_that_fails_some_times_gets_every_message_signed(quick) -> None:
    for number in range(4):
        quick.events.write(change(event_id=f"e{number}"))
    with running_receiver(lambda number: 500 if number % 2 else 200) as receiver:
        sender = WebhookSender(WebhookSettings(receiver.url, (SECRET, OLD_SECRET)))
        deadline = time.monotonic() + WAIT_S
        while quick.outbox.backlogs(["webhook"])["webhook"].waiting and time.monotonic() < deadline:
            send_due(quick.outbox, sender, threading.Event())
    assert set(receiver.ids()) == {f"e{number}-1" for number in range(4)} and len(receiver.requests) > 4
    for headers, body in receiver.requests:
        assert is_signed(body, headers["Firewarden-Signature"], OLD_SECRET, time.time())
        assert headers["Firewarden-Message-Id"] == json.loads(body)["id"]
    assert quick.outbox.backlogs(["webhook"])["webhook"].dead == 0


@pytest.mark.parametrize(
    ("status", "word", "wait_s"),
    [(302, "redirects are not followed", 0), (503, "answered 503", 120), (404, "answered 404", 0)],
)
def test_only_2xx_confirms(status, word, wait_s) -> None:
    with running_receiver(lambda _: status) as receiver:
        with pytest.raises(SendFailed, match=word) as error:
            _sender(receiver).send(MESSAGE)
        assert error.value.retry_after_s == wait_s and len(receiver.requests) == 1


def test_an_answer_that_never_ends_is_cut_off_and_a_closed_port_is_told() -> None:
    began = time.monotonic()
    with running_receiver(lambda _: 0) as receiver, pytest.raises(SendFailed):
        _sender(receiver, timeout_s=0.5).send(MESSAGE)
    assert time.monotonic() - began < 15
    with pytest.raises(SendFailed, match="Refused"):
        WebhookSender(WebhookSettings(f"http://127.0.0.1:{free_port()}/", (SECRET,))).send(MESSAGE)


def test_a_name_that_no_resolver_takes_is_a_failed_attempt(monkeypatch) -> None:
    """As Python's own codec for such names says it: a UnicodeError, which is no OSError."""

    def refuse(*_: object) -> None:
        raise UnicodeError("label empty or too long")

    monkeypatch.setattr(http.client.HTTPConnection, "connect", refuse)
    with pytest.raises(SendFailed, match="label empty"):
        WebhookSender(WebhookSettings("http://localhost/", (SECRET,))).send(MESSAGE)


def _start_deliverer(stores, receiver, *words: str, lease_s: float = 60) -> subprocess.Popen:
    settings = {
        "FIREWARDEN_DATA_DIR": str(stores.folder), "FIREWARDEN_DATABASE_URL": stores.url,
        "FIREWARDEN_WEBHOOK_URL": receiver.url, "FIREWARDEN_WEBHOOK_SECRET": SECRET,
        "FIREWARDEN_DELIVERY_LEASE_S": str(lease_s), "FIREWARDEN_DELIVERY_TIMEOUT_S": str(lease_s / 3),
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "firewarden", "cctv", "deliver", *words],
        env={**os.environ, **settings}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_deliverer_killed_between_send_and_confirmation_loses_nothing(stores) -> None:
    """The receiver has the message when the process dies; another one sends it again once the lease is over."""
    stores.events.write(change())
    never, lease_s = threading.Event(), 6
    with running_receiver(lambda number: 204 if number else never.wait(WAIT_S) or 204) as receiver:
        doomed = _start_deliverer(stores, receiver, lease_s=lease_s)
        assert receiver.arrived.wait(WAIT_S), doomed.communicate()
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
        doomed.communicate()
        log = stores.outbox.backlogs(["webhook"])["webhook"]
        assert (log.waiting, log.dead) == (1, 0)
        heir = _start_deliverer(stores, receiver, lease_s=lease_s)
        deadline = time.monotonic() + WAIT_S
        while stores.outbox.backlogs(["webhook"])["webhook"].waiting and time.monotonic() < deadline:
            time.sleep(0.1)
        never.set()
        heir.terminate()
        assert heir.wait(WAIT_S) == 0, heir.communicate()
        heir.communicate()
    assert receiver.ids() == ["e1-1", "e1-1"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_command_that_sends_once_tries_each_message_once(stores) -> None:
    """A receiver that is slow: what was tried is due again before the others have had their turn."""
    for number in range(4):
        stores.events.write(change(event_id=f"e{number}"))
    stores.outbox.policy = DeliveryPolicy(first_wait_s=0.0)

    class Slow:
        destination, ids = "webhook", []

        def send(self, message) -> None:
            self.ids.append(message.id)
            assert len(self.ids) < 9, "it never ends"
            raise SendFailed("no answer in time")

    sender = Slow()
    tally = send_due(stores.outbox, sender, threading.Event(), due_by=stores.outbox.now())
    assert (tally.sent, tally.failed) == (0, 4) and len(set(sender.ids)) == 4


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_command_that_sends_once_tells_what_it_could_not_send(stores) -> None:
    for number in range(2):
        stores.events.write(change(event_id=f"e{number}"))
    with running_receiver(lambda number: 500 if number else 204) as receiver:
        process = _start_deliverer(stores, receiver, "--once")
        out, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1, errors
    assert json.loads(out) == {"sent": {"webhook": 1}, "failed": {"webhook": 1}}


def test_two_deliverers_at_once_send_each_message_once(stores) -> None:
    for number in range(16):
        stores.events.write(change(event_id=f"e{number}"))
    with running_receiver(lambda _: time.sleep(0.1) or 204) as receiver:
        pair = [_start_deliverer(stores, receiver, "--once") for _ in range(2)]
        outs = [process.communicate(timeout=WAIT_S) for process in pair]
    sent = [json.loads(out)["sent"]["webhook"] for out, _ in outs]
    assert sum(sent) == 16, outs
    assert Counter(receiver.ids()) == {f"e{number}-1": 1 for number in range(16)}
    assert set(receiver.most_at_once.values()) == {1}


def test_settings_that_would_send_twice_or_in_the_clear_are_refused(tmp_path) -> None:
    with pytest.raises(HazardError, match="expected at least three times"):
        build_senders(Settings(data_dir=tmp_path, delivery_lease_s=10, delivery_timeout_s=10))
    with pytest.raises(HazardError, match="expected https"):
        build_senders(
            Settings(data_dir=tmp_path, webhook_url="http://example.org/hook", webhook_secret=SECRET)
        )
    with pytest.raises(HazardError, match="FIREWARDEN_WEBHOOK_SECRET"):
        build_senders(Settings(data_dir=tmp_path, webhook_url="https://example.org/hook"))
    assert build_senders(Settings(data_dir=tmp_path)) == ()


@pytest.mark.parametrize("setting", ["webhook_ca", "mqtt_ca"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_used_are_told_at_the_start(tmp_path, setting, content) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    told = {"webhook_url": "https://example.org/hook", "webhook_secret": SECRET, "mqtt_host": "localhost"}
    with pytest.raises(HazardError, match=f"FIREWARDEN_{setting.upper()}: {re.escape(str(file))}"):
        build_senders(Settings(data_dir=tmp_path, **told, **{setting: file}))


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://[::1]/", "::1", 80),
        ("https://[2001:db8::5]/x", "2001:db8::5", 443),
        ("https://[2001:db8::5]:9/", "2001:db8::5", 9),
        ("http://localhost/", "localhost", 80),
    ],
)
def test_an_address_without_a_port_goes_to_that_of_its_scheme(url, host, port) -> None:
    """The 5 of 2001:db8::5 is none."""
    connection = WebhookSender(WebhookSettings(url, (SECRET,)))._connection()
    assert (connection.host, connection.port) == (host, port)


def test_the_loop_survives_a_database_that_is_away(quick) -> None:
    quick.events.write(change())
    with running_receiver() as receiver:
        deliverer = Deliverer(quick.outbox, [_sender(receiver)], poll_s=0.05)
        with quick.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE cctv_outbox RENAME TO away")
        thread = threading.Thread(target=deliverer.run)
        thread.start()
        time.sleep(0.5)
        with quick.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO cctv_outbox")
        assert receiver.arrived.wait(WAIT_S)
        deliverer.stop()
        thread.join(WAIT_S)
    assert receiver.ids() == ["e1-1"] and not thread.is_alive()


class _Subscriber:
    """A real client of the broker that keeps what comes in, over its own restarts too."""

    def __init__(self, port: int) -> None:
        import paho.mqtt.client as paho
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        self.received: list[tuple[str, dict, str]] = []
        self.ready = threading.Event()
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 600
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id="subscriber", protocol=paho.MQTTv5
        )
        self.client.username_pw_set(USER, PASSWORD)
        self.client.on_connect = lambda client, *_: client.subscribe("firewarden/#", qos=1)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = self._keep
        self.client.connect("127.0.0.1", port, clean_start=False, properties=session)
        self.client.loop_start()
        assert self.ready.wait(WAIT_S)

    def _keep(self, _client, _userdata, message) -> None:
        (_, message_id), *_ = message.properties.UserProperty
        self.received.append((message.topic, json.loads(message.payload), message_id))

    def wait_for(self, count: int) -> list:
        deadline = time.monotonic() + WAIT_S
        while len(self.received) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.received

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def _mqtt(broker, **values) -> MqttSender:
    settings = {"port": broker.port, "tls": False, "user": USER, "password": PASSWORD}
    return MqttSender(MqttSettings("127.0.0.1", **(settings | values)))


def test_a_broker_gets_events_in_the_clear_and_over_tls(tmp_path) -> None:
    stores = Stores(f"sqlite:///{tmp_path / 'firewarden.db'}", tmp_path, ("mqtt",))
    with running_broker(tmp_path / "broker") as broker:
        subscriber = _Subscriber(broker.port)
        stores.events.write(change())
        sender = _mqtt(broker)
        assert send_due(stores.outbox, sender, threading.Event()).sent == 1
        stores.events.write(change("closed"))
        secure = MqttSender(
            MqttSettings("localhost", broker.tls_port, ca_file=broker.ca_file, user=USER, password=PASSWORD)
        )
        assert send_due(stores.outbox, secure, threading.Event()).sent == 1
        received = subscriber.wait_for(2)
        for closing in (sender, secure, subscriber):
            closing.close()
    assert [(topic, body["kind"], name) for topic, body, name in received] == [
        ("firewarden/cam-1/events", "opened", "e1-1"), ("firewarden/cam-1/events", "closed", "e1-2")]  # fmt: skip


def test_a_broker_that_refuses_or_restarts_confirms_nothing_it_does_not_have(tmp_path) -> None:
    folder = tmp_path / "broker"
    with running_broker(folder) as broker:
        with pytest.raises(SendFailed, match="did not take the connection"):
            _mqtt(broker, password="wrong").send(MESSAGE)
        with pytest.raises(SendFailed, match="0x87"):  # not authorised: in MQTT 3 it would be confirmed
            _mqtt(broker, topic="elsewhere").send(MESSAGE)
        untrusted = MqttSettings("localhost", broker.tls_port, user=USER, password=PASSWORD)
        with pytest.raises(SendFailed, match="CERTIFICATE"):
            MqttSender(untrusted).send(MESSAGE)
        sender = _mqtt(broker)
        sender.send(MESSAGE)
    with pytest.raises(SendFailed):
        sender.send(MESSAGE)
    with running_broker(folder, broker.port) as broker:
        subscriber = _Subscriber(broker.port)
        sender.send(MESSAGE)
        assert [name for *_, name in subscriber.wait_for(1)] == ["e1-1"]
        subscriber.close()
        sender.close()


def test_a_broker_elsewhere_needs_tls() -> None:
    with pytest.raises(HazardError, match="TLS is off"):
        MqttSettings("broker.example.org", tls=False)
    MqttSettings("broker.example.org", tls=False, allow_plain=True)
    assert "hunter2" not in repr(MqttSettings("broker.example.org", user="u", password="hunter2"))
    with pytest.raises(HazardError, match="topic"):
        MqttSettings("localhost", topic="a/#")
