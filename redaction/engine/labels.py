r"""Names within texts, and the values behind them: `cvv=123`, `"cvv":`, `cvv: 123`, `card[cvv]=`, `<cvv>123</cvv>`.

A text is only looked into where one of the patterns here matches; whether what stands there is a name that a rule
speaks of, is decided by the whole of it.
"""

import re
from collections.abc import Container, Iterable
from typing import Final, NamedTuple
from urllib.parse import unquote

from redaction.detectors.base import Span
from redaction.engine.encodings import ENCODED, ESCAPED
from redaction.policy.selectors import ANY, NAME, NAME_PATTERN, Selector
from redaction.policy.words import BEHIND, Core, Grammar

# Separators that may stand between the letters of a name; see `normalize`.
_BETWEEN: Final = rb"[ _.-]{0,2}"
# And between its words; brackets as in a form, percent-encoded or not.
_BETWEEN_WORDS: Final = rb"(?:[ _./\[\]-]{1,2}|%5[BDbd]){0,2}"
_CLOSING: Final = rb"(?:\]|%5[Dd])?"
# A label ends in `":`, `':`, `=`, `=>`, `:` (in French behind a space) or, as the name of an element, in `>` behind its
# attributes. White space is escaped in a serialised text, as a quote is.
_SPACE_IN_TEXT: Final = rb"[ \x1d]{0,8}"
_SPACE_IN_SERIALISED: Final = rb"(?:[ \x1d\x7f]|\\+[nrtbf]){0,8}"
_ATTRIBUTES: Final = rb"(?: [^<>\n]*)?"
# In a sentence a name is told by a small word; or there stands a date at once, or a code of three or four digits.
_TOLD: Final = rb"(?i: (?:is|was|ist|war|est|es|era):? )"
_DATE: Final = rb"\.? [0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]{2,4}\b"
_CODE: Final = rb" [0-9]{3,4}\b"
WORDS_BETWEEN: Final = 4
"""May stand between a secret's name and its colon: `password for the portal: ...`"""

_BETWEEN_NAME_AND_COLON: Final = rb"(?: [A-Za-z?]{1,16}){1,%d} ?: " % WORDS_BETWEEN
_END: Final = rb"(?:%b%b(?::|=>)|%b==?>?| ?:|" + _ATTRIBUTES + rb">|" + _TOLD + rb"|" + _DATE + rb")"
_END_IN_TEXT: Final = _END % (rb"\\*[\"']", _SPACE_IN_TEXT, _SPACE_IN_TEXT)
_END_IN_SERIALISED: Final = _END % (rb"(?:\\+\"|')", _SPACE_IN_SERIALISED, _SPACE_IN_SERIALISED)
# A string that begins as an object or a list does, whatever is in it.
_JSON_IN_TEXT: Final = rb"\"%b[{\[]" % _SPACE_IN_TEXT
_JSON_IN_SERIALISED: Final = rb"\"%b[{\[]" % _SPACE_IN_SERIALISED


def _any_label(quote: bytes, space: bytes) -> bytes:
    # A colon before slashes is a URL's, one between digits a time's.
    return b"|".join(
        (
            rb"[A-Za-z0-9_.?\]-](?:%b%b(?::|=>)|%b=)" % (quote, space, space),
            rb"[A-Za-z_.?\]-] ?:[^/]|[0-9]:[^/0-9]|[0-9] :",
            rb"[A-Za-z0-9_.?\"'-]>",
            rb"[A-Za-z0-9_.?\]-](?:%b|%b)" % (_TOLD, _DATE),
        )
    )


# Wherever a text may have a label, in a pattern without names.
_ANY_IN_SERIALISED: Final = b"|".join((_any_label(rb"(?:\\+\"|')", _SPACE_IN_SERIALISED), _JSON_IN_SERIALISED))
# What stands before a text ends in a quote; the name of its field is no label.
_ANY_IN_TEXT: Final = b"|".join((rb"\"[^\n]*(?:%b)" % _any_label(rb"\\*[\"']", _SPACE_IN_TEXT), _JSON_IN_TEXT))


class Label(NamedTuple):
    """A name in a text, and where it and its value are. `loose`: after a colon, as words of a sentence may be, too.

    `spoken`: it is a sentence's.
    """

    name: str
    start: int
    value: Span
    loose: bool
    spoken: bool = False


