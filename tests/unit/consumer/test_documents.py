"""Look-ups, against the embedded cloud: what the worker's encoder writes is what the client gives back."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from consumer import tables
from consumer.documents import Documents, Key, Page, ReadFailed, SortKey
from consumer.dynamodb import schema
from consumer.dynamodb.item import item_encoder
from consumer.dynamodb.query import SortRange
from consumer.errors import UsageError
from consumer.local.cloud.process import Cloud
from consumer.record import Record
from consumer.settings import Settings, load_settings
from tests.kits.cli import Run

SHARD = "shardId-000000000000"
INDEX = {"partition_key": "{transaction_id}", "sort_key": "{timestamp}"}
SECRET = "nobody-may-see-this-key"
DAY_MS = 86_400_000


class Store:
    """A table, and a worker's encoder."""

    def __init__(self, folder: Path, **output: Any) -> None:
        name = f"t{abs(hash(folder))}"
        self.config = folder / "settings.yaml"
        sections = {"output": {"table": f"{name}-out"} | output, "quarantine": {"table": f"{name}-q"}}
        self.config.write_text(yaml.safe_dump(sections | {"kcl": {"application": f"{name}-app"}}))
        self.settings: Settings = load_settings(self.config)
        schema.create_each([tables.output_table(self.settings)])
        self.documents = Documents.of(self.settings)
        self._dynamodb = boto3.client("dynamodb")
        self._encoder = item_encoder(self.settings, SHARD, "p@1", "d")
        self._number = 0

    def put(self, *documents: dict[str, Any], arrival_ms: int | None = None) -> Key:
        arrival = int(time.time() * 1000) if arrival_ms is None else arrival_ms
        key = ("", "")
        for document in documents:
            self._number += 1
            item = self._encoder.encode(document, Record(str(self._number), 0, arrival, b"{}"))
            self._dynamodb.put_item(TableName=self.settings.output.table, Item=item.attributes)
            key = item.key
        return Key(*key)


@pytest.fixture
def store(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Store]:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    return lambda **output: Store(tmp_path, **output)


def of_day(day: int, user: str = "12345", **more: Any) -> dict[str, Any]:
    return {"user_id": user, "timestamp": f"2024-03-{day:02d}T10:30:00Z"} | more


def days(found: Any) -> list[int]:
    return [int(each.fields["timestamp"][8:10]) for each in found]


def test_a_document_comes_back_as_it_was_released(store: Callable[..., Store]) -> None:
    made = store()
    fields = of_day(1, amount=Decimal("149.99"), big=10**30, tiny=Decimal("1E-130"), nested={"a": [1, None, True, ""]})
    key = made.put(fields, arrival_ms=1_710_498_600_123)
    found = made.documents.get(*key)
    assert found is not None
    assert found.fields == fields
    assert found.key == key
    metadata = found.metadata
    assert (metadata.shard, metadata.sequence, metadata.sub, metadata.policy, metadata.digest) == (
        SHARD, "1", 0, "p@1", "d",
    )  # fmt: skip
    assert metadata.arrival == datetime(2024, 3, 15, 10, 30, 0, 123_000, UTC)
    assert metadata.version is None
    assert made.documents.get(key.partition, "another", consistent=True) is None


def test_latest_and_ranges(store: Callable[..., Store]) -> None:
    made = store()
    made.put(*(of_day(day) for day in range(1, 21)), of_day(5, user="6"))
    read = made.documents
    assert days(read.latest("12345", 3)) == [20, 19, 18]
    assert days(read.iterate("12345", prefix="2024-03-1")) == list(range(19, 9, -1))
    assert days(read.iterate("12345", after="2024-03-05", before="2024-03-08", newest_first=False)) == [5, 6, 7]
    assert days(read.iterate("12345", prefix="2024-03-1", before="2024-03-12")) == [11, 10]
    paris = timezone(timedelta(hours=1))
    begin = datetime(2024, 3, 19, 11, 30, tzinfo=paris)
    assert days(read.iterate("12345", after=begin)) == [20, 19]
    assert days(read.iterate("12345", before=begin, after="2024-03-17")) == [18, 17]
    assert list(read.iterate("12345", after="2024", before="2024", prefix="2")) == []
    assert read.latest("nobody") == []


