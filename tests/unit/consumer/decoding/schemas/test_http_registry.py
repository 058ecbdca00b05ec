"""A registry over HTTP: what it knows, and whatever else it may answer, without a word of the record."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.decoder import DecoderUnavailable
from consumer.decoding.schemas import http_registry
from consumer.decoding.schemas.definition import Definition, Format, SchemaUnusable
from consumer.decoding.schemas.http_registry import HttpRegistry
from consumer.errors import UsageError
from tests.kits.schema_registry import SchemaRegistry

RECORD = {"type": "record", "name": "R", "fields": []}


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with SchemaRegistry() as found:
        yield found


def _unavailable(client: HttpRegistry) -> str:
    with pytest.raises(DecoderUnavailable) as error:
        client.fetch(7)
    return str(error.value)


def test_a_schema_comes_with_its_first_subject_and_version(registry: SchemaRegistry) -> None:
    registry.register(7, "orders-value", 3, RECORD)
    registry.register(7, "a-copy-value", 1, RECORD)
    found = HttpRegistry(registry.url + "/", None).fetch(7)
    assert found == Definition(Format.AVRO, '{"type":"record","name":"R","fields":[]}', "a-copy-value", "1", {})
    assert registry.paths == ["/schemas/ids/7", "/schemas/ids/7/versions"]
    assert registry.authorization is None


def test_one_whose_subject_the_registry_does_not_tell_is_named_by_its_id(registry: SchemaRegistry) -> None:
    registry.register(7, "orders-value", 3, RECORD)
    registry.versions.clear()
    found = HttpRegistry(registry.url, None).fetch(7)
    assert found
    assert (found.name, found.version) == ("id-7", "7")


def test_what_a_schema_refers_to_comes_before_it(registry: SchemaRegistry) -> None:
    registry.register(1, "base/x", 1, 'syntax = "proto3"; package c;', "PROTOBUF")
    reference = {"name": "c.proto", "subject": "base/x", "version": 1}
    registry.subjects["base%2Fx", 1] = registry.subjects["base/x", 1]
    registry.register(2, "middle", 4, 'syntax = "proto3"; package b; import "c.proto";', "PROTOBUF", [reference])
    registry.register(
        7,
        "top",
        1,
        'syntax = "proto3";',
        "PROTOBUF",
        [{"name": "b.proto", "subject": "middle", "version": 4}, reference],
    )
    found = HttpRegistry(registry.url, None).fetch(7)
    assert found
    assert found.format is Format.PROTOBUF
    assert list(found.references) == ["c.proto", "b.proto"]
    assert all("deleted=true" in path for path in registry.paths if path.startswith("/subjects/"))


def test_one_that_refers_to_itself_comes_to_an_end(registry: SchemaRegistry) -> None:
    registry.register(7, "top", 1, "{}", "JSON", [{"name": "top.json", "subject": "top", "version": 1}])
    assert HttpRegistry(registry.url, None).fetch(7)


def test_an_id_that_it_does_not_know_is_none(registry: SchemaRegistry) -> None:
    assert HttpRegistry(registry.url, None).fetch(7) is None


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (401, b'{"error_code":401}', "credentials"),
        (403, b'{"error_code":40301}', "forbids"),
        (404, b"<html>404 page not found: 4111111111111111</html>", "status 404"),
        (404, b'{"error_code":404,"message":"HTTP 404 Not Found"}', "status 404"),
        (429, b"{}", "too often"),
        (500, b'{"error_code":50001}', "status 500"),
        (503, b"<html>", "status 503"),
        (302, b"", "status 302"),
        (200, b"<html>4111111111111111</html>", "none of a schema registry's"),
        (200, b"", "none of a schema registry's"),
        (200, b'"text"', "none of a schema registry's"),
    ],
)
def test_whatever_else_it_answers_it_gives_no_schemas(
    registry: SchemaRegistry, status: int, body: bytes, word: str
) -> None:
    registry.answers = [(status, body)]
    told = _unavailable(HttpRegistry(registry.url, None))
    assert word in told
    assert registry.url in told
    assert "4111111111111111" not in told


def test_subjects_that_make_no_sense_hold_the_record(registry: SchemaRegistry) -> None:
    registry.answers = [(200, b'{"schema":"{}"}'), (200, b'[{"id":1}]')]
    assert "none of a schema registry's" in _unavailable(HttpRegistry(registry.url, None))


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"schema":1}',
        b'{"schema":"x","schemaType":"XML"}',
        b"[]",
        b'{"schema":"x","references":[{"name":"n"}]}',
    ],
)
def test_what_is_no_schema_is_unusable(registry: SchemaRegistry, body: bytes) -> None:
    registry.answers = [(200, body)]
    with pytest.raises(SchemaUnusable):
        HttpRegistry(registry.url, None).fetch(7)


def test_a_very_large_schema_is_unusable(registry: SchemaRegistry) -> None:
    for size in (2**20 + 1, 3 * 2**20):
        registry.register(7, "s", 1, '"' + "x" * size + '"')
        with pytest.raises(SchemaUnusable):
            HttpRegistry(registry.url, None).fetch(7)


def test_one_that_is_slow_is_waited_for_seconds_only(registry: SchemaRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_registry, "_SECONDS", 0.2)
    registry.register(7, "s", 1, RECORD)
    client = HttpRegistry(registry.url, None)
    registry.answers = [0.6]
    assert "in time" in _unavailable(client)
    assert client.fetch(7)


def test_one_that_answers_byte_by_byte_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_registry, "_IN_ALL_SECONDS", 0.3)
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not done.wait(0.02):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            told = _unavailable(HttpRegistry(f"http://127.0.0.1:{server.getsockname()[1]}", None))
        finally:
            done.set()
            thread.join(10)
    assert "too long" in told


def test_one_that_is_not_there_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "cannot be reached" in _unavailable(HttpRegistry(f"http://127.0.0.1:{port}", None))


def test_credentials_come_from_a_file_that_may_change(registry: SchemaRegistry, tmp_path: Path) -> None:
    registry.register(7, "s", 1, RECORD)
    file = tmp_path / "credentials"
    file.write_text("user:secret\n")
    client = HttpRegistry(registry.url, str(file))
    assert client.fetch(7)
    assert registry.authorization == "Basic dXNlcjpzZWNyZXQ="
    file.write_text("user:other")
    assert client.fetch(7)
    assert registry.authorization == "Basic dXNlcjpvdGhlcg=="
    file.unlink()
    assert "cannot be read" in _unavailable(client)


@pytest.mark.parametrize("content", [None, "no colon"])
def test_credentials_that_cannot_be_used_are_refused_at_the_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "credentials"
    if content:
        file.write_text(content)
    with pytest.raises(UsageError) as error:
        HttpRegistry("https://registry.example.com", str(file))
    assert "no colon" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "registry",
        "ftp://registry",
        "https://",
        "https://[::1",
        "https://registry.example.com:99999",
        "http://registry.example.com",
        "https://user:secret@registry.example.com",
        "https://registry.example.com/?x=1",
    ],
)
def test_addresses_that_cannot_be_meant_are_refused(url: str) -> None:
    with pytest.raises(UsageError) as error:
        HttpRegistry(url, None)
    assert "secret" not in str(error.value)
