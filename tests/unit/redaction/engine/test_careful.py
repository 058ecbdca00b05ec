"""The careful way: all texts of some documents searched as one, until nothing is found."""

import json
from typing import Any

import pytest

from redaction.detectors.base import Span
from redaction.detectors.registry import detectors
from redaction.engine import PolicyRedactor, from_options
from redaction.engine import careful as mending
from redaction.plugin import Rejected, Released, Verdict
from redaction.policy import load_policy
from redaction.policy.file import parse_policy

VISA = "4111111111111111"
MASKED = "************1111"


def with_policy(text: str) -> PolicyRedactor:
    return PolicyRedactor(parse_policy('name: t\nversion: "1"\n' + text, "t.yaml"))


def verdict_of(redactor: PolicyRedactor, document: Any) -> Verdict:
    [verdict] = redactor.redact([json.dumps(document).encode()])
    return verdict


def test_texts_are_searched_apart() -> None:
    """What joins them is a newline, which no detector passes; control characters of the texts are none."""
    assert mending._view(["ab", "c\nd"]).seen == b"ab\nc\x1dd"
    assert mending._view(["\u00e4b", "c\nd"]).seen == b"xb\nc\x1dd"


@pytest.mark.parametrize(
    "document",
    [{"a": "4111 1111 ", "b": "1111 1111"}, {"a": ["4111 1111", "1111 1111"]}, {"a": "mail jane@", "example.com": "x"}],
)
def test_nothing_is_found_across_texts(document: Any) -> None:
    redactor = PolicyRedactor(load_policy("default"), careful=True)
    assert verdict_of(redactor, document) == Released(document, json.dumps(document, separators=(",", ":")).encode())


class _Stub:
    """Finds an `x`, and puts another text in its place."""

    name = "card"
    candidate = b"x+"

    def __init__(self, becomes: str) -> None:
        self._becomes = becomes

    def find(self, view: bytes, start: int, end: int) -> list[Span]:
        del view
        return [(start, end)]

    def mask(self, text: str) -> str:
        del text
        return self._becomes

    def normalise(self, text: str) -> str:
        return text


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(becomes: str) -> PolicyRedactor:
        monkeypatch.setitem(detectors(), "card", _Stub(becomes))
        return with_policy("detectors: {card: mask}\n")

    return make


def test_a_hit_that_remains_is_rejected_and_costs_no_other_record(stubbed: Any) -> None:
    payloads = [b'{"a":"wow x now"}', b'{"a":"clean as it is"}']
    assert stubbed("x").redact(payloads) == [
        Rejected("leak_suspected", "card"),
        Released({"a": "clean as it is"}, payloads[1]),
    ]


def test_what_redaction_lays_bare_is_redacted_too(stubbed: Any) -> None:
    assert verdict_of(stubbed("-"), {"a": "wow xxxx now x"}) == Released(
        {"a": "wow - now -"}, b'{"a":"wow - now -"}', (("card", "mask"),) * 2
    )


def test_a_name_that_cannot_be_made_clean_rejects_its_records_only(stubbed: Any) -> None:
    redactor = stubbed("x")
    for _ in range(2):
        assert redactor.redact([b'{"wow x now":1}', b'{"fine":1}']) == [
            Rejected("leak_suspected", "card"),
            Released({"fine": 1}, b'{"fine":1}'),
        ]


@pytest.mark.parametrize("blind_rounds", [1, 3, 100])
def test_what_goes_out_is_scanned_and_not_what_was_meant(monkeypatch: pytest.MonkeyPatch, blind_rounds: int) -> None:
    original = mending.CarefulSearch.mend
    calls: list[int] = []

    def blind(self: mending.CarefulSearch, works: Any, *, first: bool) -> None:
        calls.append(len(works))
        if len(calls) > blind_rounds:
            original(self, works, first=first)
            return
        for work in works:  # as if something had been redacted
            work.hits.append((("card", "mask"), self._tree.root))

    monkeypatch.setattr(mending.CarefulSearch, "mend", blind)
    verdict = verdict_of(from_options({}), {"a": VISA})
    if blind_rounds == 100:
        assert verdict == Rejected("leak_suspected", "card")
    else:
        assert isinstance(verdict, Released)
        assert VISA.encode() not in verdict.body
        assert calls == [1] * (blind_rounds + 1)


