"""Chains: which are made, which are refused, and what one does with what its decoders do."""

import gzip
import sys
import tomllib
from importlib import import_module
from importlib.metadata import EntryPoint
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from consumer.decoder import (
    ANY_NAME,
    ANY_NAMES,
    ENTRY_POINT_GROUP,
    MAX_SCHEMA_NAME,
    Decoded,
    Kind,
    LeftOut,
    Schema,
    Tag,
    Undecodable,
)
from consumer.decoder_testing import CANARY, Log, NoMetrics
from consumer.decoding import loading
from consumer.decoding.chain import Chain
from consumer.decoding.loading import check_format, open_chain
from consumer.errors import DecoderUnavailable, UsageError
from consumer.quarantine.codes import DECODING
from consumer.settings import Settings

ROOT = Path(__file__).parents[4]


def settings(format_: Any, **stream: Any) -> Settings:
    return Settings.model_validate({"stream": {"format": format_, **stream}})


def chain(format_: Any, **stream: Any) -> Chain:
    return open_chain(settings(format_, **stream), NoMetrics(), Log())


@pytest.mark.parametrize(
    "format_",
    [
        "auto",
        ["json"],
        ["gzip", "ndjson"],
        ["zlib", "gzip", "json_array"],
        ["zstd", "json_concatenated"],
        ["auto", {"envelope": {"at": "detail", "keep": ["id"]}}],
        ["gzip", "json", "cloudwatch_logs"],
        ["auto", {"debezium": {"deletions": "quarantine"}}],
        ["auto", "eventbridge", "sns"],
    ],
)
def test_a_chain_that_fits_is_made(format_: Any) -> None:
    check_format(settings(format_))


@pytest.mark.parametrize(
    ("format_", "words"),
    [
        (["gzip"], "stream.format ends with bytes: name a decoder that makes JSON of them, such as auto."),
        (["ndjson", "gzip"], "stream.format: gzip takes bytes, and what comes before it gives json."),
        (["auto", "auto"], "stream.format: auto takes bytes, and what comes before it gives json."),
        (["cloudwatch_logs"], "stream.format: cloudwatch_logs takes json, and what comes before it gives bytes."),
        (["gzip", "zlib", "gzip", "json"], "stream.format names more than 2 compressions, one within the other."),
        ([{"gzip": {"level": 1}}, "json"], "stream.format: gzip: it has no options."),
        ([{"auto": {"x": 1}}], "stream.format: auto: it has no options."),
        (["auto", "envelope"], "stream.format: envelope: at is missing: the field that holds the document."),
        (["avrò"], "No decoder named 'avrò' is installed; known: auto, "),
    ],
)
def test_a_chain_that_does_not_is_refused_in_one_sentence(format_: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_format(settings(format_))
    assert str(caught.value).startswith(words)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("compression", "backports", "backports.zstd"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError) as caught:
        check_format(settings(["zstd", "json"]))
    words = 'stream.format: zstd: it needs the extra "formats": pip install "kinesis-sanitizer[formats]".'
    assert str(caught.value) == words
    check_format(settings("auto"))


@pytest.mark.parametrize("module", ["fastavro", "proto_schema_parser"])
def test_a_missing_extra_is_named_for_schemas_too(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match='confluent: it needs the extra "formats"'):
        check_format(settings([{"confluent": {"folder": str(tmp_path)}}]))


def test_the_project_registers_what_it_knows_without_being_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    registered = project["entry-points"][ENTRY_POINT_GROUP]
    assert {entry.name: entry.value for entry in loading._BUILT_IN} == registered


class _Step:
    takes = Kind.BYTES
    gives = Kind.JSON
    made: Any = ()

    def __init__(self, *_: Any) -> None:
        pass

    def decode(self, data: bytes) -> Any:  # noqa: ARG002
        if isinstance(self.made, BaseException):
            raise self.made
        return self.made


def step(made: Any) -> Any:
    one = _Step()
    one.made = made
    return one


class _Half:
    def __init__(self, *_: Any) -> None:
        self.takes = Kind.BYTES


def _raising(*_: Any) -> Any:
    raise ValueError(CANARY)


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("_Half", "lacks gives, decode; see"),
        ("_raising", "cannot be made: ValueError."),
        ("gone", "cannot be imported"),
    ],
)
def test_a_plug_in_that_cannot_be_made_is_refused(monkeypatch: pytest.MonkeyPatch, factory: str, words: str) -> None:
    monkeypatch.setitem(sys.modules, "of_a_plug_in", sys.modules[__name__])
    monkeypatch.setattr(loading, "_BUILT_IN", (EntryPoint("mine", f"of_a_plug_in:{factory}", ENTRY_POINT_GROUP),))
    with pytest.raises(UsageError, match=words) as caught:
        chain(["mine"])
    assert CANARY not in str(caught.value)