class Labels:
    """The names of one policy, as they may stand in texts.

    :param selectors: those of rules that hide something.
    :param codes: the rules of the grammar whose words name what may be a few digits.
    :param secrets: those whose words may have others between them and a colon.
    """

    def __init__(
        self,
        selectors: Iterable[Selector],
        grammar: Grammar,
        codes: Container[str] = (),
        secrets: Container[str] = (),
    ) -> None:
        spellings = [_spelling(name) for name in label_names(selectors)]
        # A word without an ASCII letter would be found in every text: in a view it has no letter of its own.
        hiding = [core for core in grammar.cores if core.rule is not None and _HAS_LETTER(core.text)]
        if hiding:
            spellings.append(_words(hiding))
        self._names: Final = b"(?i:%b)" % b"|".join(spellings) if spellings else b""
        of_codes = [core for core in hiding if core.rule in codes]
        of_secrets = [core for core in hiding if core.rule in secrets and not core.hint]
        self._codes: Final = [
            b"(?i:%b)%b" % (_words(cores), end)
            for cores, end in ((of_codes, _CODE), (of_secrets, _BETWEEN_NAME_AND_COLON))
            if cores
        ]

    def __bool__(self) -> bool:
        return bool(self._names)

    @property
    def any_in_serialised(self) -> bytes:
        """Matches wherever `in_serialised` does, and more: no names are compared."""
        return b"|".join((ESCAPED, _ANY_IN_SERIALISED, *self._codes)) if self else ESCAPED

    @property
    def any_in_text(self) -> bytes:
        """Matches wherever `in_text` does, but for base64, and more: no names are compared."""
        return b"|".join((ESCAPED, _ANY_IN_TEXT, *self._codes)) if self else ESCAPED

    @property
    def in_serialised(self) -> bytes:
        """Matches serialised JSON wherever a text of it may have to be looked into, but for base64."""
        if not self:
            return ESCAPED
        return b"|".join((ESCAPED, self._names + _END_IN_SERIALISED, _JSON_IN_SERIALISED, *self._codes))

    @property
    def in_text(self) -> bytes:
        """Matches the same in the view of a text, with what stands before it in JSON."""
        return b"|".join((ENCODED, self.pattern, _JSON_IN_TEXT)) if self else ENCODED

    @property
    def pattern(self) -> bytes:
        """Matches labels alone, up to where the value begins."""
        return b"|".join((self._names + _END_IN_TEXT, *self._codes)) if self else b""


def label_names(selectors: Iterable[Selector]) -> list[str]:
    """Give the names, `*` included, that select a field wherever it stands: normalised, and as they are written."""
    named = [each for each in selectors if each.rank in {NAME, NAME_PATTERN}]
    written = {_unseparated(each.text) for each in named if not each.text.isascii()}
    return sorted({each.segments[1] for each in named} | written)


def _unseparated(name: str) -> str:
    """Leave out what separates, but fold nothing: as a name's letters may stand in a text."""
    return "".join(char for char in name if char.isalnum() or char == ANY)


def _spelling(name: str) -> bytes:
    parts = [rb"[A-Za-z0-9_.-]*" if char == ANY else _letter(char) for char in name.strip(ANY)]
    tail = rb"[A-Za-z0-9_.-]*" if name.endswith(ANY) else b""
    return _BETWEEN.join(parts) + tail


def _letter(char: str) -> bytes:
    # In a view a letter that is not ASCII is `x`, `?`, or with an accent of its own a letter and `?`.
    return re.escape(char).encode() if char.isascii() else rb"[A-Za-z]?[x?]{0,2}"


def _words(cores: Iterable[Core]) -> bytes:
    return b"(?:%b)%b" % (b"|".join(_word_spelling(core.text) for core in cores), _BEHIND)


def _word_spelling(text: str) -> bytes:
    words = re.findall(r"\d+|[^\W\d_]+", text.casefold())
    return _BETWEEN_WORDS.join(b"".join(map(_letter, word)) for word in words)


_BEHIND: Final = rb"(?:e?s)?(?:%b(?:%b|[0-9]{1,4})s?)*%b" % (
    _BETWEEN_WORDS,
    "|".join(sorted(BEHIND)).encode(),
    _CLOSING,
)

# A label's value, in a view: quoted, a list or an object, or up to what ends it in a query, a header, a log line.
# Groups of digits, and of four letters as in an IBAN, belong together: with one hidden nobody would know the others for
# what they are. A card's track begins with a semicolon. What has no end goes to the end of the text.
_GROUPS = rb"(?:[ .()/\x1c-]{1,4}(?:[0-9]+|[A-Z]{4}(?=[ .\x1c-][0-9A-Z])))*"
_VALUE = re.compile(
    rb"""[ \x1d]{0,8}(?:(?P<mark>\\{0,8}["'])(?!(?P=mark))(?P<quoted>.+?)(?:(?<!\\)(?P=mark)|\Z)"""
    rb"""|(?P<list>[\[{])"""
    rb"""|(?P<bare>(?:;(?=[0-9]))?[^ \x1d&;,"'\\<>{}\[\]|=][^ \x1d&;,"'\\<>{}\[\]|=]*={0,2}""" + _GROUPS + rb"))",
    re.DOTALL,
)
_OPEN, _CLOSE = b"<![CDATA[", b"]]>"
_BLANK = b" \x1d"
_NOT_BLANK = re.compile(rb"[ \x1d]*")
_BRACKET = re.compile(rb"""[\[\]{}"']""")
_NAME_END = re.compile(r"""[\\"'\s:=>]+$""")
_NAME_CHARS = "_-.[]%"
_MAX_NAME = 64
_HAS_LETTER = re.compile("[A-Za-z]").search
_CODE_BEHIND = re.compile(rb" ([0-9]{3,4})\Z")