@pytest.mark.parametrize("size", [1, 2, 3, 40])
def test_what_a_record_may_cost_does_not_depend_on_the_batch(size: int) -> None:
    redactor = with_policy("limits: {max_suspect_chars: 256}\ndetectors: {card: mask, email: mask}\n")
    for count in range(1, 14):
        payload = json.dumps({VISA: f"{VISA}, " * count, "1234567 a@example.com": 1}).encode()
        [alone] = redactor.redact([payload])
        assert redactor.redact([payload] * size) == [alone] * size


def test_names_cost_the_same_whether_they_are_remembered_or_not() -> None:
    policy = "limits: {max_suspect_chars: 256}\ndetectors: {card: mask}\n"
    for count in range(1, 8):
        payload = json.dumps({f"{VISA}"[:-1] + f" {place}": place for place in range(count)} | {"a": VISA}).encode()
        redactor = with_policy(policy)
        first = redactor.redact([payload])
        assert redactor.redact([payload]) == first
        assert redactor.redact([payload, payload]) == first * 2


def test_nothing_sensitive_is_left_in_names_and_values_at_any_depth() -> None:
    document: Any = {VISA: VISA}
    for number in range(12):
        document = {f"k{number} {VISA}": [document, int(VISA), {"t": json.dumps({"n": VISA, "cvv": 1})}]}
    verdict = verdict_of(from_options({}), document)
    assert isinstance(verdict, Released)
    assert VISA not in verdict.body.decode()
    assert VISA not in repr(verdict)
    assert verdict.body.count(MASKED.encode()) == 12 * 3 + 2


def test_short_texts_are_searched_too() -> None:
    redactor = with_policy("fields: [{id: pin, action: mask, names: [pin]}]\n")
    assert verdict_of(redactor, {"q": "pin=1"}) == Released({"q": "pin=****"}, b'{"q":"pin=****"}', (("pin", "mask"),))


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ('<wsse:Password Type="x#PasswordText">2BMBT82Atre0</wsse:Password>', '<wsse:Password Type="x#PasswordText">****</wsse:Password>'),  # noqa: E501
        ("Date de naissance : 21/06/1987. Mot de passe : Tournesol!87", "Date de naissance : **** Mot de passe : ****"),
        ("Kennwort für Telefonbanking: Maiglöckchen57.", "Kennwort für Telefonbanking: ****"),
        ("password for the portal: it is on the card", "password for the portal: it is on the card"),
        ("geboren am 12.03.1957, nato il 12/06/1984", "geboren am 1957, nato il 1984"),
        (":59:/8823100497716\r\nJ.A. T", ":59:/*********7716\r\nJ.A. T"),
        (":57D://FW021000089\r\nBANK", ":57D://FW*****0089\r\nBANK"),
        ("rachunek 61 1090 1014 0000 0712 1981 2874", "rachunek ** **** **** **** **** **** 2874"),
        ("order 61 1090 1014 0000 0712 1981 2875", "order 61 1090 1014 0000 0712 1981 2875"),
        ("dump 34313131313131313131313131313131", "dump ****"),
        ("Mi DNI es el 48219374N", "Mi DNI es el *********"),
        ("NIF 123456789, NIF 123456788", "NIF *********, NIF 123456788"),
        ("total 4.111.111.111,11 EUR from 4.111.111.111, too", "total 4.111.111.111,11 EUR from ***.***.***.***, too"),
        ("a.holder=J.+De+T&a.sum=8899&a.exp=03%2F2030&a.mail=j.de%40example.com",
         "a.holder=J.+De+T&a.sum=8899&a.exp=03%2F2030&a.mail=****@****"),
        ("bounce jane.doe=example.com@list.example", "bounce ****@****"),
        ("Room 404, PIN 4711", "Room 404, PIN ****"),
    ],
)  # fmt: skip
def test_what_other_people_write(text: str, redacted: str) -> None:
    [verdict] = from_options({}).redact([json.dumps({"note": text}).encode()])
    assert isinstance(verdict, Released)
    assert verdict.document["note"] == redacted
