"""The laws of tokenise, hash and encrypt."""

import base64
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TypeAlias

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from redaction.actions.base import KeyedAction, Scalar
from redaction.actions.encrypt import CannotDecrypt, Encrypt, decrypt
from redaction.actions.letters import LETTERS, from_letters, label, to_letters
from redaction.actions.mask import Mask
from redaction.actions.tokenise import Hash, Tokenise
from redaction.detectors.base import Detector
from redaction.detectors.registry import detectors
from redaction.engine.finder import Finder
from redaction.keys import Key, Keyring

Make: TypeAlias = type[Tokenise] | type[Hash] | type[Encrypt]

CARD = "4111 1111 1111 1111"
# As parsing gives them: what has neither fraction nor exponent is an int.
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False).filter(lambda number: number.as_tuple().exponent != 0)
# Lone surrogates too: nothing that reaches an action may make it fail.
TEXTS = st.text(st.characters(exclude_categories=[]))
SCALARS: st.SearchStrategy[Scalar] = st.one_of(TEXTS, st.booleans(), st.integers(), DECIMALS)

FINDER = Finder(list(detectors().values()))

each = pytest.mark.parametrize("make", [Tokenise, Hash, Encrypt], ids=lambda make: make.name)


@each
@given(value=SCALARS)
def test_equal_values_get_equal_results_and_a_result_stays_as_it_is(make: Make, ring: Keyring, value: Scalar) -> None:
    action = make(ring, "rule")
    result = action(value, None)
    assert isinstance(result, str)
    assert result == make(ring, "rule")(value, None)
    assert action(result, None) == result
    assert action.own(result)
    assert not re.search(r"[0-9]", result)


@each
def test_the_shape(make: Make, ring: Keyring) -> None:
    prefix, letters = {"tokenise": ("tok", 48), "hash": ("mac", 80), "encrypt": ("enc", 2 * (4 + 16 + 1 + 19))}[
        make.name
    ]
    result = make(ring, "rule_10")(CARD, None)
    assert re.fullmatch(f"{prefix}_rule_onezero_a_[{LETTERS.decode()}]{{{letters}}}", str(result))


@each
def test_the_type_is_the_fixed_one_else_the_kinds_else_the_rules(make: Make, ring: Keyring, kind: Detector) -> None:
    assert str(make(ring, "rule", "fixed")(CARD, kind)).split("_")[1] == "fixed"
    assert str(make(ring, "rule")(CARD, kind)).split("_")[1] == "spelled"
    assert str(make(ring, "rule")(CARD, None)).split("_")[1] == "rule"


@each
@given(text=TEXTS)
def test_types_and_keys_separate_equal_values(
    make: Make, ring: Keyring, rotated: Keyring, stranger: Keyring, text: str
) -> None:
    actions = [make(ring, "one"), make(ring, "two"), make(rotated, "one"), make(stranger, "one")]
    letters = {str(action(text, None)).rsplit("_", 1)[1] for action in actions}
    assert len(letters) == len(actions)


@each
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_another_spelling_of_a_result_is_forged(make: Make, ring: Keyring, stranger: Keyring, text: str) -> None:
    action = make(ring, "rule")
    real = str(action(text, None))
    changed = real[:-1] + ("g" if real[-1] != "g" else "h")
    moved = real.replace("_rule_", "_other_").replace("_a_", "_b_")
    retyped = real.replace("_rule_", "_other_")
    shorter, longer = real[:-1], real + "g"
    for forged in (changed, moved, retyped, shorter, longer, real.upper(), str(make(stranger, "rule")(text, None))):
        assert not action.own(forged)
        remade = action(forged, None)
        assert remade != forged
        assert action.own(str(remade))


@each
@given(type_=st.text("abc_", min_size=1, max_size=5), letters=st.text(LETTERS.decode(), min_size=20, max_size=90))
def test_a_guess_is_not_recognised(make: Make, ring: Keyring, type_: str, letters: str) -> None:
    prefix = str(make(ring, "rule")("x", None))[:4]
    assert not make(ring, "rule").own(f"{prefix}{type_}_a_{letters}")


@each
@given(text=TEXTS)
def test_after_a_rotation_new_values_use_the_new_key_and_old_results_stay(
    make: Make, ring: Keyring, rotated: Keyring, text: str
) -> None:
    old = str(make(ring, "rule")(text, None))
    after = make(rotated, "rule")
    assert after(old, None) == old
    assert "_b_" in str(after(text, None))
    assert not make(ring, "rule").own(str(after(text, None)))


@each
def test_a_pinned_key_id_makes_new_values_as_before(make: Make, ring: Keyring, rotated: Keyring) -> None:
    keys = [Key(key_id, secret) for key_id, secret in rotated._secrets.items()]
    pinned = Keyring("customer", keys, key_id="a")
    assert make(pinned, "rule")(CARD, None) == make(ring, "rule")(CARD, None)
    newer = str(make(rotated, "rule")(CARD, None))
    assert make(pinned, "rule")(newer, None) == newer


