"""Which records are one document as they were put: told by the compiled part as by Python."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.decoder import DecoderContext
from consumer.decoding.auto import Auto
from tests.kits.log import RecordingLog
from tests.kits.needs import needs_native
from tests.kits.pipeline import KeptOut

AUTO = Auto({}, DecoderContext("orders", 1 << 20, KeptOut(), RecordingLog()))
pieces = st.sampled_from(
    [b"{", b"}", b"[", b"]", b",", b'"', b"\n", b" ", b"\r\n", b"\t", b"a", b'{"a":1}', b"\\", b"\xff"]
)


@given(st.lists(st.lists(pieces, max_size=12).map(b"".join), max_size=4))
def test_the_compiled_part_tells_the_same(payloads: list[bytes]) -> None:
    needs_native()
    assert list(AUTO.not_passing(payloads)) == [n for n, data in enumerate(payloads) if not AUTO.passes(data)]
