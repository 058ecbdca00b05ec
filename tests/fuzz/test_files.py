"""Whatever stands in a file that a person or a crash has written: the error of its kind, or none."""

import base64
from pathlib import Path
from typing import Final

import orjson
import yaml

from consumer import aws
from consumer.errors import SessionBroken, UsageError
from consumer.pipeline.crash_journal import CrashJournal, sights
from consumer.record import Record
from consumer.settings import load_settings
from redaction.built_in import built_in
from redaction.keys import KeyUnavailable, parse_keys
from redaction.plugin import PolicyError
from redaction.policy.file import parse_policy
from tests.fuzz.kit import CANARY, Fuzz

ROOT: Final = Path(__file__).parents[2]
POLICIES: Final = [(ROOT / f"redaction/policies/{name}.yaml").read_bytes() for name in built_in()] + [
    b"name: p\nversion: '1'\nextends: default\nfields:\n  - {id: a, names: [note], action: {mask: {keep_last: 4}}}\n",
    b"name: p\nversion: '1'\nfields: []\ndrop_records: [{id: t, field: a.b, equals: true}]\nlimits: {max_depth: 9}\n",
]
SETTINGS: Final = [
    (ROOT / "docs/examples.yaml").read_bytes(),
    b"stream:\n  name: orders\nkcl: {application: app, extra_properties: {maxLeasesForWorker: '5'}}\nhttp: {port: 0}\n",
    b"output: {write_mode: newest, version_field: at, partition_key: '{user_id}', sort_key: '{user_id}'}\n"
    b"quarantine: {fingerprint_key: %b0123456789abcdef}\n" % CANARY.encode(),
]
_SECRET: Final = base64.b64encode(bytes(range(32)))
KEYS: Final = [
    b"customer:\n  - {id: b, secret: %b}\n  - id: a\n    encrypted: %b\n" % (_SECRET, base64.b64encode(b"blob")),
    b'{"card": [{"id": "a", "secret": "%b"}]}' % _SECRET,
    b"card:\n  - {id: a, secret: %b}\n" % CANARY.encode(),
]


def test_a_policy_is_loaded_or_refused(fuzz: Fuzz) -> None:
    for text in fuzz.inputs(POLICIES):
        try:
            parse_policy(text.decode("utf-8", "replace"), "policy.yaml")
        except PolicyError:  # it shows what is wrong in the policy, which is nobody's data
            continue
        except Exception as error:
            raise AssertionError(fuzz.told(text, f"{type(error).__name__} got out")) from error


def test_settings_are_loaded_or_refused_without_a_value(fuzz: Fuzz, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    for text in fuzz.inputs(SETTINGS):
        # Names of settings, of fields and of the key templates' placeholders are shown: there the canary is none.
        shown = text.replace(CANARY.encode(), b"name") if _is_a_name(text) else text
        file.write_bytes(shown)
        with fuzz.only(shown, UsageError):
            load_settings(file)


def _is_a_name(text: bytes) -> bool:
    try:
        settings = yaml.safe_load(text)
        return _has_name(settings) or any(CANARY in str(settings.get(section)) for section in ("output", "stream"))
    except Exception:  # noqa: BLE001 - no YAML: no names
        return False


def _has_name(value: object) -> bool:
    if isinstance(value, dict):
        return any(CANARY in str(name) or _has_name(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(_has_name, value))


def test_keys_are_read_or_refused_without_a_word_of_them(fuzz: Fuzz) -> None:
    def unwrap(name: str, key_id: str, blob: bytes) -> bytes:
        del name, key_id
        return blob.ljust(32)[:32]

    for text in fuzz.inputs(KEYS):
        with fuzz.only(text, KeyUnavailable):
            for name, keys in parse_keys(text.decode("utf-8", "replace"), "keys.yaml", unwrap).items():
                assert name
                assert keys


def test_a_broken_crash_journal_is_said_or_survived(fuzz: Fuzz, tmp_path: Path) -> None:
    known, now = tmp_path / "shard.known", tmp_path / "shard.now"
    first, last = Record("1" * 56, 0, 0, b"{}"), Record("2" * 56, 3, 0, b"{}")
    journal = CrashJournal(tmp_path, "shard")
    with journal.redacting(first, last):
        maps = [now.read_bytes()]
    with journal.redacting(first, first, alone=True):
        maps.append(now.read_bytes())
    journal.close()
    learnt = [
        orjson.dumps({"suspects": [[["1" * 56, 0], ["2" * 56, 3]]], "condemned": [["1" * 56, 0, "redactor_died"]]}),
        b'{"suspects":[],"condemned":[]}',
    ]
    for number, data in enumerate(fuzz.inputs(maps + learnt)):
        (now if number % 2 else known).write_bytes(data)
        with fuzz.only(data, SessionBroken):
            again = CrashJournal(tmp_path, "shard")
            for record in (first, last):
                assert isinstance(again.verdict_on(record), (str, bool))
            again.forget_before(last)
            again.close()
        with fuzz.only(data):
            sights(tmp_path)
        known.unlink(missing_ok=True)
        now.write_bytes(maps[number % 2])


def test_an_error_of_dynamodb_has_a_harmless_code(fuzz: Fuzz) -> None:
    for body in fuzz.inputs(
        [b'{"__type":"com.amazonaws.dynamodb.v20120810#ValidationException","message":"x"}', b"[]"]
    ):
        with fuzz.only(body):
            code = aws.code_of(body)
            assert code == "" or (code.isascii() and code.isalpha() and len(code) <= 80)
