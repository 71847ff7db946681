# SPDX-License-Identifier: MIT
"""Tells an MQTT 5 broker of the crowd, through every outage of it, and takes allowed commands.

States are retained and only the newest counts. Transfers and faults are messages: they wait in
order, up to SPOOL_MAX, and leave when the broker has acknowledged them, so one may come twice.
"""

import asyncio
import json
import logging
import ssl
from collections import deque
from contextlib import suppress

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from crowdcharge.errors import WptError
from crowdcharge.orchestrator.outlets import MqttSection
from crowdcharge.service.window import homeassistant, topics
from crowdcharge.service.window.api import OPERATIONS
from crowdcharge.service.window.fields import body_values
from crowdcharge.service.window.hub import WindowHub
from crowdcharge.service.window.outlet import Condition, place
from crowdcharge.service.window.problems import NotDone
from crowdcharge.service.window.topics import BadCommand, Topics

SPOOL_MAX = 1000  # messages that wait for the broker; then the oldest go
STATE_EVERY_s = 1.0
_RETRY_s = (1.0, 2.0, 5.0, 10.0, 30.0)
_KEEPALIVE_s = 15
_TIMEOUT_s = 5.0
_WAITING_MAX = 160  # commands; and after each connect the states that the broker kept of boards
_PACKET_BYTES_MAX = 2 * topics.COMMAND_BYTES_MAX  # the broker drops what is larger
_NO_RETAINED = 2  # of the specification: a command of the past is none
_FIELDS = {each.action: (*each.in_path, *each.in_body) for each in OPERATIONS if each.action}
_FIRM = 1  # quality of service: acknowledged


