"""Whatever a producer puts on the stream: a verdict, soon, and nothing else."""

import json
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import orjson
import pytest
from hypothesis import strategies as st

from consumer.dynamodb.item import ItemEncoder
from consumer.errors import EncodeError
from consumer.record import Record
from consumer.settings import Output
from redaction.built_in import built_in
from redaction.engine import PolicyRedactor
from redaction.guard import redact_guarded
from redaction.keys import Key
from redaction.parse import INVALID_JSON, TOO_DEEP, Limits, Unparsable, parse, parse_all
from redaction.plugin import Dropped, Rejected, Released, Verdict
from redaction.policy import load_policy
from tests.fuzz.kit import CANARY, Fuzz
from tests.kits.needs import needs_native

SECONDS: Final = 1.0
# Broken JSON that is nested a thousand levels deep is refused for the one or for the other, as much stack as there is.
BOTTOMLESS: Final = [Rejected(TOO_DEEP), Rejected(INVALID_JSON)]
LIMITS: Final = Limits(max_depth=32, max_bytes=1 << 20, max_values=20_000)
CORPUS: Final = [
    orjson.dumps(document)
    for document in (
        {
            "user_id": "12345",
            "credit_card": "4532-1234-5678-9012",
            "ssn": "123-45-6789",
            "amount": 149.99,
            "merchant": CANARY,
            "timestamp": "2024-03-15T10:30:00Z",
        },
        {
            "user_id": CANARY,
            "note": "call +49 30 901820 or mail a.b@example.org from 192.0.2.7",
            "n": [1, -0.5, 10**15],
        },
        {"payer": {"iban": "DE89370400440532013000", "list": [{"pan": 4111111111111111}, [[["x"]]]]}, CANARY: None},
        {"raw": '{"card":"4242 4242 4242 4242","deep":"{\\"pin\\":\\"1234\\"}"}', "q": "?card=4242424242424242&a=%34"},
        {"b64": "eyJjYXJkIjoiNDI0MjQyNDI0MjQyNDI0MiJ9", "password": "hunter2", "auth": "Bearer abc.def.ghi"},
        {"track": "%B4111111111111111^DOE/JOHN^30121010000000000000?", "wide": "４１１１ １１１１ １１１１ １１１１"},  # noqa: RUF001
    )
] + [b'{"a": 1.50e3, "b": -1E-7, "c": 12345678901234567890.123, "a ": "\\u0034\\ud83d\\ude00"}', b"{}", b"[1]", b""]

TEXTS: Final = st.text(max_size=30) | st.sampled_from(
    [CANARY, "4111 1111 1111 1111", "\ud800", "a@b.example", "123-45-6789"]
)
VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=30,
)


class _Keys:
    def keys(self, name: str) -> Sequence[Key]:
        return [Key("a", name.encode().ljust(32, b"-")[:32])]


REDACTORS: Final = {name: PolicyRedactor(load_policy(name), _Keys()) for name in built_in()}


@pytest.mark.parametrize("policy", REDACTORS)
def test_a_redactor_gives_a_verdict_on_everything(fuzz: Fuzz, policy: str) -> None:
    redactor = REDACTORS[policy]
    encoder = ItemEncoder(Output(partition_key="{shard}", sort_key="{sequence}"), "s", "shard", "p@1", "d")
    for payload in fuzz.inputs(CORPUS, large=True):
        began = time.thread_time()
        with fuzz.only(payload):
            (verdict,) = redactor.redact([payload])
        assert time.thread_time() - began < SECONDS, (policy, payload[:1000], len(payload))
        with fuzz.only(payload):
            (again,) = redact_guarded(redactor, [payload])
        assert again == verdict or (again in BOTTOMLESS and verdict in BOTTOMLESS)
        if isinstance(verdict, Released):
            assert type(json.loads(verdict.body)) is dict
            with fuzz.only(payload, EncodeError):
                encoder.encode(verdict.document, Record("1", 0, 0, payload))
        elif isinstance(verdict, Rejected):
            assert CANARY not in f"{verdict.code} {verdict.rule}"