@each
@given(parts=st.lists(st.text("abt ok_encmacgh.é😀", max_size=12), min_size=2, max_size=5), value=st.text(max_size=8))
def test_results_are_found_in_a_text_and_nothing_else(make: Make, ring: Keyring, parts: list[str], value: str) -> None:
    action = make(ring, "rule")
    result = str(action(value, None))
    text, spans = parts[0], []
    for part in parts[1:]:
        spans.append((len(text), len(text) + len(result)))
        text += result + part
    assert list(action.find_own(text)) == spans
    assert action.find_own("".join(parts)) == []


@each
def test_what_is_glued_to_a_result_is_no_part_of_it(make: Make, ring: Keyring) -> None:
    action = make(ring, "rule")
    result = str(action(CARD, None))
    for before, after in (("tok_mac_enc_", "ghgh"), ("x_", "_tok_"), ("tok_a_", "")):
        assert action.find_own(before + result + after) == [(len(before), len(before) + len(result))]
    assert not action.own(f"x {result}")


@each
@pytest.mark.parametrize("type_", ["g" * 64, "a_b_" + "t" * 60, "x_gggggggg_y", "tok_enc_mac", "_"])
@pytest.mark.parametrize("key_id", ["a", "ghjklmnpqrstvwxz"])
def test_no_type_and_no_id_blurs_where_a_result_begins_and_ends(make: Make, type_: str, key_id: str) -> None:
    action = make(Keyring("customer", [Key(key_id, b"\x01" * 32)]), type_)
    result = str(action("", None))
    assert action.own(result)
    assert action.find_own(result + result) == [(0, len(result)), (len(result), 2 * len(result))]


@each
@given(text=st.text(), kind=st.sampled_from([None, *detectors().values()]))
def test_no_detector_finds_anything_in_a_result(make: Make, ring: Keyring, text: str, kind: Detector | None) -> None:
    result = str(make(ring, "rule_16")(text, kind))
    assert FINDER.find_in(result) == []
    assert FINDER.find_in(f"{result} {result}") == []


@each
def test_safe_to_share_between_threads(make: Make, ring: Keyring) -> None:
    action = make(ring, "rule")
    values = [f"{number}" for number in range(500)] * 4
    expected = [make(ring, "rule")(value, None) for value in values]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda value: action(value, None), values)) == expected


@pytest.mark.parametrize("make", [Tokenise, Hash])
class TestJoins:
    def test_spellings_of_one_value(self, make: Make, ring: Keyring, kind: Detector) -> None:
        action = make(ring, "rule")
        results = {action(value, kind) for value in (CARD, "4111-1111-1111-1111", 4111111111111111)}
        assert len(results) == 1

    @given(number=st.one_of(st.integers(), DECIMALS), zeros=st.integers(0, 5))
    def test_spellings_of_one_number(self, make: Make, ring: Keyring, number: int | Decimal, zeros: int) -> None:
        sign, digits, exponent = Decimal(number).as_tuple()
        assert isinstance(exponent, int)
        other = Decimal((sign, (*digits, *[0] * zeros), exponent - zeros))
        assert other == number
        action = make(ring, "rule")
        assert action(number, None) == action(other, None)

    def test_numbers_texts_and_floats(self, make: Make, ring: Keyring) -> None:
        action = make(ring, "rule")
        assert len({action(value, None) for value in (4111, "4111", Decimal("4111.0"), 4111.0)}) == 1
        assert action(0.1, None) == action(Decimal("0.10"), None) == action("0.1", None)
        assert action(Decimal("-0.0"), None) == action(0, None)
        assert action(True, None) == action("true", None) != action(1, None)  # noqa: FBT003 - a value, no switch

    def test_composed_and_decomposed_letters(self, make: Make, ring: Keyring) -> None:
        assert make(ring, "rule")("Jos\u00e9", None) == make(ring, "rule")("Jose\u0301", None)

    @given(one=st.text(max_size=5), other=st.text(max_size=5))
    def test_texts_that_a_kind_leaves_nothing_of_stay_apart(
        self, make: Make, ring: Keyring, one: str, other: str
    ) -> None:
        class Digits:
            name = "digits"
            candidate = b"[0-9]"

            def find(self, view: bytes, start: int, end: int) -> list[tuple[int, int]]:
                raise NotImplementedError

            def mask(self, text: str) -> str:
                raise NotImplementedError

            def normalise(self, text: str) -> str:
                return re.sub("[^0-9]", "", text)

        one, other = re.sub("[0-9]", "", one), re.sub("[0-9]", "", other)
        assume(unicodedata.normalize("NFC", one) != unicodedata.normalize("NFC", other))
        assert make(ring, "rule")(one, Digits()) != make(ring, "rule")(other, Digits())


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (Tokenise, "tok_rule_a_krwpnwhlljxtzkqrmtklqgnqwlhszkgjvvnjnrrglrqhzgkv"),
        (Hash, "mac_rule_a_qghnslwkgvvknnlmlvpmjxnsrkrkzwgglhjvklsvgxmgnwrjpnjxrtrrpzszwpstvxkpqpzsktwjmxvt"),
        (Encrypt, "enc_rule_a_ggggggjljvnhrlrrlsmpvplwmpmrnklsgkvzwwksmsnwxlnmllwljksrhqssnrsmmhvmxvhltrlqmlxt"),
    ],
)
def test_what_is_stored_is_made_again_by_every_later_version(make: Make, text: str, ring: Keyring) -> None:
    assert make(ring, "rule")(CARD, None) == text


