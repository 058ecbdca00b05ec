"""Runs one other tool over texts; by the interpreter of an environment where it is installed.

    python baseline_worker.py TOOL < {"texts": [...], "timed": [...]} > {"version", "spans", "seconds"}

Imports nothing of this project, and of the tools only the one asked for. `spans`: for each text [[start, end], ...];
`seconds`: of one core, for all of `timed`.
"""

import importlib.metadata
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

Spans = list[tuple[int, int]]


def presidio() -> Callable[[str], Spans]:
    """The pattern recognisers of the kinds compared, without a language model."""
    from presidio_analyzer import predefined_recognizers as known  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415

    recognisers: list[Any] = [
        known.CreditCardRecognizer(),
        known.UsSsnRecognizer(),
        known.IbanRecognizer(),
        known.EmailRecognizer(),
        known.PhoneRecognizer(),
        known.IpRecognizer(),
    ]

    def find(text: str) -> Spans:
        found = [one for each in recognisers for one in each.analyze(text, each.supported_entities, None) or ()]
        return [(one.start, one.end) for one in found]

    return find


def scrubadub() -> Callable[[str], Spans]:
    import scrubadub as library  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415

    scrubber = library.Scrubber(locale="en_US")
    return lambda text: [(filth.beg, filth.end) for filth in scrubber.iter_filth(text)]


def datafog() -> Callable[[str], Spans]:
    """The regex engine, of the labels compared."""
    from datafog.processing.text_processing.regex_annotator import RegexAnnotator  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415

    annotator = RegexAnnotator()
    kept = {"EMAIL", "PHONE", "SSN", "CREDIT_CARD", "IP_ADDRESS", "DE_IBAN"}

    def find(text: str) -> Spans:
        _, result = annotator.annotate_with_spans(text)
        return [(span.start, span.end) for span in result.spans if span.label in kept and span.end > span.start]

    return find


TOOLS = {
    "presidio-analyzer": presidio,
    "scrubadub": scrubadub,
    "datafog": datafog,
}


def main() -> None:
    # Whatever the library prints is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    logging.disable(logging.CRITICAL)
    os.environ.setdefault("DATAFOG_NO_TELEMETRY", "1")
    task = json.load(sys.stdin)
    find = TOOLS[sys.argv[1]]()
    spans = [find(text) for text in task["texts"]]
    start = time.process_time()
    for text in task["timed"]:
        find(text)
    seconds = time.process_time() - start
    json.dump({"version": importlib.metadata.version(sys.argv[1]), "spans": spans, "seconds": seconds}, answers)


if __name__ == "__main__":
    main()
