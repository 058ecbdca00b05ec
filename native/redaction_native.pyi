# What all of it does stands in src/lib.rs.
from collections.abc import Mapping, Sequence
from types import EllipsisType
from typing import TypeAlias

ASKS: int
WHOLE: int
APART: int
NAMES: int
TYPES: int
VALUE: int
BANK: int
ACCOUNT: int
SCHEMES: int
SCHEME: int
ID: int
PAIRS: int
DROPS: int

Value: TypeAlias = str | bytes | float | bool | EllipsisType | None

class Shape:
    def members(self, pair: int) -> tuple[int, int, list[tuple[int, Value, int | None, bool]]]: ...

class Found: ...

class Engine:
    def __init__(
        self,
        limits: tuple[int, int, int],
        fold: bytes,
        groups: Sequence[tuple[str, Sequence[tuple[int, str]]]],
        signs: Sequence[str],
        wrapping: str,
        version: bytes,
    ) -> None: ...
    def add(
        self,
        parent: int | None,
        name: bytes,
        flags: int,
        before_text: bytes,
        before_number: bytes,
        sure: tuple[str, bytes | bool | None] | None,
    ) -> int: ...
    def set_flags(self, node: int, flags: int) -> None: ...
    def take_counts(self) -> list[tuple[int, int, int]]: ...
    def shape(
        self, payloads: Sequence[bytes]
    ) -> tuple[
        list[bytes | None],
        list[tuple[int, int, str | float | bool | EllipsisType | None, bool]],
        list[tuple[int, str, int | None]],
        list[tuple[int, int]],
        list[tuple[int, int, str | float | bool | None]],
        Shape,
    ]: ...
    def finish(
        self,
        shape: Shape,
        answers: Sequence[bytes | bool | None],
        extras: Sequence[tuple[int, int, bytes | bool]],
        given_up: set[int],
    ) -> list[tuple[int, bytes]]: ...
    def look(self, bodies: Sequence[bytes]) -> tuple[list[int], list[tuple[int, str, int, int]], Found]: ...
    def candidates(
        self, found: Found, bodies: Sequence[bytes], versions: Mapping[int, Sequence[tuple[int, int]]]
    ) -> tuple[
        list[tuple[int, int, int, int, bool, bool, bool, str]],
        bytes,
        list[int],
        list[int],
        list[list[tuple[int, int]]],
    ]: ...

class Items:
    def __init__(self, names: Sequence[bytes], max_bytes: int) -> None: ...
    def write(
        self, bodies: Sequence[bytes]
    ) -> list[tuple[bytes, dict[str, str | bytes | float | bool | None]] | None]: ...

def not_single(payloads: Sequence[bytes]) -> list[int]: ...
