"""Schemas from a registry that speaks Confluent's HTTP interface: Confluent's, Redpanda's, Karapace, Apicurio's."""

import time
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import orjson
import urllib3

from consumer import aws
from consumer.decoder import DecoderUnavailable
from consumer.decoding.schemas.definition import MAX_SCHEMA_BYTES, Definition, Format, SchemaUnusable
from consumer.errors import UsageError

_SECONDS: Final = 3.0
_IN_ALL_SECONDS: Final = 10.0
_MAX_ANSWER: Final = 2 * MAX_SCHEMA_BYTES + 65_536
"""A schema within JSON has each of its quotation marks escaped."""

_MAX_REFERENCES: Final = 200
_MAX_SECRET: Final = 4096
_CHUNK: Final = 65_536

_OK: Final = 200
_NOT_FOUND: Final = 404
# Of a subject, a version, a schema that is not there. A wrong path, or another server, answers with 404 alone.
_UNKNOWN_CODES: Final = frozenset({40401, 40402, 40403})
_WHY: Final = {
    200: "its answer is none of a schema registry's: check `url`",
    401: "it refuses the credentials: check the file that `credentials` names",
    403: "it forbids the request: grant these credentials to read schemas",
    429: "it is asked too often",
}
_NO_ADDRESS: Final = "url is not the address of a registry, such as https://registry.example.com."


class _Missing(Exception):
    """The registry knows nothing of that name."""


class HttpRegistry:
    """Asks for schemas by their number.

    :param credentials: file with ``user:password``; it is read at each request, so that it may change.
    :raises UsageError: an address that is none, or not encrypted, or no such file.
    """

    lags: Final = True

    def __init__(self, url: str, credentials: str | None) -> None:
        try:
            parts = urlsplit(url)
            _ = parts.port  # raises where it is none
        except ValueError:
            raise UsageError(_NO_ADDRESS) from None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise UsageError(_NO_ADDRESS)
        if parts.username is not None or parts.password is not None:
            raise UsageError("url holds credentials: put them into a file, and name that in `credentials`.")
        if parts.scheme == "http" and not aws.is_near(parts.hostname):
            raise UsageError(
                f"url is {aws.shown(url)}: schemas and credentials would travel in clear. Use https, or an address of "
                "this machine or of a private network."
            )
        self._url = url.rstrip("/")
        self._shown = aws.shown(url)
        self._credentials = Path(credentials) if credentials is not None else None
        if self._credentials:
            try:
                self._authorization()
            except DecoderUnavailable as error:
                raise UsageError(str(error)) from None
        self._pool = urllib3.PoolManager(
            maxsize=16, timeout=urllib3.Timeout(connect=_SECONDS, read=_SECONDS), retries=False
        )

    def fetch(self, schema_id: Any) -> Definition | None:
        """Return a schema; see `Registry`."""
        deadline = time.monotonic() + _IN_ALL_SECONDS
        try:
            answer = self._get(f"/schemas/ids/{schema_id}", deadline)
            kind, text = _schema_of(answer)
            references: dict[str, str] = {}
            self._follow(answer, references, set(), deadline)
        except _Missing:
            return None
        if len(text) + sum(map(len, references.values())) > MAX_SCHEMA_BYTES:
            raise SchemaUnusable
        name, version = self._named(schema_id, deadline)
        return Definition(kind, text, name, version, references)

    def _named(self, schema_id: int, deadline: float) -> tuple[str, str]:
        """Return the first subject that the schema is registered under, and its version there."""
        try:
            answer = self._get(f"/schemas/ids/{schema_id}/versions", deadline)
            found = sorted((str(each["subject"]), int(each["version"])) for each in answer)
        except _Missing:
            found = []
        except (KeyError, TypeError, ValueError):
            raise self._unavailable("its answer is none of a schema registry's") from None
        subject, version = found[0] if found else (f"id-{schema_id}", schema_id)
        return subject, str(version)

    def _follow(self, answer: Any, found: dict[str, str], under_way: set[str], deadline: float) -> None:
        """Find what a schema refers to, and before it what that refers to."""
        for each in answer.get("references") or ():
            try:
                name, subject, version = str(each["name"]), str(each["subject"]), int(each["version"])
            except (KeyError, TypeError, ValueError):
                raise SchemaUnusable from None
            if name in found or name in under_way:
                continue
            under_way.add(name)
            if len(under_way) > _MAX_REFERENCES:
                raise SchemaUnusable
            # Deleted ones, too: records that were written with them are on the stream all the same.
            path = f"/subjects/{quote(subject, safe='')}/versions/{version}?deleted=true"
            referred = self._get(path, deadline)
            _, text = _schema_of(referred)
            self._follow(referred, found, under_way, deadline)
            found[name] = text

    def _get(self, path: str, deadline: float) -> Any:
        headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json", **self._authorization()}
        try:
            response = self._pool.request("GET", self._url + path, headers=headers, preload_content=False)
            try:
                body = self._body(response, deadline)
            finally:
                response.close()
        except urllib3.exceptions.SSLError:
            raise self._unavailable("its certificate is not one that this machine trusts") from None
        except (urllib3.exceptions.HTTPError, OSError):
            raise self._unavailable(
                "it cannot be reached, or does not answer in time: check address and network"
            ) from None
        try:
            answer = orjson.loads(body)
        except ValueError:
            answer = None
        if response.status == _OK and isinstance(answer, (dict, list)):
            return answer
        code = answer.get("error_code") if isinstance(answer, dict) else None
        if response.status == _NOT_FOUND and code in _UNKNOWN_CODES:
            raise _Missing
        raise self._unavailable(_WHY.get(response.status, f"it answers with status {response.status}"))

    def _body(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        found = bytearray()
        while chunk := response.read1(_CHUNK, decode_content=False):
            found += chunk
            if len(found) > _MAX_ANSWER:
                raise SchemaUnusable
            if time.monotonic() > deadline:
                raise self._unavailable("it takes too long to answer")
        return bytes(found)

    def _authorization(self) -> Mapping[str, str]:
        if self._credentials is None:
            return {}
        try:
            with self._credentials.open("rb") as file:
                secret = file.read(_MAX_SECRET).strip()
        except OSError as error:
            raise DecoderUnavailable(
                f"The credentials of the schema registry, {self._credentials}, cannot be read ({type(error).__name__})."
            ) from None
        if b":" not in secret:
            raise DecoderUnavailable(
                f"The credentials of the schema registry, {self._credentials}, are not written as user:password."
            )
        return {"Authorization": f"Basic {b64encode(secret).decode()}"}

    def _unavailable(self, why: str) -> DecoderUnavailable:
        return DecoderUnavailable(f"The schema registry at {self._shown} gives no schemas: {why}.")


def _schema_of(answer: Any) -> tuple[Format, str]:
    if not isinstance(answer, dict) or not isinstance(answer.get("schema"), str):
        raise SchemaUnusable
    try:
        return Format(answer.get("schemaType") or Format.AVRO), answer["schema"]
    except ValueError:
        raise SchemaUnusable from None
