"""Redaction plug-ins that do wrong, installed as a user would install them: nothing is released, nothing is lost."""

from pathlib import Path
from typing import Any

import pytest

from tests.kits.daemon import CARD, record

MODULE = f"""
from redaction.plugin import Rejected, Released

class Faulty:
    name, version, digest = "faulty", "1", "d"

    def __init__(self, redact):
        self.redact = redact

def fail(payloads):
    raise ValueError(payloads[0].decode())

def exit(payloads):
    raise SystemExit(payloads[0].decode())

KINDS = {{
    "raises": fail,
    "nothing": lambda payloads: None,
    "too_few": lambda payloads: [Released({{"user_id": "u"}}, b"")],
    "originals": lambda payloads: list(payloads),
    "texts": lambda payloads: [payload.decode() for payload in payloads],
    "odd_names": lambda payloads: [Released({{"user_id": "u", "timestamp": "t", 7: "{CARD}"}}, b"") for _ in payloads],
    "odd_values": lambda payloads: [Released({{"user_id": object()}}, b"") for _ in payloads],
    "no_numbers": lambda payloads: [Released({{"user_id": "u", "n": float("nan")}}, b"") for _ in payloads],
    "tells": lambda payloads: [Rejected(payload.decode(), payload.decode()) for payload in payloads],
    "exits": exit,
}}

def make(options):
    return Faulty(KINDS[options["kind"]])
"""


@pytest.fixture
def with_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_worker: Any) -> Any:
    """Install the plug-in for the processes that the test starts, and start a worker with it."""
    (tmp_path / "faulty.py").write_text(MODULE)
    metadata = tmp_path / "faulty-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[kinesis_sanitizer.redactors]\nfaulty = faulty:make\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return lambda kind: own_worker(redaction={"plugin": "faulty", "options": {"kind": kind}})


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("raises", "redactor_raised"),
        ("nothing", "redactor_invalid_verdict"),
        ("originals", "redactor_invalid_verdict"),
        ("texts", "redactor_invalid_verdict"),
        ("odd_names", "type_unsupported"),
        ("odd_values", "type_unsupported"),
        ("no_numbers", "number_range"),
        ("tells", "redactor_invalid_verdict"),
        ("exits", "redactor_raised"),
    ],
)
def test_every_record_of_a_faulty_plug_in_is_quarantined(with_plugin: Any, kind: str, code: str) -> None:
    worker = with_plugin(kind)
    child = worker.child().initialize()
    assert child.process_records(*(record(number) for number in range(1, 41))) == [("40", 0)]
    assert worker.quarantined(child.shard) == {f"{number}#0": code for number in range(1, 41)}
    assert worker.outcomes(child.shard) == {"quarantined": 40}
    assert worker.dynamodb.scan(TableName=worker.settings.output.table)["Count"] == 0
    assert CARD not in str(worker.dynamodb.scan(TableName=worker.settings.quarantine.table))
    assert child.hang_up() == 0
