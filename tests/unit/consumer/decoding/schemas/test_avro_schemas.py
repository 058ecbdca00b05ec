"""Avro by schemas of any shape: what fastavro wrote is read as equal JSON, through the chain."""

import json
import struct
import tempfile
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from consumer.decoder import Decoded
from consumer.decoding.chain import Chain
from consumer.decoding.confluent import Confluent
from tests.kits.examples import examples
from tests.kits.schemas import avro_bytes, confluent_record, context

_SCHEMA_ID: Final = 7
_MAX_DEPTH: Final = 4


class _Single(float):
    """A number that Avro keeps in single precision."""


class _Kind(NamedTuple):
    """:ivar shown: what a written value is in JSON."""

    schema: Any
    values: st.SearchStrategy[Any]
    shown: Callable[[Any], Any] = lambda value: value


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


def _clock(digits: int) -> Callable[[Any], str]:
    return lambda value: value.replace(tzinfo=None).isoformat(timespec={3: "milliseconds", 6: "microseconds"}[digits])


def _logical(form: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": form, "logicalType": name, **more}


def _to_millis(moment: Any) -> Any:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _decimal(digits: int, scale: int) -> st.SearchStrategy[Decimal]:
    return st.integers(-(10**digits) + 1, 10**digits - 1).map(lambda number: Decimal(number).scaleb(-scale))


def _nanos(zone: str) -> Callable[[int], str]:
    def shown(value: int) -> str:
        seconds, nanos = divmod(value, 10**9)
        return f"{(datetime(1970, 1, 1) + timedelta(seconds=seconds)).isoformat()}.{nanos:09}{zone}"  # noqa: DTZ001

    return shown


_NUMBERS: Final = {
    "int": _Kind("int", st.integers(-(2**31), 2**31 - 1)),
    "long": _Kind("long", st.integers(-(2**63), 2**63 - 1)),
    "double": _Kind("double", st.floats(allow_nan=False, allow_infinity=False)),
    "float": _Kind("float", st.floats(allow_nan=False, allow_infinity=False, width=32), _Single),
}
_MOMENTS: Final = {
    "date": _Kind(_logical("int", "date"), st.dates(), date.isoformat),
    "timestamp-millis": _Kind(
        _logical("long", "timestamp-millis"),
        st.datetimes(timezones=st.just(UTC)).map(_to_millis),
        lambda value: _clock(3)(value) + "Z",
    ),
    "timestamp-micros": _Kind(
        _logical("long", "timestamp-micros"),
        st.datetimes(timezones=st.just(UTC)),
        lambda value: _clock(6)(value) + "Z",
    ),
}
_TIMES: Final = {
    "time-millis": _Kind(_logical("int", "time-millis"), st.times().map(_to_millis), _clock(3)),
    "time-micros": _Kind(_logical("long", "time-micros"), st.times(), _clock(6)),
}
_DECIMAL: Final = _Kind(_logical("bytes", "decimal", precision=30, scale=6), _decimal(30, 6))
_STRING: Final = _Kind("string", st.text(max_size=9))
_BYTES: Final = _Kind("bytes", st.binary(max_size=9), _base64)

# Of each group a union has one at most: the library takes the first branch that could hold a value, so that a number
# may be written as a time. A date is in none: it could be a text, too.
_GROUPS: Final = [
    [_Kind("boolean", st.booleans())],
    [*_NUMBERS.values(), *_TIMES.values(), *(kind for name, kind in _MOMENTS.items() if name != "date")],
    [_STRING, _Kind(_logical("string", "uuid"), st.uuids(), str)],
    [_BYTES, _DECIMAL],
]
_SCALARS: Final = [
    *(kind for group in _GROUPS for kind in group),
    _MOMENTS["date"],
    _Kind(
        _logical("long", "local-timestamp-millis"),
        st.datetimes().map(_to_millis),
        _clock(3),
    ),
    _Kind(_logical("long", "local-timestamp-micros"), st.datetimes(), _clock(6)),
    _Kind(_logical("long", "timestamp-nanos"), st.integers(-(2**63), 2**63 - 1), _nanos("Z")),
    _Kind(_logical("long", "local-timestamp-nanos"), st.integers(-(2**63), 2**63 - 1), _nanos("")),
    _Kind(_logical("long", "not-known"), st.integers(-(2**63), 2**63 - 1)),
    _Kind({"type": "string", "avro.java.string": "String"}, st.text(max_size=9)),
]


class _Shape:
    """A type: its schema, and how a value is drawn, as it is written and as it is read."""

    def __init__(self, schema: Any, draw_value: Callable[[st.DrawFn, int], tuple[Any, Any]]) -> None:
        self.schema = schema
        self.value = draw_value


def _of_kind(kind: _Kind) -> _Shape:
    def value(draw: st.DrawFn, _: int) -> tuple[Any, Any]:
        written = draw(kind.values)
        return written, kind.shown(written)

    return _Shape(kind.schema, value)


class _Schemas:
    """Draws types, whose names are used once, and again where they are known."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._prefix = draw(st.sampled_from(["", "a.b.", "c."]))
        self._count = 0
        self._known: list[_Shape] = []
        self._open: list[_Shape] = []

    def _name(self) -> str:
        self._count += 1
        return f"{self._prefix}T{self._count}"

    def any(self, level: int) -> _Shape:
        makers: list[Callable[[], _Shape]] = [
            lambda: _of_kind(self._draw(st.sampled_from(_SCALARS))),
            self._enum,
            self._fixed,
        ]
        if self._known:
            makers.append(lambda: self._draw(st.sampled_from(self._known)))
        if level:
            makers += [
                lambda: self.record(level),
                lambda: self._array(self.any(level - 1)),
                lambda: self._map(self.any(level - 1)),
                lambda: self._union(level),
            ]
        if self._open:
            makers.append(self._holding_itself)
        return self._draw(st.sampled_from(makers))()

    def _holding_itself(self) -> _Shape:
        holder = self._draw(st.sampled_from([self._array, self._map, _or_null]))
        return holder(self._draw(st.sampled_from(self._open)))

    def record(self, level: int) -> _Shape:
        name = self._name()
        fields: list[tuple[str, _Shape]] = []

        def value(draw: st.DrawFn, depth: int) -> tuple[Any, Any]:
            pairs = {field: shape.value(draw, depth - 1) for field, shape in fields}
            return (
                {field: pair[0] for field, pair in pairs.items()},
                {field: pair[1] for field, pair in pairs.items()},
            )

        again = _Shape(name, value)
        self._open.append(again)
        # The last takes a byte: an array of what takes none is refused.
        fields += [(f"f{number}", self.any(level - 1)) for number in range(self._draw(st.integers(0, 3)))]
        fields.append(("last", _of_kind(_NUMBERS["int"])))
        self._open.remove(again)
        self._known.append(again)
        schema = {"type": "record", "name": name, "fields": [{"name": n, "type": s.schema} for n, s in fields]}
        return _Shape(schema, value)

    def _enum(self) -> _Shape:
        name, symbols = self._name(), ["A", "B_2", "_c"][: self._draw(st.integers(1, 3))]

        def value(draw: st.DrawFn, _: int) -> tuple[Any, Any]:
            symbol = draw(st.sampled_from(symbols))
            return symbol, symbol

        self._known.append(_Shape(name, value))
        return _Shape({"type": "enum", "name": name, "symbols": symbols}, value)

    def _fixed(self) -> _Shape:
        name = self._name()
        kind = self._draw(
            st.sampled_from(
                [
                    _Kind({"size": 3}, st.binary(min_size=3, max_size=3), _base64),
                    _Kind({"size": 9, "logicalType": "decimal", "precision": 20, "scale": 2}, _decimal(20, 2)),
                    _Kind({"size": 4, "logicalType": "duration"}, st.binary(min_size=4, max_size=4), _base64),
                ]
            )
        )
        made = {"type": "fixed", "name": name, **kind.schema}
        self._known.append(_of_kind(kind._replace(schema=name)))
        return _of_kind(kind._replace(schema=made))

    def _union(self, level: int) -> _Shape:
        groups = self._draw(st.lists(st.sampled_from(range(len(_GROUPS))), unique=True, max_size=4))
        branches = [_of_kind(self._draw(st.sampled_from(_GROUPS[group]))) for group in groups]
        if self._draw(st.booleans()) or not branches:
            branches.append(_of_kind(_Kind("null", st.none())))
        branches = self._draw(st.permutations(branches))
        # Last, and in this order: a name is defined before it is used.
        if self._draw(st.booleans()):
            branches.append(self.record(level - 1))
        if self._draw(st.booleans()):
            branches.append(self._array(self.any(level - 1)))

        def value(draw: st.DrawFn, depth: int) -> tuple[Any, Any]:
            return draw(st.sampled_from(branches)).value(draw, depth)

        return _Shape([each.schema for each in branches], value)

    @staticmethod
    def _array(item: _Shape) -> _Shape:
        def value(draw: st.DrawFn, depth: int) -> tuple[Any, Any]:
            pairs = [item.value(draw, depth - 1) for _ in range(draw(st.integers(0, 2)) if depth > 0 else 0)]
            return [pair[0] for pair in pairs], [pair[1] for pair in pairs]

        return _Shape({"type": "array", "items": item.schema}, value)

    @staticmethod
    def _map(item: _Shape) -> _Shape:
        def value(draw: st.DrawFn, depth: int) -> tuple[Any, Any]:
            names = draw(st.lists(st.text(max_size=3), unique=True, max_size=2)) if depth > 0 else []
            pairs = {name: item.value(draw, depth - 1) for name in names}
            return {name: pair[0] for name, pair in pairs.items()}, {name: pair[1] for name, pair in pairs.items()}

        return _Shape({"type": "map", "values": item.schema}, value)


def _or_null(shape: _Shape) -> _Shape:
    def value(draw: st.DrawFn, depth: int) -> tuple[Any, Any]:
        return shape.value(draw, depth - 1) if depth > 0 and draw(st.booleans()) else (None, None)

    return _Shape(["null", shape.schema], value)


@st.composite
def _documents(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    shape = _Schemas(draw).record(3)
    written, expected = shape.value(draw, _MAX_DEPTH)
    return shape.schema, written, expected


@examples(400)
@given(_documents())
def test_what_the_library_wrote_with_any_schema_is_read_as_equal_json(document: tuple[Any, Any, Any]) -> None:
    schema, written, expected = document
    payload = avro_bytes(schema, written)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{_SCHEMA_ID}.avsc").write_text(json.dumps(schema), "utf-8")
        chain = Chain([Confluent({"folder": folder}, context())], 2**25)

        (part,) = chain.decode(confluent_record(_SCHEMA_ID, payload))

    assert isinstance(part, Decoded), part
    assert _same(json.loads(part.data, parse_float=Decimal), expected), (part.data, expected)


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(_same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(_same, found, expected))
    if isinstance(expected, _Single):
        return struct.pack("<f", found) == struct.pack("<f", expected) or float(found) == float(expected)
    if isinstance(expected, float):
        return float(found) == expected
    if isinstance(expected, Decimal):
        return Decimal(found) == expected
    return bool(found == expected and type(found) is type(expected))