@pytest.mark.parametrize(
    "wrong",
    ["yesterday", "2024-13-45", "2024-02-30", "24h", "20240315", "2024-03-15T10:30:00+99:00", "order#3", "#", " "],
)
def test_a_mistyped_time_is_refused_and_finds_not_nothing(store: Callable[..., Store], wrong: str) -> None:
    made = store()
    made.put(of_day(1))
    ranges: list[dict[str, Any]] = [{"after": wrong}, {"before": wrong}]
    for range_ in ranges:
        for read in (made.documents.iterate, made.documents.page):
            with pytest.raises(UsageError, match=r"^This is no time: write 2024, .*, or give a datetime\.") as refused:
                read("12345", **range_)  # at once, before anybody takes the first document
            assert wrong == " " or wrong not in str(refused.value)


def test_times_are_refused_that_could_mean_any(store: Callable[..., Store]) -> None:
    read = store().documents
    with pytest.raises(UsageError, match=r"without a time zone .* datetime\.now\(UTC\)"):
        read.iterate("12345", after=datetime(2024, 1, 1))  # noqa: DTZ001
    with pytest.raises(UsageError, match="not within the years"):
        read.page("12345", before=datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))))
    with pytest.raises(UsageError, match="`after` is behind `before`"):
        read.page("12345", after="2024-03-02", before=datetime(2024, 3, 1, tzinfo=UTC))
    with pytest.raises(UsageError, match="the prefix is outside"):
        read.iterate("12345", after="2024-03-02", prefix="2024-02")


@pytest.mark.parametrize(
    ("bound", "days_from_it"),
    [
        (datetime(2024, 3, 19, 10, 30, tzinfo=UTC), [20, 19]),
        (datetime(2024, 3, 19, 10, 30, 1, tzinfo=UTC), [20]),
        ("2024-03-19T11:30:00+01:00", [20, 19]),
        ("2024-03-19T10:30Z", [20, 19]),
        ("2024-03-19T10:30:00Z", [20, 19]),
        ("2024-03-19 10:30", [20, 19]),
        ("2024-03-19 10:31Z", [20]),
        ("2024-03-19T10:30:00Z#", [20, 19]),
        (SortKey("2024-03-19T10:30:00Z#"), [20, 19]),
        (SortKey("3"), []),
        ("", [20, 19, 18]),
    ],
)
def test_what_a_range_may_begin_and_end_with(
    store: Callable[..., Store], bound: str | datetime, days_from_it: list[int]
) -> None:
    made = store()
    made.put(*(of_day(day) for day in range(18, 21)))
    assert days(made.documents.iterate("12345", after=bound)) == days_from_it
    rest = [day for day in (20, 19, 18) if day not in days_from_it] if bound else [20, 19, 18]
    assert days(made.documents.iterate("12345", before=bound)) == rest


def test_a_range_of_sort_keys_that_are_no_times(store: Callable[..., Store]) -> None:
    made = store(sort_key="{order}")
    made.put(*({"user_id": "u", "order": f"order-{number}", "n": number} for number in range(5)))
    found = made.documents.iterate("u", after=SortKey("order-1"), before=SortKey("order-3"))
    assert [each.fields["n"] for each in found] == [2, 1]
    key = made.documents.latest("u", 1)[0].key
    assert made.documents.page("u", after=SortKey(key.sort)).documents[0].key == key


def test_documents_are_json_exact_to_the_digit(store: Callable[..., Store]) -> None:
    made = store()
    digits = Decimal("0.1234567890123456789012345678901234567")
    fields = of_day(1, a=Decimal("149.99"), b=10**37 + 1, c=digits, d=[Decimal("-1E-130"), {"é": [None, True, "\x00"]}])
    found = made.documents.get(*made.put(fields))
    assert found is not None
    assert "\n" not in found.json()
    assert json.loads(found.json(), parse_float=Decimal) == fields
    assert '"a":149.99,' in found.json().replace("}", ",")
    page = made.documents.page("12345")
    assert page.json() == f'{{"documents":[{found.json()}],"next":null}}'
    assert json.loads(Page([], "token").json()) == {"documents": [], "next": "token"}


