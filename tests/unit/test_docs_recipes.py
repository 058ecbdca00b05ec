"""The page of recipes: each is taken out of it and run against a table in moto, made and filled by the last of them."""

import io
import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import boto3
import pytest
from botocore.exceptions import ClientError

from consumer.documents import Documents, ReadFailed

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`(\w+\.py)`\n\n<!-- [^\n]* -->\n\n```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
MODULES = [name.removesuffix(".py") for name in FILES]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, code in FILES.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def fake(folder: Path) -> Iterator[ModuleType]:
    """The last recipe, in whose table there is something; its fixture is made and ended."""
    assert folder.is_dir()
    made = import_module("test_spent")
    with contextmanager(made.documents.__wrapped__)():
        yield made


class Failing:
    """A client whose calls fail where it is told so."""

    def __init__(self, failures: list[str | None]) -> None:
        self._client: Any = boto3.client("dynamodb")
        self._failures = failures

    def query(self, **request: Any) -> Any:
        if self._failures and (code := self._failures.pop(0)):
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "Query")
        return self._client.query(**request)


@pytest.fixture
def failing(fake: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Documents]:
    """The table, in front of which some calls fail."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", fake.REGION)
    return lambda *failures: Documents(fake.TABLE, client=Failing(list(failures)))


def fill(fake: ModuleType, number: int) -> None:
    for each in range(number):
        fake.put("12345", f"2024-03-15T10:{each // 60:02d}:{each % 60:02d}Z", each, "149.99")


def get(application: Any, path: str, query: str = "") -> tuple[str, Any]:
    """Return the status and the body of an answer, which is held against WSGI's rules."""
    environ: dict[str, Any] = {"SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query}
    setup_testing_defaults(environ)
    said: list[tuple[str, dict[str, str]]] = []

    def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], object]:
        said.append((status, dict(headers)))
        return print

    answer: Any = validator(application)(environ, start)
    body = b"".join(answer)
    answer.close()
    ((status, headers),) = said
    assert headers == {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return status, json.loads(body, parse_float=Decimal)


def test_there_are_five_and_each_is_tested() -> None:
    assert MODULES == ["handler", "spent", "export", "patient", "test_spent"]
    assert PAGE.count("```python") == 5


def test_the_handler_answers_pages_and_says_what_is_wrong(fake: ModuleType) -> None:
    fill(fake, 25)
    application = import_module("handler").application
    user = "/users/12345/documents"
    status, first = get(application, user, "after=2024-03-15")
    assert (status, len(first["documents"]), first["documents"][0]["amount"]) == ("200 OK", 20, Decimal("149.99"))
    status, second = get(application, user, f"after=2024-03-15&page={first['next']}")
    assert (status, len(second["documents"]), second["next"]) == ("200 OK", 5, None)
    assert get(application, user, "before=2024-03-15") == ("200 OK", {"documents": [], "next": None})
    status, refused = get(application, user, "after=yesterday")
    assert (status, refused["error"][:22]) == ("400 Bad Request", "This is no time: write")
    assert get(application, "/users/6/documents", f"page={first['next']}")[0] == "400 Bad Request"
    assert get(application, "/users//documents")[0] == "400 Bad Request"
    assert get(application, "/elsewhere")[0] == "404 Not Found"


def test_the_handler_keeps_to_itself_why_a_read_failed(
    fake: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(fake, 1)
    handler = import_module("handler")
    monkeypatch.setattr(handler, "documents", Documents("no-such-table"))
    assert get(handler.application, "/users/1/documents") == (
        "503 Service Unavailable",
        {"error": "Try again later."},
    )
    assert caplog.messages[0].startswith("look-up failed: missing: There is no table no-such-table")


def test_the_batch_job_sums_a_day_to_the_cent(
    fake: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(fake, 3)
    monkeypatch.setattr(sys, "argv", ["spent.py", "2024-03-15"])
    monkeypatch.setattr(sys, "stdin", io.StringIO("12345\nnobody\n"))
    runpy.run_path(str(folder / "spent.py"), run_name="__main__")
    assert capsys.readouterr().out.splitlines() == ["12345,3,449.97", "nobody,0,0"]


def test_the_days_on_which_clocks_change_have_23_and_25_hours(fake: ModuleType) -> None:
    for number, time in enumerate(("2024-03-31T21:59:59Z", "2024-03-31T22:00:00Z", "2024-10-27T22:59:59Z")):
        fake.put("1", time, number, "1")
    spent = import_module("spent").spent
    counted = [next(spent(Documents(fake.TABLE), ["1"], day))[1] for day in (date(2024, 3, 31), date(2024, 10, 27))]
    assert counted == [1, 1]


def test_the_export_goes_on_where_it_was_stopped(
    fake: ModuleType, failing: Callable[..., Documents], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(fake, 250)
    target = folder / "12345.jsonl"
    with pytest.raises(ReadFailed):
        import_module("export").export(failing(None, None, "InternalServerError"), "12345", target)
    assert len(target.read_text().splitlines()) == 200
    monkeypatch.setattr(sys, "argv", ["export.py", "12345", str(target)])
    runpy.run_path(str(folder / "export.py"), run_name="__main__")
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    times = [line["timestamp"] for line in lines]
    assert (len(lines), times) == (250, sorted(set(times)))
    assert not target.with_suffix(".token").exists()


def test_what_passes_is_tried_again_and_the_rest_is_not(
    fake: ModuleType, failing: Callable[..., Documents], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(fake, 250)
    patient = import_module("patient")
    slept: list[float] = []
    monkeypatch.setattr(patient.time, "sleep", slept.append)
    throttled = "ProvisionedThroughputExceededException"
    found = list(patient.patient(failing(throttled, None, "InternalServerError", throttled, None), "12345"))
    assert [each.metadata.sequence for each in found] == [str(number) for number in reversed(range(250))]
    assert len(slept) == 3
    with pytest.raises(ReadFailed) as failed:
        list(patient.patient(failing("AccessDeniedException"), "12345"))
    assert (failed.value.reason, len(slept)) == ("permission", 3)
    with pytest.raises(ReadFailed) as failed:
        list(patient.patient(failing(*[throttled] * 9), "12345"))
    assert (failed.value.reason, len(slept)) == ("throttled", 10)
    assert all(0 <= seconds <= 30 for seconds in slept)


def test_the_tests_with_a_fake_table_pass(folder: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_spent.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout
