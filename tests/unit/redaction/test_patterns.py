"""RE2 is used by private attributes of its wrapper: this must find what the wrapper finds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction import patterns
from redaction.engine import from_options
from redaction.patterns import agrees_with_re2, compile_bytes, spans
from redaction.plugin import PluginInvalid

PATTERNS = [compile_bytes(pattern) for pattern in (b"a", b"a+b|ba", b"[\\x80-\\xff]+", rb"\bab*\b")]


@given(
    st.sampled_from(PATTERNS), st.lists(st.sampled_from([b"a", b"b", b" ", b"\xff", b"\0", b"\n"])), st.integers(0, 5)
)
def test_the_spans_are_those_of_re2s_own_matches(pattern: Any, parts: list[bytes], position: int) -> None:
    text = b"".join(parts)
    position = min(position, len(text))
    assert list(spans(pattern, text, position)) == [match.span() for match in pattern.finditer(text, position)]


class Changed:
    """A pattern of a release whose `Match` is another."""

    def __init__(self, compiled: Any, answer: Any) -> None:
        self.finditer = compiled.finditer
        if answer is not None:
            self._regexp = self
            self.Match = answer


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="the attribute is gone"),
        pytest.param(lambda anchor, text: [], id="other arguments"),  # noqa: ARG005
        pytest.param(lambda *_: [(-1, -1)], id="another answer"),
    ],
)
def test_a_release_that_works_otherwise_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    assert agrees_with_re2()
    compiled = compile_bytes
    monkeypatch.setattr(patterns, "compile_bytes", lambda pattern: Changed(compiled(pattern), answer))
    assert not agrees_with_re2()
    with pytest.raises(PluginInvalid, match=r"^google-re2 \S+ would not be used"):
        from_options({})