class _Bytes(bytes):
    pass


class _Sub(Decoded):  # type: ignore[misc,unused-ignore]
    pass


@pytest.mark.parametrize(
    "made",
    [
        [],
        None,
        5,
        [None],
        ["text"],
        [Decoded("text")],  # type: ignore[arg-type]
        [Decoded(_Bytes(b"{}"))],
        [_Sub(b"{}")],
        [Undecodable("Not a name")],
        [Undecodable(CANARY)],
        [Undecodable("c" + CANARY)],
        [LeftOut("")],
        [Decoded(b"{}"), Undecodable("x" * 65)],
        [Decoded(b"{}", "a schema")],  # type: ignore[arg-type]
        [Decoded(b"{}", Schema(1, "1"))],  # type: ignore[arg-type]
        [Decoded(b"{}", Schema("a", None))],  # type: ignore[arg-type]
        [Decoded(b"{}", Schema("a", "\ud800"))],
        [Decoded(b"{}", Schema("a" * (MAX_SCHEMA_NAME + 1), "1"))],
        [Decoded(b"{}", Schema("a", "1", [Tag(("a",), "PII")]))],  # type: ignore[arg-type]
        [Decoded(b"{}", Schema("a", "1", (("a", "PII"),)))],  # type: ignore[arg-type]
        [Decoded(b"{}", Schema("a", "1", (Tag(["a"], "PII"),)))],  # type: ignore[arg-type]
        [Decoded(b"{}", Schema("a", "1", (Tag((1,), "PII"),)))],  # type: ignore[arg-type]
    ],
)
def test_what_is_no_part_is_quarantined(made: Any) -> None:
    code = "decoder_invalid_part" if isinstance(made, list) else "decoder_raised"
    assert Chain([step(made)], 1000).decode(b"") == [Undecodable(code)]


def test_what_a_decoder_raises_is_quarantined_unless_it_waits() -> None:
    assert Chain([step(ValueError(CANARY))], 1000).decode(b"") == [Undecodable("decoder_raised")]
    for error in (SystemExit(1), GeneratorExit(), MemoryError(), RecursionError()):
        assert Chain([step(error)], 1000).decode(b"") == [Undecodable("decoder_raised")]
    for passing in (DecoderUnavailable("out of reach"), KeyboardInterrupt()):
        with pytest.raises(type(passing)):
            Chain([step(passing)], 1000).decode(b"")


def test_parts_without_an_end_are_not_waited_for() -> None:
    assert Chain([step(repeat(Decoded(b"")))], 10_000).decode(b"") == [Undecodable("decoded_too_large")]


def test_what_is_no_document_weighs_too() -> None:
    assert Chain([step([Undecodable("broken")] * 5)], 5 * 256).decode(b"") == [Undecodable("broken")] * 5
    assert Chain([step([Undecodable("broken")] * 5)], 5 * 256 - 1).decode(b"") == [Undecodable("decoded_too_large")]


@pytest.mark.parametrize("name", ["passes", "not_passing"])
@pytest.mark.parametrize("made", [ValueError(CANARY), SystemExit(1), None])
def test_a_record_is_decoded_where_it_is_not_told_whether_it_passes(name: str, made: Any) -> None:
    def told(_: Any) -> Any:
        if made is None:
            return None
        raise made

    asked = step([Decoded(b"x")])
    setattr(asked, name, told)
    assert list(Chain([asked], 1000).to_decode([b"a", b"b"])) == [0, 1]


