"""Schemas from a registry: what is an outage and what is a refusal, against servers that answer whatever they like."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from pydantic import SecretStr, ValidationError

from schemas.codec import HEADER_BYTES, Codec, UndecodableError, decode_change, encode_change
from schemas.events import PersonChange
from schemas.registry import MISS_SECONDS, RegistryUnavailableError, SchemaRegistry, connect
from schemas.settings import RegistrySettings

Answer = tuple[int, Any]
OURS = Codec("person_change").schema
UNKNOWN = (404, {"error_code": 40403, "message": "no such schema"})


class Server:
    """Answers each path with what it was told, and remembers who asked for what."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                outer.asked.append((path, self.headers["Authorization"]))
                status, body = outer.answers.get(path, (404, "nothing here"))
                content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that http.server has
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def schema(self, schema_id: int, schema: Any, **more: Any) -> None:
        """Register a schema."""
        self.answers[f"/schemas/ids/{schema_id}"] = (200, {"schema": json.dumps(schema), **more})

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """One that knows nothing yet."""
    made = Server()
    yield made
    made.close()


@pytest.fixture
def registry(server: Server) -> SchemaRegistry:
    """A client of it."""
    made = connect(RegistrySettings(schema_registry_url=server.url))
    assert made is not None
    return made


def framed(change: PersonChange, schema_id: int) -> bytes:
    """A change in the Confluent wire format, written with our schema."""
    return b"\x00" + schema_id.to_bytes(4, "big") + encode_change(change)[HEADER_BYTES:]


def test_a_registered_schema_is_asked_for_once(server: Server, registry: SchemaRegistry, change: PersonChange) -> None:
    """A million records cost one question."""
    server.schema(7, OURS)

    assert [decode_change(framed(change, 7), registry) for _ in range(3)] == [change] * 3
    assert [path for path, _ in server.asked] == ["/schemas/ids/7"]


def test_both_framings_are_read_side_by_side(server: Server, registry: SchemaRegistry, change: PersonChange) -> None:
    """The first byte tells them apart; single-object encoding asks nobody."""
    assert decode_change(encode_change(change), registry) == change
    assert server.asked == []


def test_types_that_a_schema_refers_to_are_fetched_too(
    server: Server, registry: SchemaRegistry, change: PersonChange
) -> None:
    """A publisher may keep Company in a schema of its own."""
    fields = json.loads(json.dumps(OURS))["fields"]
    company = next(field for field in fields if field["name"] == "company")
    shared = {**company["type"], "namespace": "person_changes"}
    company["type"] = "person_changes.Company"
    reference = {"name": "person_changes.Company", "subject": "company", "version": 2}
    server.schema(7, {**OURS, "fields": fields}, references=[reference])
    server.answers["/subjects/company/versions/2"] = (
        200,
        {"subject": "company", "version": 2, "id": 3, "schema": json.dumps(shared)},
    )

    assert decode_change(framed(change, 7), registry) == change


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (UNKNOWN, r"schema id 7: the Schema Registry does not know it: no such schema"),
        ((200, {"schema": "{}", "schemaType": "JSON"}), r"schema id 7: is a JSON schema, not an Avro one"),
        ((200, {"schema": "not json"}), r"schema id 7: Expecting value"),
        ((200, {"schema": '{"type": "nonsense"}'}), r"schema id 7: its schema cannot be used: UnknownType"),
        ((200, {"schema": '"string"'}), r"not a person_change in Avro"),
        (
            (200, {"schema": '{"type": "record", "name": "PersonChange", "fields": []}'}),
            r"not a person_change in Avro: SchemaResolutionError: No default value for field event_id",
        ),
    ],
    ids=["unknown", "json-schema", "no-json", "no-avro", "a-text", "another-record"],
)
def test_what_can_never_be_read_is_refused_with_the_reason(
    server: Server, registry: SchemaRegistry, change: PersonChange, answer: Answer, found: str
) -> None:
    """It becomes a dead letter, whose reason tells the publisher what to mend."""
    server.answers["/schemas/ids/7"] = answer

    with pytest.raises(UndecodableError, match=found):
        decode_change(framed(change, 7), registry)


