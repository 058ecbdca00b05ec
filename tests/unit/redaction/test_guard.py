from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from redaction.guard import redact_guarded, redactor_for
from redaction.plugin import Dropped, Rejected, Released, Tag

GOOD = Released({"a": 1}, b'{"a":1}', (("rule", "mask"),))
INVALID = Rejected("redactor_invalid_verdict")
RAISED = Rejected("redactor_raised")


class Scripted:
    name, version, digest = "scripted", "1", "0"

    def __init__(self, redact: Callable[[Sequence[bytes]], Any]) -> None:
        self.redact = redact


def guarded(redact: Callable[[Sequence[bytes]], Any], payloads: Sequence[bytes]) -> list[Any]:
    return redact_guarded(Scripted(redact), payloads)


def test_valid_verdicts_pass_in_order() -> None:
    verdicts = [GOOD, Dropped("rule"), Rejected("code", "rule"), Rejected("code")]
    assert guarded(lambda _: tuple(verdicts), [b"1", b"2", b"3", b"4"]) == verdicts
    assert guarded(lambda _: verdicts, []) == []


def test_what_the_engine_wrote_is_not_read_here() -> None:
    written = Released.written(b'{"a":1}', (("rule", "mask"),))
    assert guarded(lambda _: [written], [b"1"])[0] is written
    assert written.is_unread


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("body", b"4111 1111 1111 1111"),
        ("body", b"[1]"),
        ("body", "{}"),
        ("applied", (("jane@example.com", "mask"),)),
        ("applied", [("rule", "mask")]),
    ],
)
def test_what_a_plug_in_makes_of_that_is_checked(name: str, value: object) -> None:
    verdict = Released.written(b'{"a":1}', (("rule", "mask"),))
    setattr(verdict, name, value)
    assert guarded(lambda _: [verdict], [b"1"]) == [INVALID]


def test_one_bad_record_costs_one_rejection() -> None:
    def redact(payloads: Sequence[bytes]) -> list[Any]:
        if b"bad" in payloads:
            raise ValueError(payloads)
        return [GOOD for _ in payloads]

    assert guarded(redact, [b"1", b"bad", b"3"]) == [GOOD, RAISED, GOOD]


@pytest.mark.parametrize("error", [RecursionError, MemoryError, StopIteration, AssertionError, SystemExit])
def test_whatever_is_raised_is_a_rejection(error: type[BaseException]) -> None:
    def redact(_payloads: Sequence[bytes]) -> list[Any]:
        raise error

    assert guarded(redact, [b"1", b"2"]) == [RAISED, RAISED]