def label_at(text: str, seen: bytes, start: int, end: int) -> Label | None:
    """Give the whole label that a pattern found at `text[start:end]`, `seen` being its view; None: it is none."""
    if seen[end - 1 : end] == b">" and seen[end - 2 : end - 1] != b"=":
        return _element(text, seen, start, end)
    if (seen[end - 1 : end] == b" " and seen[end - 2 : end - 1] != b":") or seen[end - 1 : end].isdigit():
        return _spoken(text, seen, start, end)
    if seen[end - 2 : end] == b": ":
        end -= 1
    loose = seen[end - 1 : end] == b":" and seen[start : end - 1].rstrip(b" ")[-1:] not in b"\"'\x1d"
    if loose and (seen[end : end + 1] == b"/" or (seen[end - 2 : end - 1] + seen[end : end + 1]).isdigit()):
        return None
    span = label_value(seen, end)
    if span is None or (loose and seen[span[0] : span[0] + 1] in b"[{"):
        return None
    first = _name_start(text, start, end)
    if loose and seen[max(0, first - 1) : first] in {b":", b"/"}:
        return None  # within `arn:aws:secretsmanager:us-east-1:111122223333:secret:id`
    return Label(_name(text[first:end]), first, span, loose and seen[span[0] - 1 : span[0]] not in b"\"'")


def _spoken(text: str, seen: bytes, start: int, end: int) -> Label | None:
    value = end if seen[end - 1 : end] == b" " else seen.rfind(b" ", start, end) + 1
    name_end = seen.rfind(b" ", start, end - 1) if value == end else value - 1
    span = label_value(seen, end) if value == end else (value, end)
    if value == end and (code := _CODE_BEHIND.search(seen, start, name_end)):
        span, name_end = code.span(1), code.start()  # `cvv 123 is mine`
    first = _name_start(text, start, name_end)
    name = _name(text[first:name_end])
    if span is None:
        return None
    return Label(name, first, span, loose=True, spoken=True)


def _element(text: str, seen: bytes, start: int, end: int) -> Label | None:
    first = start
    while first > 0 and start - first < _MAX_NAME and (text[first - 1].isalnum() or text[first - 1] in "_-.:"):
        first -= 1
    if seen[first - 1 : first] != b"<":
        return None
    span = _content(seen, end)
    return Label(text[first:end].partition(" ")[0].rstrip(">"), first, span, loose=False) if span else None


def _content(seen: bytes, start: int) -> Span | None:
    """Find the text of an element that begins before `start`; None: there is none, or it holds other elements."""
    start = _NOT_BLANK.match(seen, start).end()  # type: ignore[union-attr]
    closing = b"<"
    if seen.startswith(_OPEN, start):
        start, closing = start + len(_OPEN), _CLOSE
    end = seen.find(closing, start)
    end = len(seen) if end < 0 else end
    if end < len(seen) and not seen.startswith((b"</", _CLOSE), end):
        return None
    end -= len(seen[start:end]) - len(seen[start:end].rstrip(_BLANK))
    return (start, end) if start < end else None


def _name_start(text: str, start: int, end: int) -> int:
    while start > 0 and end - start < _MAX_NAME and (text[start - 1].isalnum() or text[start - 1] in _NAME_CHARS):
        start -= 1
    return start


def _name(text: str) -> str:
    name = _NAME_END.sub("", text)
    return unquote(name) if "%" in name else name


def label_value(seen: bytes, position: int) -> Span | None:
    """Find the value that follows a label which ends at `position` of a view."""
    match = _VALUE.match(seen, position)
    if not match:
        return None
    kind = next(kind for kind in ("quoted", "list", "bare") if match[kind])
    start, end = match.span(kind)
    if kind == "list":
        return start, _bracket_end(seen, start)
    if kind == "bare":
        # As the record of some language is written: `Card(pin=12)`.
        value = seen[start:end]
        excess = value.count(b")") - value.count(b"(")
        end -= min(max(excess, 0), len(value) - len(value.rstrip(b")")), len(value) - 1)
    return start, end


def rest_of_line(seen: bytes, label: Label) -> Span:
    """Find all of a header's value: up to the end of the line, or to the quote that began before its name."""
    first = label.value[0]
    end = seen.find(b"\x1d", first)
    end = len(seen) if end < 0 else end
    quote = seen[max(0, label.start - 1) : label.start]
    if quote in {b'"', b"'"}:
        closing = seen.find(quote, first, end)
        end = end if closing < 0 else closing
    return first, end


def _bracket_end(seen: bytes, start: int) -> int:
    """Where a list or an object ends; if it does not, the end of the text."""
    depth, quote = 0, b""
    for match in _BRACKET.finditer(seen, start):
        sign = match[0]
        if sign in {b'"', b"'"}:
            quote = b"" if sign == quote else quote or sign
        elif not quote:
            depth += 1 if sign in {b"[", b"{"} else -1
            if depth == 0:
                return match.end()
    return len(seen)