def test_a_token_is_no_start_of_a_hash(ring: Keyring) -> None:
    token, hashed = (str(make(ring, "rule")(CARD, None)).rsplit("_", 1)[1] for make in (Tokenise, Hash))
    assert not hashed.startswith(token[:32])


class TestDecrypt:
    @given(value=SCALARS)
    def test_gives_the_value_back(self, ring: Keyring, value: Scalar) -> None:
        back = decrypt(str(Encrypt(ring, "rule")(value, None)), ring)
        assert (back, type(back), repr(back)) == (value, type(value), repr(value))

    def test_a_float_comes_back_as_the_decimal_that_was_written(self, ring: Keyring) -> None:
        assert repr(decrypt(Encrypt(ring, "rule")(149.99, None), ring)) == "Decimal('149.99')"

    def test_spellings_are_kept(self, ring: Keyring, kind: Detector) -> None:
        assert decrypt(Encrypt(ring, "rule")(CARD, kind), ring) == CARD

    def test_works_after_a_rotation_and_with_long_texts(self, ring: Keyring, rotated: Keyring) -> None:
        text = "x" * 300_000
        sealed = Encrypt(ring, "rule")(text, None)
        assert decrypt(sealed, rotated) == text
        assert Encrypt(rotated, "rule").own(sealed)

    def test_says_what_is_wrong_without_the_text(self, ring: Keyring, rotated: Keyring, stranger: Keyring) -> None:
        sealed = Encrypt(ring, "rule")("secret", None)
        newer = Encrypt(rotated, "rule")("secret", None)
        cases = [
            ("secret", ring, "no text that the action encrypt made"),
            (f"{sealed}g", ring, "whole"),
            (sealed[:-2], ring, "whole"),
            (newer, ring, "id 'b'"),
            (sealed, stranger, "another key, or changed"),
            (sealed.replace("_rule_", "_role_"), ring, "another key, or changed"),
        ]
        for text, keys, words in cases:
            with pytest.raises(CannotDecrypt, match=re.escape(words)) as error:
                decrypt(text, keys)
            assert text not in str(error.value)

    def test_a_ciphertext_is_longer_with_its_text_and_shows_only_that(self, ring: Keyring) -> None:
        one, two, long = (Encrypt(ring, "rule")(text, None) for text in ("abcd", "abce", "abcde"))
        assert len(one) == len(two) == len(long) - 2
        assert one.rsplit("_", 1)[1][8:16] != two.rsplit("_", 1)[1][8:16]


class TestLetters:
    @given(st.binary())
    def test_there_and_back(self, data: bytes) -> None:
        assert from_letters(to_letters(data)) == data

    @pytest.mark.parametrize("text", ["g", "GG", "aa", "00", "gé", "g g"])
    def test_other_texts_are_none(self, text: str) -> None:
        assert from_letters(text) is None

    @given(st.binary(min_size=12), st.integers(0, 3))
    def test_are_no_base64_of_text_at_any_offset(self, data: bytes, offset: int) -> None:
        letters = to_letters(data)[offset:]
        decoded = base64.b64decode(letters[: len(letters) // 4 * 4])
        assert all(byte > 127 for byte in decoded[::3])

    @given(st.text())
    def test_a_label_has_no_digit(self, type_: str) -> None:
        assert re.fullmatch("[a-z_]{1,40}", label(type_))


def test_actions_show_no_key(ring: Keyring) -> None:
    secret = re.compile("\x01|x01|" + (b"\x01" * 8).hex())
    for thing in (ring, *(make(ring, "rule") for make in (Tokenise, Hash, Encrypt))):
        assert not secret.search(repr(thing) + str(thing))
    assert not isinstance(Mask(), KeyedAction)
    assert isinstance(Tokenise(ring, "rule"), KeyedAction)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("piece", ["{prefix}", "{result}", "{prefix}" + "a_" * 20, "enc_x_a_gggihggg" + "g" * 40 + "!"])
@each
def test_the_time_to_search_grows_with_the_text_only(make: Make, ring: Keyring, piece: str) -> None:
    """Senders choose the text: heads of results that never come, and lengths that reach over all of it."""
    action = make(ring, "rule")
    forged = str(action(CARD, None))[:-1] + "!"
    text = piece.format(prefix=forged[:4], result=forged)
    assert action.find_own(text * (2**21 // len(text))) == []