def test_ctrl_c_gets_through() -> None:
    def redact(_payloads: Sequence[bytes]) -> list[Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(redact, [b"1"])


@pytest.mark.parametrize("verdicts", [[], [GOOD], [GOOD] * 3, None, 7, {}])
def test_a_wrong_count_is_tried_one_by_one_then_rejected(verdicts: Any) -> None:
    calls: list[int] = []

    def redact(payloads: Sequence[bytes]) -> Any:
        calls.append(len(payloads))
        return verdicts if len(payloads) == 2 else [GOOD] if payloads == (b"1",) else []

    assert guarded(redact, [b"1", b"2"]) == [GOOD, INVALID]
    assert calls == [2, 1, 1]


class Impostor(dict[str, Any]):
    pass


@pytest.mark.parametrize(
    "verdict",
    [
        None,
        b'{"a":1}',
        {"a": 1},
        Released,
        Released([], b"[]"),  # type: ignore[arg-type]
        Released({}, "{}"),  # type: ignore[arg-type]
        Released({}, bytearray(b"{}")),  # type: ignore[arg-type]
        Released(Impostor(), b"{}"),
        Released({}, b"{}", None),  # type: ignore[arg-type]
        Released({}, b"{}", (("rule",),)),  # type: ignore[arg-type]
        Dropped(None),  # type: ignore[arg-type]
        Rejected(b"payload"),  # type: ignore[arg-type]
        Rejected("code", 7),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_verdict_is_rejected(verdict: Any) -> None:
    assert guarded(lambda _: [GOOD, verdict], [b"1", b"2"]) == [GOOD, INVALID]


@pytest.mark.parametrize(
    "text",
    [
        '{"card": "4111"}',
        "4111 1111 1111 1111",
        "a4111111111111111",
        "card_4532_1234_5678_9012",
        "\ud800",
        "",
        "a" * 65,
        "Upper",
    ],
)
def test_a_name_that_might_be_content_is_no_name(text: str) -> None:
    tellers = [Rejected(text), Rejected("code", text), Dropped(text), Released({}, b"{}", ((text, "mask"),))]
    assert guarded(lambda _: tellers, [b"1", b"2", b"3", b"4"]) == [INVALID] * 4


def test_a_cancelled_or_panicking_plug_in_is_a_rejection() -> None:
    class Panic(BaseException):
        pass

    def lazy(_payloads: Sequence[bytes]) -> Iterator[Any]:
        yield GOOD
        raise Panic

    def at_once(_payloads: Sequence[bytes]) -> list[Any]:
        raise Panic

    assert guarded(lazy, [b"1"]) == [INVALID]
    assert guarded(at_once, [b"1"]) == [RAISED]


def test_an_iterator_that_fails_halfway_is_rejected() -> None:
    def redact(_payloads: Sequence[bytes]) -> Iterator[Any]:
        yield GOOD
        raise OSError

    assert guarded(redact, [b"1", b"2"]) == [INVALID, INVALID]


class _Text(str):
    """Equal to a text that is known already, and shows another."""

    __slots__ = ()

    def __str__(self) -> str:
        return "4111111111111111"


def test_what_only_equals_a_known_name_is_none() -> None:
    impostor = Released(GOOD.document, GOOD.body, ((_Text("rule"), "mask"),))
    assert guarded(lambda _: [GOOD, impostor], [b"1", b"2"]) == [GOOD, INVALID]


# --- Redactors of schemas.

TAGS: list[Tag] = [(("a", "b"), "PII")]


class Aware(Scripted):
    def __init__(self, tagged: Callable[[Sequence[Tag]], Any]) -> None:
        super().__init__(lambda payloads: [GOOD for _ in payloads])
        self.tagged = tagged


def test_without_tags_the_redactor_is_itself() -> None:
    def never(_tags: Sequence[Tag]) -> Any:
        raise AssertionError

    for redactor in (Scripted(lambda _: []), Aware(never)):
        assert redactor_for(redactor, []) is redactor


def test_a_redactor_that_knows_of_tags_gives_another() -> None:
    other = Scripted(lambda _: [GOOD])
    assert redactor_for(Aware({tuple(TAGS): other}.__getitem__), tuple(TAGS)) is other  # type: ignore[arg-type]


def test_tags_that_nobody_treats_are_unknown() -> None:
    assert redactor_for(Scripted(lambda _: [GOOD]), TAGS) == Rejected("tag_unknown")
    assert redactor_for(Aware(lambda _: Rejected("tag_unknown")), TAGS) == Rejected("tag_unknown")


def test_what_a_plug_in_does_wrong_with_tags_keeps_documents_back() -> None:
    def raising(_tags: Sequence[Tag]) -> Any:
        raise SystemExit

    assert redactor_for(Aware(raising), TAGS) == RAISED
    wrong: list[Any] = [None, "redactor", Rejected("4111 1111 1111 1111"), GOOD, Dropped("rule")]
    for each in wrong:
        assert redactor_for(Aware(dict.fromkeys([tuple(TAGS)], each).get), tuple(TAGS)) == INVALID

    def interrupted(_tags: Sequence[Tag]) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        redactor_for(Aware(interrupted), TAGS)
