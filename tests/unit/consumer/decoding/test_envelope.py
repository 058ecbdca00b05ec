"""Envelopes: what is inside, what is kept, what is left out, and what is refused."""

import base64
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.decoder import Decoded, LeftOut, Part, Tag, Undecodable
from consumer.decoding import envelope as openers
from consumer.decoding.cloudwatch_logs import CloudWatchLogs
from consumer.decoding.dynamodb import DynamoDBChanges
from consumer.errors import UsageError
from redaction.serialize import serialize
from tests.kits.decoding import context, data_of

SAMPLES = Path(__file__).parent / "samples"

texts = st.text(st.characters(codec="utf-8"), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | texts | st.decimals(-(10**20), 10**20)


def samples(name: str) -> list[bytes]:
    """The samples as they are written: with the digits that they have."""
    documents = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"), parse_float=Decimal)
    return [written(document) for document in documents]


def written(value: Any) -> bytes:
    return serialize(value)


def read(data: bytes) -> Any:
    return json.loads(data, parse_float=Decimal)


def decoded(factory: Any, data: bytes, **options: Any) -> Part:
    (part,) = factory(options, context()).decode(data)
    return part  # type: ignore[no-any-return]


def document(factory: Any, data: bytes, **options: Any) -> Any:
    (made,) = data_of([decoded(factory, data, **options)])
    return read(made)


def code(factory: Any, data: bytes, **options: Any) -> str:
    part = decoded(factory, data, **options)
    assert isinstance(part, Undecodable), part
    return part.code


KEPT = ("op", "ts_ms", "source")


@pytest.mark.parametrize(
    ("factory", "options", "path", "places"),
    [
        (openers.debezium, {}, "after.card", {"card"}),
        (openers.debezium, {}, "before.card", set()),
        (openers.debezium, {}, "payload.after.card", {"card"}),
        (
            openers.debezium,
            {},
            "**.card",
            {"**.card", *(f"envelope.{each}.**.card" for each in KEPT)},
        ),
        (openers.debezium, {}, "source.query", {"envelope.source.query"}),
        (openers.debezium, {}, "source", {"envelope.source"}),
        (openers.debezium, {}, "after", {"*"}),
        (openers.debezium, {}, "payload", {"*", "envelope.op", "envelope.ts_ms", "envelope.source"}),
        (openers.debezium, {"keep": []}, "*.card", {"card"}),
        (openers.debezium, {"keep": []}, "**.children.ssn", {"**.children.ssn"}),
        (openers.debezium, {"keep": []}, "**.after.ssn", {"**.after.ssn", "ssn"}),
        (openers.cloudevents, {"keep": []}, "data_base64", {"*"}),
        (openers.envelope, {"at": "a.b", "keep": ["a.c.d"]}, "a.c", {"envelope.a.c.d"}),
        (openers.envelope, {"at": "a.b", "keep": ["a.c.d"]}, "a.c.e", set()),
        (openers.envelope, {"at": "a.b", "keep": ["a.c.d"]}, "a.*.d.x", {"d.x", "envelope.a.c.d.x"}),
    ],
)
def test_fields_that_a_schema_tags_are_told_where_they_are_then(
    factory: Any, options: dict[str, Any], path: str, places: set[str]
) -> None:
    opener = factory(options, context())
    found = {".".join(tag.path) for tag in opener.moved((Tag(tuple(path.split(".")), "PAN"),))}
    assert found == places


@given(st.dictionaries(texts, scalars, max_size=4), st.booleans())
def test_the_inner_document_is_what_was_put_in_to_the_digit(inner: dict[str, Any], is_text: bool) -> None:  # noqa: FBT001
    inside: Any = written(inner).decode() if is_text else inner
    made = document(openers.envelope, written({"a": {"b": inside}, "c": 1}), at="a.b")
    assert made == json.loads(written(inner), parse_float=Decimal)


@pytest.mark.parametrize("said", [[], {}, ["d"], {"d": 1}])
def test_an_operation_that_is_no_text_is_none(said: Any) -> None:
    change = {"op": said, "after": {"a": 1}}
    assert document(openers.debezium, written(change)) == {"a": 1, "envelope": {"op": said}}
    record = {"metadata": {"operation": said}, "data": {"a": 1}}
    assert document(openers.dms, written(record))["a"] == 1


def test_what_is_kept_stands_beside_it() -> None:
    data = b'{"id":"7","head":{"at":1.10,"by":"x"},"big":1E+400,"body":{"n":1}}'
    made = document(openers.envelope, data, at="body", keep=["id", "head.at", "big", "gone", "id.gone"])
    assert made == {"n": 1, "envelope": {"id": "7", "head": {"at": Decimal("1.1")}, "big": Decimal("1E+400")}}
    assert document(openers.envelope, data, at="body", keep=["head.at", "head"])["envelope"]["head"]["by"] == "x"
    assert document(openers.envelope, data, at="body") == {"n": 1}
    assert document(openers.envelope, b'{"body":{}}', at="body", keep=["id"]) == {"envelope": {}}


def test_an_envelope_may_be_kept_with_what_is_in_it() -> None:
    made = document(openers.envelope, b'{"a":{"b":{"n":1}}}', at="a.b", keep=["a"])
    assert made == {"n": 1, "envelope": {"a": {"b": {"n": 1}}}}


def test_a_document_cannot_pass_its_own_field_for_the_envelope() -> None:
    data = b'{"id":"7","body":{"envelope":{"id":"8"}}}'
    assert code(openers.envelope, data, at="body", keep=["id"]) == "envelope_field_taken"
    assert document(openers.envelope, data, at="body") == {"envelope": {"id": "8"}}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty"),
        (b"{", "invalid_json"),
        (b"[]", "not_an_object"),
        (b'{"body":{},"body":{}}', "duplicate_key"),
        (b'{"x":NaN,"body":{}}', "number_unsupported"),
        (b'\xef\xbb\xbf{"body":{}}', "byte_order_mark"),
        (b'{"body":{"x":"\xff"}}', "invalid_utf8"),
        (b'{"body":' + b'{"a":' * 200 + b"1" + b"}" * 201, "too_deep"),
        (b"{}", "envelope_empty"),
        (b'{"body":null}', "envelope_empty"),
        (b'{"body":[{}]}', "envelope_content_unusable"),
        (b'{"body":5}', "envelope_content_unusable"),
        (b'{"body":"text"}', "envelope_content_unusable"),
        (b'{"body":"[1]"}', "envelope_content_unusable"),
        (b'{"body":"{} {}"}', "envelope_content_unusable"),
        (b'{"body":""}', "envelope_content_unusable"),
        (b'{"body":"{\\"a\\":1,\\"a\\":2}"}', "duplicate_key"),
        (b'{"body":{"a":"\\ud800"}}', "invalid_unicode"),
    ],
)
def test_what_is_unclear_is_refused(data: bytes, expected: str) -> None:
    assert code(openers.envelope, data, at="body") == expected


