"""Presidio over parsed JSON, field by field: `python -m benchmarks.peers.presidio_engine DOCUMENTS`.

Its recognisers by pattern and checksum of the kinds compared, without a language model; run by the Python of the peers'
environment, where nothing of this project is installed.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.accuracy.baseline_worker import Spans, presidio
from benchmarks.peers.engine_process import serve


def redacted(value: Any, find: Callable[[str], Spans]) -> Any:
    """Return a document without what is found in its texts and numbers."""
    if isinstance(value, dict):
        return {name: redacted(each, find) for name, each in value.items()}
    if isinstance(value, list):
        return [redacted(each, find) for each in value]
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    left = cut(text, find(text))
    return value if left == text else left


def cut(text: str, spans: Spans) -> str:
    """Return a text with a mark in place of what is found; spans may overlap."""
    pieces, last = [], 0
    for start, end in sorted(spans):
        if end > last:
            pieces += [text[last : max(start, last)], "[REDACTED]" if start >= last else ""]
            last = end
    return "".join([*pieces, text[last:]])


def main() -> None:
    # The list of public suffixes is the one that came with the package: nothing is fetched.
    import tldextract.tldextract as suffixes  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415

    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(suffix_list_urls=())
    find = presidio()

    def one(body: bytes) -> bytes:
        document = redacted(json.loads(body), find)
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    def redact(batch: Sequence[bytes]) -> list[bytes]:
        return [one(body) for body in batch]

    serve(redact)


if __name__ == "__main__":
    main()
