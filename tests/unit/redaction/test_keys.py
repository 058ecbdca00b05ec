"""Keys, key files and what is derived from keys."""

import base64
import json
import re
import traceback
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from redaction.keys import Key, Keyring, KeyUnavailable, KnownKeys, parse_keys

SECRET = bytes(range(32))
WRITTEN = base64.b64encode(SECRET).decode()
OTHER = base64.b64encode(SECRET[::-1]).decode()

FILE = f"""\
# live keys, the one for new values first
customer:
  - id: b
    secret: {OTHER}
  - {{id: a, secret: {WRITTEN}}}
card:
  - {{id: kms, encrypted: {base64.b64encode(b"blob").decode()}}}
"""


def no_unwrapping(name: str, key_id: str, blob: bytes) -> bytes:
    raise AssertionError((name, key_id, blob))


def error_of(text: str) -> KeyUnavailable:
    with pytest.raises(KeyUnavailable) as caught:
        parse_keys(text, "keys.yaml", no_unwrapping)
    return caught.value


class TestKey:
    @pytest.mark.parametrize("key_id", ["", "A", "a1", "a_b", "x" * 17, "a\n"])
    def test_an_id_has_letters_only(self, key_id: str) -> None:
        with pytest.raises(KeyUnavailable, match="must match"):
            Key(key_id, SECRET)

    @pytest.mark.parametrize("length", [0, 16, 31, 33])
    def test_a_secret_has_32_bytes(self, length: int) -> None:
        with pytest.raises(KeyUnavailable, match=f"has {length} bytes"):
            Key("a", b"x" * length)

    def test_shows_no_secret(self) -> None:
        assert repr(Key("a", SECRET)) == "Key(id='a')"


class TestKeyring:
    def test_the_first_key_or_the_pinned_one_makes_new_values(self) -> None:
        keys = [Key("b", SECRET), Key("a", SECRET)]
        assert Keyring("customer", keys).active == "b"
        assert Keyring("customer", keys, "a").active == "a"
        assert Keyring("customer", keys, "a").ids == ("b", "a")

    def test_a_pinned_key_must_be_live(self) -> None:
        with pytest.raises(KeyUnavailable, match=r"'customer' has no live key id 'c' \(live: b, a\)"):
            Keyring("customer", [Key("b", SECRET), Key("a", SECRET)], "c")

    @pytest.mark.parametrize("ids", [[], ["a", "a"]])
    def test_needs_keys_with_different_ids(self, ids: list[str]) -> None:
        with pytest.raises(KeyUnavailable, match="at least one live key"):
            Keyring("customer", [Key(key_id, SECRET) for key_id in ids])

    def test_subkeys_differ_by_key_purpose_and_type(self) -> None:
        ring = Keyring("customer", [Key("a", SECRET), Key("b", SECRET[::-1])])
        wanted = [(key, purpose, type_) for key in "ab" for purpose in ("hash", "encrypt") for type_ in ("", "card")]
        made = {ring.subkey(*one) for one in wanted} | {ring.subkey("a", "hashcard"), ring.subkey("a", "", "hash")}
        assert len(made) == len(wanted) + 2

    def test_subkeys_do_not_depend_on_the_name_nor_ever_change(self) -> None:
        """Tokens that are stored depend on them."""
        subkey = Keyring("renamed", [Key("a", SECRET)]).subkey("a", "tokenise", "card")
        expected = HKDFExpand(SHA256(), 32, b"kinesis-sanitizer/1\0tokenise\0card").derive(SECRET)
        assert subkey == expected
        assert subkey.hex().startswith("9c53888bf5bfc81e")

    @given(st.integers(1, 200))
    def test_subkeys_of_any_length(self, length: int) -> None:
        assert len(Keyring("customer", [Key("a", SECRET)]).subkey("a", "encrypt", length=length)) == length


class TestKnownKeys:
    KEYS = KnownKeys({"customer": [Key("a", SECRET)], "card": [Key("a", SECRET)]}, "key file k.yaml")

    def test_gives_a_names_keys(self) -> None:
        assert [key.id for key in self.KEYS.keys("customer")] == ["a"]
        assert Keyring.of(self.KEYS, "customer").active == "a"

    @pytest.mark.parametrize(
        ("name", "words"), [("custommer", "did you mean 'customer'?"), ("zzz", "known: card, customer")]
    )
    def test_names_what_there_is(self, name: str, words: str) -> None:
        with pytest.raises(KeyUnavailable, match=re.escape(f"key file k.yaml: there is no key {name!r}")) as error:
            self.KEYS.keys(name)
        assert words in str(error.value)