def test_an_envelope_without_a_document_may_be_left_out() -> None:
    assert decoded(openers.envelope, b'{"body":null}', at="body", absent="drop") == LeftOut("envelope_empty")


def test_what_becomes_too_large_is_refused() -> None:
    data = b'{"body":{"a":"' + b"x" * 1000 + b'"}}'
    opener = openers.envelope({"at": "body", "keep": ["body"]}, context(2000))
    assert opener.decode(data) == (Undecodable("decoded_too_large"),)


@pytest.mark.parametrize(
    ("factory", "options", "words"),
    [
        (openers.envelope, {}, "at is missing: the field that holds the document."),
        (openers.envelope, {"at": 5}, "at names fields, joined by dots."),
        (openers.envelope, {"at": "a..b"}, "at names fields, joined by dots."),
        (openers.envelope, {"at": "a", "keep": "id"}, "keep is a list of fields."),
        (openers.envelope, {"at": "a", "keep": [1]}, "keep names fields, joined by dots."),
        (openers.envelope, {"at": "a", "absent": "ignore"}, "absent is drop or quarantine."),
        (openers.envelope, {"at": "a", "kep": []}, "there is no option kep; there are: at, keep, absent."),
        (openers.debezium, {"absent": "drop"}, "there is no option absent; there are: keep, deletions."),
        (openers.sns, {"deletions": "drop"}, "there is no option deletions; there are: keep, absent."),
        (DynamoDBChanges, {"deletions": True}, "deletions is drop or quarantine."),
        (CloudWatchLogs, {"keep": []}, "it has no options."),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(factory: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        factory(options, context())
    assert str(caught.value) == words


def test_cloudevents() -> None:
    first, second, third = samples("cloudevents")
    made = document(openers.cloudevents, first)
    assert made["amount"] == Decimal("10.5")
    assert made["envelope"] == {
        "id": "A234-1234-1234",
        "source": "https://github.com/cloudevents/spec/pull",
        "type": "com.github.pull_request.opened",
        "subject": "123",
        "time": "2018-04-05T17:31:00Z",
    }
    assert document(openers.cloudevents, second)["user_id"] == "2"
    assert document(openers.cloudevents, third)["user_id"] == "3"
    assert document(openers.cloudevents, first, keep=["comexampleextension1"])["envelope"] == {
        "comexampleextension1": "value"
    }
    for inner in (b"\xff", b"text", b"[]"):
        event = {"id": "1", "data_base64": base64.b64encode(inner).decode()}
        assert code(openers.cloudevents, written(event)) == "envelope_content_unusable"
    assert code(openers.cloudevents, b'{"data_base64":"%"}') == "envelope_content_unusable"
    assert code(openers.cloudevents, b'{"id":"1"}') == "envelope_empty"


def test_eventbridge_and_sns() -> None:
    made = document(openers.eventbridge, *samples("eventbridge"))
    assert (made["order"], made["envelope"]["detail-type"]) == ("1", "Order Placed")
    made = document(openers.sns, *samples("sns"))
    assert (made["order"], made["envelope"]["MessageId"]) == ("1", "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324")


def test_debezium() -> None:
    wrapped, bare, deleted = samples("debezium")
    made = document(openers.debezium, wrapped)
    assert made["amount"] == 9007199254740993
    assert (made["envelope"]["op"], made["envelope"]["source"]["table"]) == ("c", "customers")
    assert document(openers.debezium, bare)["first_name"] == "Anne Marie"
    assert decoded(openers.debezium, deleted) == LeftOut("deletion")
    assert code(openers.debezium, deleted, deletions="quarantine") == "deletion"
    assert code(openers.debezium, b'{"op":"c","after":null}') == "envelope_empty"
    assert code(openers.debezium, b'{"schema":null,"payload":null}') == "envelope_empty"


def test_dms() -> None:
    loaded, deleted, control = samples("dms")
    made = document(openers.dms, loaded)
    assert (made["balance"], made["envelope"]["metadata"]["table-name"]) == (Decimal("12.3"), "customers")
    assert decoded(openers.dms, deleted) == LeftOut("deletion")
    assert decoded(openers.dms, control) == LeftOut("dms_control_record")


def test_cloudwatch_logs() -> None:
    data, control = samples("cloudwatch_logs")
    first, text, begins_so = map(read, data_of(CloudWatchLogs({}, context()).decode(data)))
    about = {"owner": "123456789012", "logGroup": "/payments/api", "logStream": "123456789012_us-east-1"}
    event = {"id": "31953106606966983378809025079804211143289615424298221568", "timestamp": 1432826855000}
    assert first == {
        "user_id": "1",
        "credit_card": "4111111111111111",
        "amount": Decimal("10.5"),
        "envelope": about | event,
    }
    event = {"id": "31953106606966983378809025079804211143289615424298221569", "timestamp": 1432826855001}
    assert text == {**event, "message": "paid with 4111111111111111 {retry}", "envelope": about | event}
    assert begins_so["message"] == "{not JSON} 4111111111111111"
    assert CloudWatchLogs({}, context()).decode(control) == (LeftOut("cloudwatch_control_message"),)


def test_an_event_that_is_no_good_takes_no_other_along() -> None:
    messages = ['{"a":1}', '{"a":1,"a":2}', None, '{"envelope":1}', '{"n":NaN}', '{"a":2}']
    events: list[Any] = [{"id": "1", "timestamp": 1, "message": message} for message in messages]
    parts = CloudWatchLogs({}, context()).decode(
        written({"messageType": "DATA_MESSAGE", "logEvents": [*events, "event"]})
    )
    said = [part.code if isinstance(part, Undecodable) else type(part).__name__ for part in parts]
    assert said == [
        "Decoded",
        "duplicate_key",
        "cloudwatch_logs_malformed",
        "envelope_field_taken",
        "number_unsupported",
        "Decoded",
        "cloudwatch_logs_malformed",
    ]


@pytest.mark.parametrize(
    "data",
    [b"{}", b'{"messageType":"DATA_MESSAGE"}', b'{"messageType":"DATA_MESSAGE","logEvents":[]}', b'{"logEvents":[1]}'],
)
def test_what_is_no_subscription_is_refused(data: bytes) -> None:
    assert CloudWatchLogs({}, context()).decode(data) == (Undecodable("cloudwatch_logs_malformed"),)


def test_many_events_are_bounded() -> None:
    data = written({"messageType": "DATA_MESSAGE", "logEvents": [{"message": "x"}] * 100})
    assert len(CloudWatchLogs({}, context(100 * 320)).decode(data)) == 100
    assert CloudWatchLogs({}, context(100 * 270)).decode(data) == (Undecodable("decoded_too_large"),)


def test_dynamodb() -> None:
    changed, removed = samples("dynamodb")
    (made,) = data_of(DynamoDBChanges({}, context()).decode(changed))
    assert b'"amount":12345678901234567890.123456789012345678,"small":1E-130,' in made
    found = read(made)
    assert found.pop("envelope") == {
        "awsRegion": "us-west-2",
        "eventID": "c81e728d-9d4c-2f63-6f06-7f89cc14862c",
        "eventName": "MODIFY",
        "tableName": "Orders",
        "dynamodb": {"ApproximateCreationDateTime": 1640995200000},
    }
    assert found == {
        "order_id": "o-1",
        "card": "4111111111111111",
        "amount": Decimal("12345678901234567890.123456789012345678"),
        "small": Decimal("1E-130"),
        "paid": True,
        "note": None,
        "lines": [{"sku": "a", "qty": 2}, "b"],
        "tags": ["x", "y"],
        "sizes": [Decimal("1.5"), 2],
        "photo": "AAECAw==",
        "hashes": ["AAE=", "Ag=="],
        "empty": {},
    }
    assert decoded(DynamoDBChanges, removed) == LeftOut("deletion")
    assert code(DynamoDBChanges, removed, deletions="quarantine") == "deletion"


@pytest.mark.parametrize(
    "value",
    [
        {"X": "a"}, {"S": 1}, {"N": 1}, {"N": "NaN"}, {"N": "1,000"}, {"N": "1}"}, {"N": ""}, {"N": "\u0661"},
        {"N": "01"},
        {"BOOL": "true"}, {"NULL": False}, {"SS": [1]}, {"NS": ["x"]}, {"L": [1]}, {"M": {"a": 1}}, {}, [], "a",
        {"S": "a", "N": "1"},
    ],
)  # fmt: skip
def test_a_value_that_dynamodb_does_not_have_is_refused(value: Any) -> None:
    change = {"eventName": "INSERT", "dynamodb": {"NewImage": {"a": value}}}
    assert code(DynamoDBChanges, written(change)) == "dynamodb_value_unknown"


def test_a_change_without_an_image_is_refused() -> None:
    assert code(DynamoDBChanges, b'{"eventName":"INSERT","dynamodb":{}}') == "envelope_empty"
    taken = {"eventName": "INSERT", "dynamodb": {"NewImage": {"envelope": {"S": "x"}}}}
    assert code(DynamoDBChanges, written(taken)) == "envelope_field_taken"
    assert isinstance(decoded(DynamoDBChanges, written({"dynamodb": {"NewImage": {"a": {"S": "x"}}}})), Decoded)
