"""What a policy makes of somebody's own records, as one page to look through and to sign: it loads nothing."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from types import EllipsisType
from typing import Final

from consumer.commands.policy_trial import Trial, listed
from redaction.comparison import same, shown_path
from redaction.engine import Step
from redaction.plugin import JSONValue, Released, Verdict
from redaction.serialize import serialize_value

MOST_SHAPES: Final = 100
"""So many records that differ in their fields, or in what is done to them, are shown."""

_STYLE: Final = """
body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top;border-bottom:1px solid #e3e6ea}
td:first-child{width:14rem}
ul{font-family:ui-monospace,monospace;list-style:none;padding-left:1.2rem;margin:0;overflow-wrap:anywhere}
section{border:1px solid #d0d5da;padding:.6rem 1rem;margin:1rem 0;break-inside:avoid}
span{color:#57606a}
del{background:#ffe0dc;color:#82071e}
ins{background:#d9f5e0;color:#04491c;text-decoration:none}
mark{background:#fff1c2}
.sign td{border-bottom:1px solid #1b1f24;height:3rem;width:50%}
"""
_KINDS: Final = {type(None): "null", bool: "true or false", str: "text", dict: "object", list: "list"}


class Page:
    """The page of a trial.

    :param values: whether it shows values; else their kinds.
    """

    def __init__(self, trial: Trial, *, values: bool) -> None:
        self._trial = trial
        self._values = values
        self._shapes: Counter[str] = Counter()
        self._shown: dict[str, str] = {}
        self._digest = hashlib.sha256()

    def add(self, payload: bytes, verdict: Verdict, steps: Sequence[Step]) -> None:
        """Take a record with what became of it."""
        self._digest.update(payload + b"\n")
        if not isinstance(verdict, Released):
            return
        before = json.loads(payload, parse_float=Decimal)
        shape = "".join(_Record(steps, values=False).lines((), before, verdict.document))
        self._shapes[shape] += 1
        if shape not in self._shown and len(self._shown) < MOST_SHAPES:
            shown = _Record(steps, values=True).lines((), before, verdict.document) if self._values else [shape]
            self._shown[shape] = "".join(shown)

    def written(self, file: str) -> str:
        """Return the page.

        :param file: name of the sample.
        """
        return "".join(self._parts(file))

    def _parts(self, file: str) -> Iterator[str]:
        trial, redactor = self._trial, self._trial.redactor
        title = f"{redactor.name}, version {redactor.version}"
        yield (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
            f"<h1>What the policy {escape(title)} makes of {escape(file)}</h1>"
        )
        yield _table(
            (),
            [
                ("digest of the policy", redactor.digest),
                ("SHA-256 of the records, a line each", self._digest.hexdigest()),
                ("tried", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
                ("records", f"{trial.records}, of which {trial.released} are released"),
                ("values", "shown: handle this page as the sample" if self._values else "not shown, only their kinds"),
            ],
        )
        if trial.released < trial.records:
            yield "<h2>Records that are not released</h2>"
            yield _table(("records", "why", ""), ((str(count), why, to_do) for why, count, to_do in trial.refusals()))
        paths = trial.paths()
        yield "<h2>Hidden</h2>"
        yield _table(
            ("values", "field", "by"),
            ((f"{each.hidden} of {each.values}", each.path, listed(each.by)) for each in paths if each.is_hidden),
        )
        yield "<h2>Released as they came, and searched</h2>"
        yield _table(("values", "field"), ((str(each.values), each.path) for each in paths if not each.is_hidden))
        yield "<h2>Records, before and after</h2>"
        yield (
            "<p>One for each set of fields and of what is done to them. <del>Taken out</del>, "
            "<ins>put in its place</ins>, <mark>by which rule or detector</mark>.</p>"
        )
        for shape, shown in self._shown.items():
            yield f"<section><p>{_counted(self._shapes[shape])}</p>{shown}</section>"
        if len(self._shapes) > len(self._shown):
            yield f"<p>{len(self._shapes) - len(self._shown)} more are not shown.</p>"
        yield (
            '<h2>Reviewed</h2><table class="sign"><tr><td>name, date</td><td>signature</td></tr></table>'
            "</body></html>\n"
        )


class _Record:
    """One record, marked up.

    :param steps: what was done to it.
    """

    def __init__(self, steps: Iterable[Step], *, values: bool) -> None:
        self._values = values
        self._done: dict[tuple[str, ...], dict[str, int]] = {}
        for step in steps:
            done = self._done.setdefault(step.path, {})
            done[f"{step.rule}: {step.action}"] = 1

    def lines(self, path: tuple[str, ...], before: JSONValue, after: "JSONValue | EllipsisType") -> Iterator[str]:
        """Write what stands at a path."""
        if isinstance(before, dict) and isinstance(after, dict):
            yield "<ul>"
            for name, value in before.items():
                yield f"<li>{self._name((*path, name), is_kept=name in after)}: "
                yield from self.lines((*path, name), value, after.get(name, ...))
                yield "</li>"
            for name in after.keys() - before.keys():
                yield f"<li><ins>{self._name((*path, name), is_kept=True)}</ins></li>"
            yield "</ul>"
        elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
            yield "<ul>"
            for one, other in zip(before, after, strict=True):
                yield "<li>- "
                yield from self.lines(path, one, other)
                yield "</li>"
            yield "</ul>"
        elif after is not ... and same(before, after):
            yield f"<span>{self._value(before)}</span>"
        else:
            put = "" if after is ... or not self._values else f" <ins>{self._value(after)}</ins>"
            by = listed(self._by(path))
            yield f"<del>{self._value(before)}</del>{put}{f' <mark>{escape(by)}</mark>' if by else ''}"

    def _name(self, path: tuple[str, ...], *, is_kept: bool) -> str:
        """Write a field's name; without values none that was taken out for what it may hold."""
        if self._values:
            return escape(path[-1])
        return escape(shown_path(path[-1:])) if is_kept or path in self._done else "?"

    def _by(self, path: tuple[str, ...]) -> dict[str, int]:
        while path and path not in self._done:
            path = path[:-1]
        return self._done.get(path, {})

    def _value(self, value: JSONValue) -> str:
        if self._values:
            return escape(serialize_value(value))
        return _KINDS.get(type(value), "number")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>" if body else "<p>None.</p>"


def _counted(records: int) -> str:
    return "1 record" if records == 1 else f"{records} records of this kind; the first:"