class Mqtt:
    """One site at one broker."""

    def __init__(self, hub: WindowHub, section: MqttSection) -> None:
        self._hub = hub
        self._section = section
        run = hub.live.snapshot(curves=False)["run"]
        self._topics = Topics(run["site"] or run["name"])
        self._condition = Condition(f"MQTT broker {place(section.url)}")
        self._spool: deque[tuple[str, str]] = deque(maxlen=SPOOL_MAX)
        self._published: dict[str, str] = {}
        self._news = asyncio.Event()
        self._at_work: set[asyncio.Task[None]] = set()
        self._log = _LastLine()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._collect())
            group.create_task(self._stay())

    async def _collect(self) -> None:
        events = self._hub.subscribe()
        while True:
            seq, record = await events.get()
            if message := self._topics.message(seq, record):
                self._spool.append(message)
                self._news.set()

    async def _stay(self) -> None:
        """Connect, talk until that fails, and connect again, later each time it fails at once."""
        tries = 0
        while True:
            try:
                async with self._client() as client:
                    tries = 0
                    self._condition.right()
                    await self._talk(client)
            except (aiomqtt.MqttError, OSError, WptError) as error:
                _end_if_cancelled()
                self._condition.wrong(self._log.text or error)
            await asyncio.sleep(_RETRY_s[min(tries, len(_RETRY_s) - 1)])
            tries += 1

    def _client(self) -> aiomqtt.Client:
        """Return a new client; certificates and password are read anew, since they expire."""
        section = self._section
        self._log.text = ""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.MaximumPacketSize = _PACKET_BYTES_MAX
        return aiomqtt.Client(
            section.host,
            section.port,
            username=section.user or None,
            password=section.password(),
            protocol=aiomqtt.ProtocolVersion.V5,
            will=aiomqtt.Will(self._topics.status, "offline", _FIRM, retain=True),
            logger=self._log.logger,
            timeout=_TIMEOUT_s,
            keepalive=_KEEPALIVE_s,
            clean_start=True,
            max_queued_incoming_messages=_WAITING_MAX,
            properties=properties,
            tls_context=_tls(section) if section.is_tls else None,
        )

    async def _talk(self, client: aiomqtt.Client) -> None:
        self._published.clear()
        await _publish(client, self._topics.status, "online", retain=True)
        speaking = asyncio.create_task(self._speak(client))
        hearing = asyncio.create_task(self._obey(client))
        try:
            done, _ = await asyncio.wait({speaking, hearing}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except asyncio.CancelledError:
            with suppress(aiomqtt.MqttError):
                await client.publish(self._topics.status, "offline", _FIRM, retain=True)
            raise
        finally:
            tasks = {speaking, hearing, *self._at_work}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _speak(self, client: aiomqtt.Client) -> None:
        while True:
            await self._publish_states(client)
            self._news.clear()
            while self._spool:
                topic, payload = first = self._spool[0]
                await _publish(client, topic, payload)
                if self._spool and self._spool[0] is first:  # else it overflowed meanwhile
                    self._spool.popleft()
            with suppress(TimeoutError):
                async with asyncio.timeout(STATE_EVERY_s):
                    await self._news.wait()

    async def _publish_states(self, client: aiomqtt.Client) -> None:
        """Publish what has changed, in the manner of one who tells only news."""
        for topic, payload in self._retained().items():
            if self._published.get(topic) != payload:
                await _publish(client, topic, payload, retain=True)
                self._published[topic] = payload

    def _retained(self) -> dict[str, str]:
        snapshot, section = self._hub.live.snapshot(curves=False), self._section
        states = self._topics.states(snapshot)
        if not section.discovery:
            return states
        found = homeassistant.discovery(
            self._topics, snapshot, section.discovery, section.commands, self._hub.policies
        )
        return found | states

    async def _obey(self, client: aiomqtt.Client) -> None:
        """Take commands, if any is allowed, in the order in which they come; each gets one answer.

        None waits for the answer of another: a stop must not, while a board is asked patiently.
        What the broker kept of boards that are no longer ours is taken away first. The last will
        of an earlier connection may come after this one has begun, and is not the last word.
        """
        of_others = SubscribeOptions(qos=_FIRM, noLocal=True)
        for topic in (self._topics.board("+"), self._topics.status):
            await client.subscribe(topic, options=of_others)
        if self._section.commands:
            options = SubscribeOptions(qos=_FIRM, retainHandling=_NO_RETAINED)
            await client.subscribe(self._topics.command, options=options)
        async for message in client.messages:
            topic, payload = str(message.topic), message.payload
            if not isinstance(payload, bytes):
                continue
            if topic == self._topics.status and payload != b"online":
                await _publish(client, topic, "online", retain=True)
            elif message.retain and payload and (board_id := self._topics.board_of(topic)):
                await self._forget(client, board_id)
            elif not message.retain and topic == self._topics.command:
                task = asyncio.create_task(self._answer(client, payload))
                self._at_work.add(task)
                task.add_done_callback(self._at_work.discard)

    async def _answer(self, client: aiomqtt.Client, payload: bytes) -> None:
        answer = await self._act(payload)
        with suppress(aiomqtt.MqttError):  # whoever speaks notices it, too
            await _publish(client, self._topics.answer, answer, 0)

    async def _forget(self, client: aiomqtt.Client, board_id: int) -> None:
        """Empty the topics of a board that has no key here any more."""
        live, prefix = self._hub.live, self._section.discovery
        if live.has_key(board_id):
            return
        snapshot = live.snapshot(curves=False)
        found = homeassistant.of_board(self._topics, snapshot, prefix, board_id) if prefix else {}
        for topic in (*found, self._topics.board(board_id)):
            await _publish(client, topic, "", retain=True)

    async def _act(self, payload: bytes) -> str:
        """Do what a payload asks, after the same checks as a request over HTTP."""
        try:
            action, args, sender = topics.command(payload, self._section.commands)
        except BadCommand as error:
            return topics.answer(error.status, str(error))
        try:
            values = body_values(_FIELDS[action], json.dumps(args).encode())
        except NotDone as error:
            return topics.answer(error.status, error.detail, action, sender)
        status, body = await self._hub.act(action, values)
        text = str(body.get("detail", status)) if status >= 400 else None
        return topics.answer(status, text, action, sender)


async def _publish(
    client: aiomqtt.Client, topic: str, payload: str, firmness: int = _FIRM, retain: bool = False
) -> None:
    await client.publish(topic, payload, firmness, retain=retain)
    _end_if_cancelled()


def _end_if_cancelled() -> None:
    """End a task that was cancelled: `wait_for` of Python 3.11, which the client waits with, loses
    a cancellation if what it waits for comes at the same moment.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class _LastLine(logging.Handler):
    """Keeps the newest error that the library logs: it says more than the time-out after it."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        # Of no tree, so what it gets is shown nowhere else.
        self.logger = logging.Logger("mqtt", logging.ERROR)  # noqa: LOG001
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()


def _tls(section: MqttSection) -> ssl.SSLContext:
    """Return a context that checks the broker's certificate and name, always."""
    try:
        context = ssl.create_default_context(cafile=section.ca_file or None)
    except OSError as error:
        raise WptError(f"{section.ca_file}: {error.strerror or error}") from None
    if section.certificate_file:
        try:
            context.load_cert_chain(section.certificate_file, section.key_file)
        except OSError as error:
            raise WptError(f"{section.certificate_file}: {error.strerror or error}") from None
    return context