class TestFile:
    def test_yaml(self) -> None:
        keys = parse_keys(FILE, "keys.yaml", lambda *_: SECRET)
        assert {name: list(keys[name]) for name in keys} == {
            "customer": [Key("b", SECRET[::-1]), Key("a", SECRET)],
            "card": [Key("kms", SECRET)],
        }

    @pytest.mark.parametrize("indent", [None, 2, "\t"])
    def test_json(self, indent: int | str | None) -> None:
        text = json.dumps({"customer": [{"id": "a", "secret": WRITTEN}]}, indent=indent)
        assert list(parse_keys(text, "keys.json", no_unwrapping)["customer"]) == [Key("a", SECRET)]

    def test_texts_are_taken_as_written(self) -> None:
        """`no` is a boolean for YAML."""
        text = f"on: [{{id: no, secret: {WRITTEN}}}]"
        assert [key.id for key in parse_keys(text, "keys.yaml", no_unwrapping)["on"]] == ["no"]

    def test_what_is_encrypted_is_unwrapped_once_and_only_if_it_is_asked_for(self) -> None:
        asked: list[tuple[str, str, bytes]] = []

        def unwrap(name: str, key_id: str, blob: bytes) -> bytes:
            asked.append((name, key_id, blob))
            return SECRET

        keys = parse_keys(FILE, "keys.yaml", unwrap)
        assert keys["customer"]
        assert "card" in keys
        assert len(keys) == 2
        assert asked == []
        assert keys["card"] == keys["card"]
        assert asked == [("card", "kms", b"blob")]

    def test_what_is_unwrapped_must_be_a_secret(self) -> None:
        keys = parse_keys(FILE, "keys.yaml", lambda *_: b"short")
        with pytest.raises(KeyUnavailable, match=r"^keys.yaml:7: key 'card', id 'kms': decrypts to 5 bytes, not 32$"):
            keys["card"]

    def test_what_cannot_be_unwrapped_says_why(self) -> None:
        def refuse(*_: object) -> bytes:
            raise KeyUnavailable("not permitted")

        with pytest.raises(KeyUnavailable, match="not permitted"):
            parse_keys(FILE, "keys.yaml", refuse)["card"]

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (OTHER, OTHER[:-1], "keys.yaml:3: key 'customer', id 'b': is not base64"),
            (OTHER, "", "keys.yaml:3: key 'customer', id 'b': is not base64"),
            (OTHER, base64.b64encode(SECRET[:16]).decode(), "keys.yaml:3: key 'customer', id 'b': has 16 bytes"),
            ("id: b", "id: a", "keys.yaml:5: id 'a' stands twice under 'customer'"),
            ("id: b", "id: b2", "keys.yaml:3: key 'customer': its id must match"),
            ("id: b", "name: b", "keys.yaml:3: key 'customer': must be {id: ..., secret: ...}"),
            ("id: b", "id: b\n    secret: x", "keys.yaml:5: key 'secret' stands twice"),
            ("id: b", "id: b\n    encrypted: x", "keys.yaml:3: key 'customer': must be {id: ..., secret: ...}"),
            ("id: b", "id: [b]", "keys.yaml:3: key 'customer': must be {id: ..., secret: ...}"),
            ("card:", "customer:", "keys.yaml:6: key 'customer' stands twice"),
            ("card:", "Card 1:", "keys.yaml:6: a key's name must match"),
            ("card:", "card: []\nemail:", "keys.yaml:6: key 'card' must be a list of one or more"),
            ("card:", "card:\n\nemail: 5", "keys.yaml"),
            ("card:", "card: {", "keys.yaml:"),
        ],
    )
    def test_errors_name_the_line_and_show_no_material(self, old: str, new: str, message: str) -> None:
        assert FILE.count(old) >= 1
        error = error_of(FILE.replace(old, new, 1))
        assert str(error).startswith(message)
        assert not shows_material(error)

    @pytest.mark.parametrize(
        "text", ["", "[]", "a", "- a", "null", "{" * 5000, "a: \x00", "a: !!python/name:os.system"]
    )
    def test_what_is_no_key_file(self, text: str) -> None:
        assert str(error_of(text)).startswith("keys.yaml:")

    @given(
        st.lists(
            st.sampled_from(
                [WRITTEN, OTHER, "customer", "id", "secret", "a", ":", "- ", "{", "}", "\n", " ", "*", "&x"]
            ),
            max_size=12,
        ).map("".join)
    )
    def test_no_error_shows_material(self, text: str) -> None:
        error = None
        try:
            parse_keys(text, "keys.yaml", no_unwrapping)
        except KeyUnavailable as caught:
            error = caught
        assert error is None or not shows_material(error)


def shows_material(error: Exception) -> bool:
    """Whether an error, or any that led to it, shows part of a secret."""
    shown = "".join(traceback.format_exception(error, chain=True))
    chain: Sequence[BaseException | None] = (error.__context__, error.__cause__)
    shown += "".join(f"{link!r}{link}" for link in chain if link)
    return any(part in shown for secret in (WRITTEN, OTHER) for part in (secret[:12], secret[-13:-1]))
