import json
import logging
from collections.abc import Iterable
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

from consumer.documents import Documents, ReadFailed
from consumer.errors import UsageError

documents = Documents("sanitized-transactions")


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    try:
        path = environ["PATH_INFO"].encode("latin-1").decode()  # WSGI puts each byte into a character
    except UnicodeDecodeError:
        status, text = "400 Bad Request", json.dumps({"error": "The path is no UTF-8."})
    else:
        status, text = answer(path, environ.get("QUERY_STRING", ""))
    body = text.encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def answer(path: str, query: str) -> tuple[str, str]:
    match path.split("/"):
        case ["", "users", user, "documents"]:
            asked = dict(parse_qsl(query))
        case _:
            return "404 Not Found", json.dumps({"error": "There is no such page."})
    try:
        page = documents.page(
            user, limit=20, after=asked.get("after"), before=asked.get("before"), token=asked.get("page")
        )
    except UsageError as error:
        return "400 Bad Request", json.dumps({"error": str(error)})
    except ReadFailed as error:
        logging.error("look-up failed: %s: %s", error.reason, error)
        return "503 Service Unavailable", json.dumps({"error": "Try again later."})
    return "200 OK", page.json()