@pytest.mark.parametrize("policy", REDACTORS)
def test_the_compiled_part_does_what_python_does(fuzz: Fuzz, policy: str) -> None:
    needs_native()
    native, python = (PolicyRedactor(load_policy(policy), _Keys(), native=each) for each in (True, False))
    for payload in fuzz.inputs(CORPUS):
        with fuzz.only(payload):
            for _ in range(2):
                (one,), (other,) = native.redact([payload]), python.redact([payload])
                assert one == other or (one in BOTTOMLESS and other in BOTTOMLESS)
    assert sorted(native.coverage()) == sorted(python.coverage())


def test_batches_are_judged_record_by_record(fuzz: Fuzz) -> None:
    redactor, batch = REDACTORS["default"], list[bytes]()
    for payload in fuzz.inputs(CORPUS):
        batch.append(payload)
        if len(batch) == 20:
            with fuzz.only(batch):
                together = redactor.redact(batch)
                for each, verdict in zip(batch, together, strict=True):
                    (alone,) = redactor.redact([each])
                    assert alone == verdict or (alone in BOTTOMLESS and verdict in BOTTOMLESS)
            batch.clear()


def test_the_parser_raises_only_unparsable(fuzz: Fuzz) -> None:
    for payload in fuzz.inputs(CORPUS, large=True):
        with fuzz.only(payload, Unparsable):
            parse(payload, LIMITS)
        with fuzz.only(payload):
            parse_all([payload], LIMITS)


def test_the_codec_raises_only_its_own(fuzz: Fuzz) -> None:
    encoder = ItemEncoder(Output(partition_key="{k}", sort_key="{a.b}#{sequence}"), "s", "shard", "p@1", "d")

    def check(document: dict[Any, Any]) -> None:
        with fuzz.only(document, EncodeError):
            encoder.encode(document, Record("1", 0, 0, b""))

    odd = (
        VALUES
        | st.binary()
        | st.builds(Decimal, st.sampled_from(["NaN", "sNaN", "Infinity", "1e999", "-0"]))
        | st.tuples()
    )
    documents = st.dictionaries(TEXTS | st.integers() | st.none(), odd, max_size=4)
    keys = st.fixed_dictionaries({}, optional={"k": odd, "a": odd | st.dictionaries(st.just("b"), odd)})
    fuzz.examples(st.builds(lambda one, other: one | other, documents, keys), check)


class _Odd:
    name = version = digest = "odd"

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def redact(self, payloads: Sequence[bytes]) -> Any:
        del payloads
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def test_a_plugin_that_does_anything_gives_verdicts(fuzz: Fuzz) -> None:
    names = TEXTS | st.from_regex(r"[a-z_0-9]{1,70}", fullmatch=True) | VALUES
    applied = st.lists(st.tuples(names, names) | VALUES, max_size=3).map(tuple) | VALUES
    verdicts = (
        st.builds(Released, VALUES | st.dictionaries(TEXTS, VALUES), st.binary() | VALUES, applied)
        | st.builds(Dropped, names)
        | st.builds(Rejected, names, names)
        | VALUES
    )
    errors = st.sampled_from([ValueError(CANARY), SystemExit(CANARY), MemoryError(), RecursionError(), GeneratorExit()])
    payloads = st.lists(st.binary(max_size=9), max_size=4)

    def check(given: tuple[list[bytes], object]) -> None:
        batch, answer = given
        with fuzz.only(given):
            found: list[Verdict] = redact_guarded(_Odd(answer), batch)
        assert len(found) == len(batch)
        for verdict in found:
            assert type(verdict) in (Released, Dropped, Rejected)
            if not isinstance(verdict, Released):
                assert CANARY not in repr(verdict)
            else:
                assert CANARY not in str(verdict.applied)
                assert type(verdict.document) is dict

    fuzz.examples(st.tuples(payloads, st.lists(verdicts, max_size=4) | VALUES | errors), check)