def test_plain_values_are_those_of_json(store: Callable[..., Store]) -> None:
    made = store()
    made.put(of_day(1, a=Decimal("149.99"), b=10**37 + 1, c=[{"d": Decimal("1E-130")}], e=2, f=True, g=None))
    (found,) = made.documents.latest("12345")
    plain = found.plain()
    assert plain == json.loads(found.json())
    assert json.loads(json.dumps(plain)) == plain
    assert [type(plain[name]) for name in "abef"] == [float, int, int, bool]
    assert type(found.fields["c"][0]["d"]) is Decimal  # nothing was changed


def test_pages_can_be_resumed_by_another_client(store: Callable[..., Store]) -> None:
    made = store(index=INDEX)
    made.put(*(of_day(day, transaction_id="t") for day in range(1, 21)))
    for index in (False, True):
        seen: list[int] = []
        token = None
        while True:
            page = Documents.of(made.settings).page("12345" if not index else "t", limit=6, token=token, index=index)
            assert len(page.documents) <= 6
            seen += days(page.documents)
            token = page.token
            if token is None:
                break
        assert seen == list(range(20, 0, -1))


def test_a_token_of_another_query_is_refused(store: Callable[..., Store]) -> None:
    made = store()
    made.put(*(of_day(day, user) for day in (1, 2) for user in ("1", "2")))
    token = made.documents.page("1", limit=1).token
    assert token is not None
    for bad in ({"token": "%%"}, {"token": ""}, {"token": "bnVsbA"}, {"token": "W10"}, {"newest_first": False}):
        with pytest.raises(UsageError, match="page token"):
            made.documents.page("1", **({"token": token} | bad))
    with pytest.raises(UsageError, match="another query"):
        made.documents.page("2", token=token)