def test_a_step_decodes_what_the_one_before_it_made_and_nothing_else() -> None:
    schema = Schema("orders", "3")
    first = step([Decoded(b"1", schema), Undecodable("broken"), LeftOut("control"), Decoded(b"2")])
    other = Schema("inner", "1")
    second = step([Decoded(b"a"), Decoded(b"b", other)])
    assert Chain([first, second], 10_000).decode(b"") == [
        Decoded(b"a", schema),
        Decoded(b"b", other),
        Undecodable("broken"),
        LeftOut("control"),
        Decoded(b"a"),
        Decoded(b"b", other),
    ]


class _Moving:
    takes = gives = Kind.JSON

    def __init__(self, moved: Any) -> None:
        self._made = moved

    def decode(self, data: bytes) -> list[Decoded | Undecodable]:
        return [Decoded(data), Undecodable("broken"), Decoded(data, Schema("inner", "1"))]

    def moved(self, tags: Any) -> Any:
        return self._made(tags)


TAGGED = Schema("orders", "3", (Tag(("after", "card"), "PAN"),))


def test_a_step_says_where_the_fields_are_that_a_schema_tags() -> None:
    moving = _Moving(lambda tags: [Tag(path[1:], name) for path, name in tags])
    assert Chain([step([Decoded(b"1", TAGGED)]), moving], 10_000).decode(b"") == [
        Decoded(b"1", Schema("orders", "3", (Tag(("card",), "PAN"),))),
        Undecodable("broken"),
        Decoded(b"1", Schema("inner", "1")),
    ]


def test_tagged_fields_that_may_be_anywhere_are_refused() -> None:
    second = step([Decoded(b"a"), LeftOut("control"), Decoded(b"b", Schema("inner", "1"))])
    assert Chain([step([Decoded(b"1", TAGGED)]), second], 10_000).decode(b"") == [
        Undecodable("decoder_tags_lost"),
        LeftOut("control"),
        Decoded(b"b", Schema("inner", "1")),
    ]


@pytest.mark.parametrize("made", [None, 5, [None], [("a",)], ValueError(CANARY)])
def test_what_are_no_tags_is_quarantined(made: Any) -> None:
    def moved(_: Any) -> Any:
        if isinstance(made, Exception):
            raise made
        return made

    parts = Chain([step([Decoded(b"1", TAGGED)]), _Moving(moved)], 10_000).decode(b"")
    assert parts == [Undecodable("decoder_raised")]


def test_what_becomes_too_large_together_is_quarantined_as_one() -> None:
    assert Chain([step([Decoded(b"x")] * 3)], 3 * 257).decode(b"") == [Decoded(b"x")] * 3
    assert Chain([step([Decoded(b"x")] * 3)], 3 * 257 - 1).decode(b"") == [Undecodable("decoded_too_large")]


def test_only_one_step_alone_may_let_a_record_pass() -> None:
    assert not chain("auto").to_decode([b'{"a":1}'])
    assert list(chain("auto").to_decode([b'{"a":1}', b'{"a":1}{"b":2}', b"["])) == [1, 2]
    assert not chain(["json"]).to_decode([b"anything"])
    assert list(chain(["auto", "sns"]).to_decode([b'{"a":1}'])) == [0]
    assert list(chain(["ndjson"]).to_decode([b'{"a":1}'])) == [0]


def test_a_subscription_of_cloudwatch_logs_becomes_documents() -> None:
    text = (Path(__file__).parent / "samples/cloudwatch_logs.json").read_bytes()
    parts = chain(["auto", "cloudwatch_logs"]).decode(gzip.compress(text))
    assert [type(part).__name__ for part in parts] == ["Decoded", "Decoded", "Decoded", "LeftOut"]


def test_each_code_is_explained() -> None:
    own = {
        value
        for module in ("auto", "chain", "cloudwatch_logs", "compression", "dynamodb", "envelope")
        for name, value in vars(import_module(f"consumer.decoding.{module}")).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str)
    }
    assert own - {ANY_NAME, ANY_NAMES, "envelope", "invalid_json", "cloudwatch_control_message"} <= set(DECODING)


@pytest.mark.parametrize(
    "format_", ["gzip", {"auto": {}}, [["auto"]], [None], [1], [{"auto": None}], [{1: {}}], None, 5, [{}], ["auto", {}]]
)
def test_a_format_that_is_not_written_as_one_is_refused_in_one_sentence(format_: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(format_)
    (error,) = caught.value.errors()
    assert error["loc"] == ("stream", "format")
