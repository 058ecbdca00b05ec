"""`sanitizer init`."""

import shlex
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import click

from consumer.errors import UsageError
from consumer.settings.commented import commented
from consumer.terminal.options import examples
from consumer.terminal.printable import echo

_SETTINGS: Final = "settings.yaml"
_POLICY: Final = "policy.yaml"
_SAMPLE: Final = "sample.jsonl"
_PACKAGED: Final = (_POLICY, "policy.test.yaml", _SAMPLE)
_CHOSEN: Final[Mapping[str, Mapping[str, Any]]] = {
    "stream": {"name": "transactions"},
    "kcl": {"application": "kinesis-sanitizer"},
    "output": {
        "table": "sanitized-transactions",
        "partition_key": "{user_id}",
        "sort_key": "{timestamp}#{shard}#{sequence}#{sub}",
    },
    "quarantine": {"table": "sanitizer-quarantine"},
    "redaction": {"options": {"policy": _POLICY}},
}


@click.command(
    epilog=examples(
        "sanitizer init",
        "sanitizer init my-service",
    )
)
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
def init(folder: Path) -> None:
    """Write settings, a policy with its tests and sample records to begin with, into FOLDER (default: this one).

    Nothing is overwritten: if one of the files is there, none is written, and the exit status is 2.
    """
    packaged = resources.files("consumer.commands").joinpath("starter")
    texts = {_SETTINGS: commented(_CHOSEN)}
    texts |= {name: packaged.joinpath(name).read_text(encoding="utf-8") for name in _PACKAGED}
    _write(folder, texts)
    for name in texts:
        echo(f"Wrote {folder / name}")
    settings, policy, sample = (shlex.quote(str(folder / name)) for name in (_SETTINGS, _POLICY, _SAMPLE))
    echo(
        "\nNext, what they say, and what becomes of the sample:\n\n"
        f"    sanitizer config check --config {settings}\n"
        f"    sanitizer policy test {policy}\n"
        f"    sanitizer redact --config {settings} --explain < {sample}"
    )


def _write(folder: Path, texts: dict[str, str]) -> None:
    there = [str(folder / name) for name in texts if (folder / name).exists()]
    if there:
        raise UsageError(f"{' and '.join(there)} {'are' if there[1:] else 'is'} there already: nothing was written.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written to: {error.strerror}.") from None