def test_a_reader_that_stops_early_pays_for_a_hundred(
    store: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = store()
    made.put(*({"user_id": "u", "timestamp": f"{number:04d}"} for number in range(250)))
    client = made.documents._client
    query = client.query
    limits: list[int | None] = []

    def noted(**request: Any) -> Any:
        limits.append(request.get("Limit"))
        return query(**request)

    monkeypatch.setattr(client, "query", noted)
    found = made.documents.iterate("u")
    assert next(found).fields["timestamp"] == "0249"
    assert limits == [100]
    assert len(list(found)) == 249
    assert limits == [100, None]


def test_the_index_finds_one_document_by_its_id(store: Callable[..., Store]) -> None:
    made = store(index={"partition_key": "{transaction_id}"})
    made.put(*(of_day(day, transaction_id=f"t{day}") for day in range(1, 4)), of_day(4), of_day(5, transaction_id=None))
    (found,) = made.documents.latest("t2", index=True)
    assert days([found]) == [2]
    assert found.key.partition == "12345"
    assert days(made.documents.iterate("12345")) == [5, 4, 3, 2, 1]  # those that are not in the index are stored
    with pytest.raises(UsageError, match="no consistent reads"):
        made.documents.latest("t2", index=True, consistent=True)


def test_what_has_expired_is_left_out_before_it_is_deleted(store: Callable[..., Store]) -> None:
    made = store(ttl_days=1)
    now = int(time.time() * 1000)
    old = made.put(of_day(1), arrival_ms=now - DAY_MS - 2000)
    made.put(of_day(2), arrival_ms=now - DAY_MS + 60_000)
    made.put(of_day(3), arrival_ms=0)
    assert made.documents.get(*old) is None
    assert days(made.documents.iterate("12345")) == [3, 2]
    page = made.documents.page("12345", limit=2, newest_first=False)
    assert days(page.documents) == [2, 3]
    assert "_sanitizer_ttl" not in page.documents[0].fields


def test_errors_say_what_is_wrong_and_no_key(store: Callable[..., Store]) -> None:
    made = store()
    boto3.client("dynamodb").put_item(
        TableName=made.settings.output.table,
        Item={"_sanitizer_pk": {"S": SECRET}, "_sanitizer_sk": {"S": SECRET}, "set": {"SS": [SECRET]}},
    )
    cases: list[tuple[str, Callable[[], object]]] = [
        ("unreadable", lambda: made.documents.latest(SECRET)),
        ("unreadable", lambda: made.documents.get(SECRET, SECRET)),
        ("missing", lambda: made.documents.latest(SECRET, index=True)),
        ("missing", lambda: Documents("no-such-table").get(SECRET, SECRET)),
        ("missing", lambda: next(Documents("no-such-table").iterate(SECRET))),
        (
            "unreachable",
            lambda: Documents("t-t", endpoint_url="http://127.0.0.1:9", region_name="eu-west-1").latest("x"),
        ),
    ]
    for reason, read in cases:
        with pytest.raises(ReadFailed) as failed:
            read()
        assert failed.value.reason == reason
        assert SECRET not in str(failed.value)
    for wrong in (lambda: made.documents.get("", "x"), lambda: made.documents.get("x", ""),
                  lambda: made.documents.latest("x", 0), lambda: made.documents.latest("")):  # fmt: skip
        with pytest.raises(UsageError):
            wrong()


def test_a_client_of_the_callers_own_is_used(store: Callable[..., Store]) -> None:
    made = store(reserved_attribute="meta")
    made.put(of_day(1))
    own = Documents(made.settings.output.table, reserved_attribute="meta", client=boto3.client("dynamodb"))
    assert days(own.latest("12345")) == [1]


def test_it_needs_nothing_of_the_worker() -> None:
    """Beside botocore with what that needs, and orjson: the page shows how to install these alone."""
    program = (
        "import sys, consumer.documents\n"
        "from consumer.documents import Documents\n"
        "Documents('t', region_name='eu-central-1')\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names))\n"
        "print(sorted(name for name in sys.modules if name.startswith(('consumer.', 'redaction.'))))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    others, own = ran.stdout.splitlines()
    optional = {"backports", "certifi"}  # taken by botocore and urllib3 where they are there
    botocores = {"botocore", "dateutil", "jmespath", "six", "urllib3"}
    loaded = {name for name in others.split() if not name.startswith("_")}
    assert loaded - optional == botocores | {"consumer", "orjson", "redaction"}
    needed = [
        *("aws", "aws.clients", "aws.errors", "aws.secrets", "documents", "dynamodb", "dynamodb.attribute_values"),
        *("dynamodb.bounds", "dynamodb.names", "dynamodb.query", "errors", "record", "secret_names"),
    ]
    assert own == str([*(f"consumer.{name}" for name in needed), "redaction.plugin", "redaction.serialize"])


TEXTS = st.text(st.sampled_from("ab\x00\ud7ff\ue000\U0010ffff"), max_size=3)


@given(TEXTS, TEXTS, st.one_of(st.none(), TEXTS), st.one_of(st.none(), TEXTS))
def test_a_range_holds_what_is_meant_and_nothing_else(
    key: str, after: str, before: str | None, prefix: str | None
) -> None:
    """An empty text is no bound."""
    made = SortRange.of(SortKey(after), None if before is None else SortKey(before), prefix)
    inside = (made.low is None or key >= made.low) and (made.high is None or key < made.high)
    meant = key >= after and (not before or key < before) and key.startswith(prefix or "")
    assert inside == meant
    assert not (made.is_empty and meant)


def test_get_shows_ranges_pages_and_metadata(store: Callable[..., Store], run: Run) -> None:
    made = store(index={"partition_key": "{transaction_id}"})
    made.put(*(of_day(day, transaction_id=f"t{day}") for day in range(1, 8)))

    def get(*arguments: object) -> list[Any]:
        ran = run("get", *arguments, "--config", made.config)
        assert (ran.status, ran.err) == (0, "")
        return [json.loads(line) for line in ran.out.splitlines()]

    def of(found: list[Any]) -> list[int]:
        return [int(each["timestamp"][8:10]) for each in found]

    assert of(get("12345")) == [7, 6, 5, 4, 3, 2, 1]
    assert of(get("12345", "--limit", 2)) == [7, 6]
    assert of(get("12345", "--after", "2024-03-03", "--before", "2024-03-05")) == [4, 3]
    assert of(get("12345", "--after", "2024-03-06T11:30:00+01:00")) == [7, 6]
    assert of(get("12345", "--after", "2024-03-06T10", "--before", "2024-03-07T10:30Z")) == [6]
    assert of(get("12345", "--after", "2024-03-06 10:31")) == [7]
    assert of(get("t3", "--index")) == [3]
    assert get("12345", "--sort-prefix", "2024-03-02", "--metadata")[0]["_sanitizer"]["shard"] == SHARD
    (first,) = get("12345", "--json", "--limit", 5)
    assert of(first["documents"]) == [7, 6, 5, 4, 3]
    (second,) = get("12345", "--json", "--limit", 5, "--page", first["next"])
    assert of(second["documents"]) == [2, 1]
    assert second["next"] is None
    assert of(get("12345", "--page", first["next"])) == [2, 1]
    nothing = run("get", "12345", "--after", "24h", "--config", made.config)
    assert (nothing.status, nothing.out, nothing.err) == (1, "", "No document has this key in this range.\n")
    assert run("get", "nobody", "--json", "--config", made.config).out == '{"documents":[],"next":null}\n'


@pytest.mark.parametrize(
    ("output", "arguments", "said"),
    [
        ({"sort_key": "order#{timestamp}"}, ["--after", "2024"], "output.sort_key is order#{timestamp}"),
        ({"sort_key": "{arrival}#{sequence}"}, ["--before", "2024"], "begin with a field that is a time"),
        ({"index": {"partition_key": "{id}"}}, ["--index", "--after", "2024"], "output.index.sort_key is not set"),
        ({}, ["--index"], "no output.index"),
        ({}, ["--page", "x"], "no page token"),
        ({}, ["--after", "yesterday"], "write a time as 2024, 2024-03, 2024-03-15"),
        ({}, ["--after", "2025-13-45"], "or, that long ago, 24h"),
        ({}, ["--before", "2024-02-30"], "write a time as"),
        ({}, ["--after", "2024-03", "--before", "2024-02"], "Nothing can lie in this range"),
        ({}, ["--after", "2024-03-15", "--sort-prefix", "2024-02"], "Nothing can lie in this range"),
    ],
)
def test_get_refuses_what_makes_no_sense(
    store: Callable[..., Store], run: Run, output: dict[str, Any], arguments: list[str], said: str
) -> None:
    ran = run("get", "12345", *arguments, "--config", store(**output).config)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err


PAGE = (Path(__file__).parents[3] / "docs" / "lookups.md").read_text(encoding="utf-8")


def shown(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```\n", PAGE, re.MULTILINE | re.DOTALL)


def test_the_pages_settings_are_valid(tmp_path: Path) -> None:
    file = tmp_path / "worker.yaml"
    examples = shown("yaml")
    assert len(examples) == 2
    for text in examples:
        file.write_text(text)
        load_settings(file)


def test_the_pages_code_runs(store: Callable[..., Store], capsys: pytest.CaptureFixture[str]) -> None:
    made = store(
        table="sanitized-transactions", index={"partition_key": "{merchant}#{shard}", "sort_key": "{timestamp}"}
    )
    for hour in range(3):
        made.put({"user_id": "1", "merchant": "Amazon", "timestamp": f"2024-03-15T1{hour}:00:00Z", "amount": hour})
    now = datetime.now(UTC).isoformat()
    made.put({"user_id": "12345", "timestamp": now, "amount": Decimal("149.99")})
    names: dict[str, Any] = {"shards": [SHARD, "shardId-000000000001"]}
    printed = []
    for code in shown("python"):
        exec(code, names)  # noqa: S102 - what the page shows
        printed.append(capsys.readouterr().out.splitlines())
    client, merging = printed
    assert client[0].startswith("149.99 ")
    assert json.loads(client[1])["timestamp"] == now
    assert merging == ["2", "1", "0"]


class Expired:
    """A client of the caller's own, whose credentials had expired when they were fetched, as botocore tells it."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_item(self, **_: Any) -> Any:
        raise self._error


def test_expired_credentials_of_a_client_that_is_handed_in_are_told_as_such() -> None:
    with pytest.raises(ReadFailed) as failed:
        Documents("t", client=Expired(RuntimeError("the refreshed credentials are still expired"))).get("a", "b")
    assert failed.value.reason == "credentials"
    with pytest.raises(RecursionError):
        Documents("t", client=Expired(RecursionError())).get("a", "b")
