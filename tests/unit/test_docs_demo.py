"""The run of the demo that the README shows is one of today's transactions, policy and settings."""

from collections import Counter

from consumer.decoding.documents import judged
from consumer.decoding.loading import Unread, open_chain
from consumer.dynamodb.item import item_encoder
from consumer.errors import EncodeError
from consumer.local.demo import DEFAULT_RECORDS
from consumer.local.transactions import transactions
from consumer.logs import get_logger
from consumer.record import Record
from consumer.redactors.loading import load_plugin
from consumer.settings import load_settings
from docs.demo_tables import report
from redaction.plugin import Rejected, Released

AGAIN = 'once: make demo ARGS="--report docs/demo.json" && make docs'


def test_the_kept_run_ends_as_a_run_of_today_would() -> None:
    settings = load_settings(None)
    chain, encoder = open_chain(settings, Unread(), get_logger("test")), item_encoder(settings, "shardId-0", "", "")
    made = enumerate(transactions(1, DEFAULT_RECORDS))
    records = [Record(str(number), 0, 0, each.data, each.partition_key) for number, each in made]
    ends: Counter[str] = Counter()
    for ((record, verdict),) in judged(chain, load_plugin(settings), records):  # each holds one document
        try:
            assert isinstance(verdict, Released | Rejected)
            ends["stored"] += isinstance(verdict, Released) and bool(encoder.encode(verdict.document, record))
        except EncodeError:
            pass
    kept = report()
    assert kept.is_good
    assert {"stored": kept.stored, "quarantined": kept.quarantined} == {
        "stored": ends["stored"],
        "quarantined": DEFAULT_RECORDS - ends["stored"],
    }, AGAIN
    assert kept.produced == DEFAULT_RECORDS
