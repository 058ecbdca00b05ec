"""Hands out credentials as ECS does (the endpoint of a container), and as a command does; they can be rotated."""

import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LIFETIME_SECONDS = 5.0


class CredentialSource:
    """Serves until `close`.

    :ivar key: the access key that is handed out now.
    """

    def __init__(self, folder: Path) -> None:
        self.key = "FIRST"
        self._folder = folder
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(source.answer(token="Token")).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def container(self) -> dict[str, str]:
        """The variables with which AWS's SDKs find it as a container's endpoint."""
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self._server.server_address[1]}/"}

    def process(self) -> dict[str, str]:
        """The variables with which they ask a command, which prints the file that `rotate` writes."""
        config = self._folder / "aws-config"
        config.write_text(f"[default]\ncredential_process = /bin/cat {self._folder}/credentials.json\n")
        self._write()
        return {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(self._folder / "none")}

    def rotate(self, key: str) -> None:
        """Hand out another key from now on."""
        self.key = key
        self._write()

    def answer(self, *, token: str) -> dict[str, object]:
        """What ECS answers (`Token`) or a command prints (`SessionToken`, with a version)."""
        expires = datetime.fromtimestamp(time.time() + LIFETIME_SECONDS, UTC).isoformat(timespec="seconds")
        return {
            "AccessKeyId": self.key,
            "SecretAccessKey": "secret",
            token: "token",
            "Expiration": expires.replace("+00:00", "Z"),
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _write(self) -> None:
        new = self._folder / "credentials.new"
        new.write_text(json.dumps({"Version": 1} | self.answer(token="SessionToken")))
        new.replace(self._folder / "credentials.json")