@pytest.mark.parametrize(
    "answer",
    [
        (404, "<html>nothing here</html>"),
        (404, {"error_code": 404, "message": "HTTP 404 Not Found"}),
        (401, {"error_code": 401, "message": "who are you"}),
        (403, ""),
        (429, ""),
        (500, {"error_code": 50001, "message": "broken"}),
        (503, "<html>away</html>"),
        (200, "<html>a proxy's page</html>"),
    ],
    ids=["html-404", "plain-404", "401", "403", "429", "500", "503", "not-a-registry"],
)
def test_whatever_else_the_registry_answers_is_an_outage(
    server: Server, registry: SchemaRegistry, change: PersonChange, answer: Answer
) -> None:
    """Nothing becomes a dead letter because of a wrong URL, a password, a proxy or a crash: asked again, it is read."""
    server.answers["/schemas/ids/7"] = answer
    with pytest.raises(RegistryUnavailableError, match="Schema Registry"):
        decode_change(framed(change, 7), registry)

    server.schema(7, OURS)
    assert decode_change(framed(change, 7), registry) == change


def test_a_registry_that_is_not_there_is_an_outage(
    server: Server, registry: SchemaRegistry, change: PersonChange
) -> None:
    """The message names what the client saw."""
    server.close()
    with pytest.raises(RegistryUnavailableError, match="the Schema Registry: ConnectError"):
        decode_change(framed(change, 7), registry)


def test_an_unknown_id_is_asked_for_again_after_a_while(server: Server, change: PersonChange) -> None:
    """A flood of one unknown id does not become a flood of questions; a schema registered late is found."""
    now = [0.0]
    registry = SchemaRegistry(partial(SchemaRegistryClient, {"url": server.url}), lambda: now[0])
    server.answers["/schemas/ids/7"] = UNKNOWN

    def decode() -> PersonChange:
        return decode_change(framed(change, 7), registry)

    for _ in range(5):
        with pytest.raises(UndecodableError, match="does not know it"):
            decode()
    assert len(server.asked) == 1
    server.schema(7, OURS)
    now[0] += MISS_SECONDS
    assert decode() == change


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x00\x00\x00"])
def test_a_value_too_short_for_an_id_is_refused(registry: SchemaRegistry, server: Server, data: bytes) -> None:
    """Nobody is asked for it."""
    with pytest.raises(UndecodableError, match="without a schema id"):
        decode_change(data, registry)
    assert server.asked == []


def test_a_change_cut_off_or_followed_by_bytes_is_refused(
    server: Server, registry: SchemaRegistry, change: PersonChange
) -> None:
    """As strict as in the other framing."""
    server.schema(7, OURS)
    data = framed(change, 7)
    for broken in (data[:-1], data[:6], data + b"\x00"):
        with pytest.raises(UndecodableError):
            decode_change(broken, registry)


def test_the_password_is_sent_to_the_registry_and_shown_to_nobody(server: Server, change: PersonChange) -> None:
    """HTTP basic authentication; the settings do not print it."""
    settings = RegistrySettings(schema_registry_url=server.url, schema_registry_user_info=SecretStr("me:hush"))
    registry = connect(settings)
    server.schema(7, OURS)

    assert decode_change(framed(change, 7), registry) == change
    assert server.asked == [("/schemas/ids/7", "Basic bWU6aHVzaA==")]
    assert "hush" not in repr(settings)


def test_without_a_url_there_is_no_registry() -> None:
    """The default needs none."""
    assert connect(RegistrySettings.model_construct()) is None


@pytest.mark.parametrize("url", ["registry:8081", "ftp://registry", "http://a b"])
def test_a_url_that_is_none_is_refused_at_the_start(url: str) -> None:
    """Not when the first record comes."""
    with pytest.raises(ValidationError):
        RegistrySettings(schema_registry_url=url)
