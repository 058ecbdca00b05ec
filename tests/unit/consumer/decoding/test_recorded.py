"""Records that others wrote, in other languages and by their own libraries: each is read as they say it is.

They lie in `tests/data/formats/`, beside the programs that wrote them; none of those is needed here.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from consumer.decoder import Decoded, LeftOut, Part, Undecodable
from consumer.decoder_testing import Log, NoMetrics
from consumer.decoding.chain import Chain
from consumer.decoding.loading import open_chain
from consumer.settings import Settings

FOLDER: Final = Path(__file__).parents[3] / "data/formats"
_BY_SCHEMA: Final = ("confluent", "glue")


class Sample(NamedTuple):
    """One record.

    :ivar schemas: texts by the names of their files.
    """

    by: str
    schemas: dict[str, str]
    line: dict[str, Any]


def samples() -> Iterator[tuple[str, Sample]]:
    """Yield each with its name. A line is a record, or says who wrote those that follow, or what schema they have."""
    for path in sorted(FOLDER.glob("*.jsonl")):
        by, schemas = "", {}
        for text in path.read_text("utf-8").splitlines():
            line = json.loads(text)
            if "by" in line:
                by = line["by"]
            elif "schema" in line:
                schemas[f"{line['schema']}.{line['suffix']}"] = line["text"]
            else:
                yield f"{path.stem}/{line['name']}", Sample(by, schemas, line)


SAMPLES: Final = dict(samples())


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Schemas in a folder for each file of samples, as decoders look for them."""
    made: dict[str, Path] = {}
    for name, sample in SAMPLES.items():
        origin = name.partition("/")[0]
        if origin not in made:
            made[origin] = tmp_path_factory.mktemp("schemas")
        folder = made[origin]
        for file, text in sample.schemas.items():
            (folder / file).write_text(text, "utf-8")
    return made


@pytest.fixture(scope="module")
def chain_of(folders: dict[str, Path]) -> Callable[[str, Any], Chain]:
    """Chains, each made once: it remembers schemas, whose reading takes long."""

    @cache
    def made(origin: str, steps: tuple[str, ...]) -> Chain:
        options = {"folder": str(folders[origin])}
        format_ = [{step: options} if step in _BY_SCHEMA else step for step in steps]
        return open_chain(Settings.model_validate({"stream": {"format": format_}}), NoMetrics(), Log())

    return lambda origin, format_: made(origin, (format_,) if isinstance(format_, str) else tuple(format_))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_recorded_sample_is_read_as_its_writer_says(name: str, chain_of: Callable[[str, Any], Chain]) -> None:
    by, _, line = SAMPLES[name]
    record = line["text"].encode() if "text" in line else b64decode(line["record"])

    parts = chain_of(name.partition("/")[0], line["format"]).decode(record)

    assert [_shown(part) for part in parts] == _expected(line), by


def test_behind_an_opened_envelope_the_tags_mean_the_fields_that_are_there(
    chain_of: Callable[[str, Any], Chain],
) -> None:
    line = SAMPLES["java-avro/change-opened"].line
    whole, opened = (
        chain_of("java-avro", format_).decode(b64decode(line["record"])) for format_ in ("confluent", line["format"])
    )
    assert [_tagged(part) for part in (*whole, *opened)] == [{"before.card", "after.card"}, {"card"}]


def _tagged(part: Part) -> set[str]:
    assert isinstance(part, Decoded)
    assert part.schema
    return {".".join(tag.path) for tag in part.schema.tags}


def _expected(line: dict[str, Any]) -> list[Any]:
    if "documents" not in line:
        return [(kind, line[kind]) for kind in ("code", "rule") if kind in line]
    return [_exact(each) for each in line["documents"]]


def _shown(part: Part) -> Any:
    match part:
        case Decoded(data):
            return _exact(data.decode())
        case Undecodable(code):
            return ("code", code)
        case LeftOut(rule):
            return ("rule", rule)


def _exact(text: str) -> Any:
    """Return JSON with numbers of all their digits."""
    return json.loads(text, parse_float=Decimal)
