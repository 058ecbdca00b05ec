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


def test_the_handler_takes_users_of_any_letters(fake: ModuleType) -> None:
    fake.put("Łukasz", "2024-03-15T10:00:00Z", 1, "149.99")
    application = import_module("handler").application
    status, found = get(application, f"/users/{'Łukasz'.encode().decode('latin-1')}/documents")
    assert (status, [each["user_id"] for each in found["documents"]]) == ("200 OK", ["Łukasz"])
    assert get(application, "/users/\xc5/documents") == ("400 Bad Request", {"error": "The path is no UTF-8."})


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


@pytest.mark.parametrize("behind", [0, 1, 300])
def test_an_export_that_was_killed_while_it_wrote_leaves_no_half_line(
    fake: ModuleType, failing: Callable[..., Documents], folder: Path, behind: int
) -> None:
    fill(fake, 250)
    export = import_module("export").export
    whole, target = folder / "whole.jsonl", folder / "12345.jsonl"
    export(Documents(fake.TABLE), "12345", whole)
    with pytest.raises(ReadFailed):
        export(failing(None, None, "InternalServerError"), "12345", target)
    done = target.stat().st_size
    target.write_bytes(whole.read_bytes()[: done + behind])
    export(Documents(fake.TABLE), "12345", target)
    assert target.read_bytes() == whole.read_bytes()
    assert not target.with_suffix(".token").exists()


def test_an_export_without_a_token_is_written_anew(fake: ModuleType, folder: Path) -> None:
    fill(fake, 3)
    export = import_module("export").export
    target = folder / "12345.jsonl"
    target.write_text('{"half": ')  # of a run that was killed within its first page
    for _ in range(2):
        export(Documents(fake.TABLE), "12345", target)
        assert len([json.loads(line) for line in target.read_text().splitlines()]) == 3


def test_a_token_is_not_taken_for_another_file(
    fake: ModuleType, failing: Callable[..., Documents], folder: Path
) -> None:
    fill(fake, 150)
    export = import_module("export").export
    target = folder / "12345.jsonl"
    with pytest.raises(ReadFailed):
        export(failing(None, "InternalServerError"), "12345", target)
    target.unlink()
    with pytest.raises(ValueError, match="is not the file"):
        export(Documents(fake.TABLE), "12345", target)


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
