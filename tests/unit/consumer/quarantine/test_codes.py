"""Each code that a quarantine entry may have has advice, and none else."""

import re
from pathlib import Path

import consumer
from consumer.functions import firehose
from consumer.pipeline import crash_journal
from consumer.quarantine.codes import ADVICE, REDACTION, WORKER

SOURCES = [path.read_text(encoding="utf-8") for path in Path(consumer.__file__).parent.rglob("*.py")]


def test_every_code_of_the_worker_has_advice_and_none_more() -> None:
    raised = {code for source in SOURCES for code in re.findall(r"""EncodeError\("(\w+)"\)""", source)}
    raised -= {code for code in raised if code in REDACTION}
    assert len(raised) > 12
    noted = {crash_journal.DIED, crash_journal.TIMED_OUT, "item_refused", firehose.TOO_LARGE, firehose.NOT_IN_TIME}
    assert raised | noted == set(WORKER)


def test_no_code_has_two_meanings() -> None:
    assert not set(REDACTION) & set(WORKER)


def test_advice_makes_sentences() -> None:
    for advice in ADVICE.values():
        assert not advice.means.endswith(".")
        assert not advice.to_do.endswith(".")
