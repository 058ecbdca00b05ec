"""Names by words: what they end in decides, whatever stands before, however it is written."""

from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from redaction.policy import load_policy
from redaction.policy.words import BEHIND, Core, Grammar, parse_words

DEFAULT = load_policy("default").grammar()
GRAMMAR = Grammar(
    [
        Core("cvv", "security"),
        Core("security code", "security"),
        Core("password", "secret"),
        Core("contraseña", "secret"),
        Core("card number", "card"),
        Core("card", "card", hint=True),
        Core("token", "secret"),
        Core("page token", None),
    ]
)


def rule(name: str, grammar: Grammar = DEFAULT) -> str | None:
    core = grammar.decide(grammar.words(name))
    return core.rule if core else None


SPELLINGS = [
    "_".join,
    lambda words: "-".join(words).upper(),
    " ".join,
    ".".join,
    "__".join,
    lambda words: words[0] + "".join(word.title() for word in words[1:]),
    lambda words: "".join(word.title() for word in words),
    "".join,
    lambda words: "".join(words).upper(),
    lambda words: words[0] + "".join(f"[{word}]" for word in words[1:]),
    "/".join,
]
cores = st.sampled_from([core for core in DEFAULT.cores if core.text.isascii() and len(core.text) > 2])
before = st.lists(st.sampled_from(["customer", "credit", "my", "billing", "payment", "shopper", "x"]), max_size=3)
behind = st.lists(st.sampled_from(sorted(word for word in BEHIND if word.isalpha())), max_size=2)
spellings = st.sampled_from(SPELLINGS)


def same(one: Core | None, other: Core | None) -> bool:
    return one is not None and other is not None and one.rule == other.rule


@given(cores, before, spellings)
def test_separators_case_and_gluing_do_not_matter(core: Core, words: list[str], spell: object) -> None:
    plain = [*words, *parse_words(core.text).split()]
    expected = DEFAULT.decide(DEFAULT.words("_".join(plain)))
    assert expected is not None
    written = spell(plain)  # type: ignore[operator]
    # A glued name may be read in another way, in which it ends in a longer word; never in none.
    assert same(DEFAULT.decide(DEFAULT.words(written)), expected) or len(DEFAULT.words(written)) != len(plain)
    assert DEFAULT.decide(DEFAULT.words(written)) is not None or len("".join(plain)) > 40


@given(cores, st.lists(st.sampled_from(["foo", "customer", "quux", "my"]), max_size=3))
def test_words_before_leave_a_name_what_it_is(core: Core, words: list[str]) -> None:
    plain = parse_words(core.text).replace(" ", "_")
    alone = DEFAULT.decide(DEFAULT.words(plain))
    assert alone is not None
    with_words = DEFAULT.decide(DEFAULT.words("_".join([*words, plain])))
    # Longer cores may be made of what stands before; they count before the shorter.
    assert with_words is not None
    assert same(with_words, alone) or len(with_words.text) > len(alone.text)


@given(cores, behind, st.sampled_from(["", "1", "[0]", "s", "_12"]))
def test_what_says_nothing_may_stand_behind(core: Core, words: list[str], end: str) -> None:
    name = "_".join([parse_words(core.text).replace(" ", "_"), *words])
    assume(not (name[-1].isdigit() and end[:1].isalnum()))  # it would be another number
    name += end
    decided = DEFAULT.decide(DEFAULT.words(name))
    # Of an innocent name (`loyalty_cards`) nothing said is as good.
    assert decided is not None or core.rule is None


@pytest.mark.parametrize("name", ["cards", "credit_cards", "payment_cards_1", "pans", "pins", "cvvs"])
def test_several_are_what_one_is(name: str) -> None:
    assert rule(name) in ("card_field", "card_security_field")


@given(
    cores, st.sampled_from(["result", "type", "strength", "bin", "required", "policy", "format", "count", "expires"])
)
def test_an_innocent_end_makes_another_name(core: Core, tail: str) -> None:
    assert rule(f"{parse_words(core.text)}_{tail}") is None


@pytest.mark.parametrize(
    "name",
    """pinterest spin company shipping mapping hotel keyboard monkey passenger passive author filename tokenizer
    cvv_result token_type card_bin pin_entry_mode password_strength phone_type email_verified country_code description
    cancel cell_count excellent intel tipping zip vip clip equipment bulletin routine marketing encryption secretary
    key id number value data status amount currency authorization_code order_no publicKey nextPageToken accountSid
    pan_id contactless bank_name accountType account_id""".split(),  # noqa: SIM905 - a list would be a page
)  # fmt: skip
def test_innocent_names(name: str) -> None:
    assert rule(name) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BirthDt", "birth_date_field"),
        ("consumerDateOfBirth", "birth_date_field"),
        ("ssn_1", "ssn_field"),
        ("SSNs", "ssn_field"),
        ("refundPin", "card_security_field"),
        ("x_card_code", "card_security_field"),
        ("CVVno", "card_security_field"),
        ("c.v.v", "card_security_field"),
        ("cReDiTcArDcVv", "card_security_field"),
        ("customerpin", "card_security_field"),
        ("grafanapassword", "secret_field"),
        ("javax.net.ssl.keyStorePassword", "secret_field"),
        ("contrasena", "secret_field"),
        ("CONTRASEÑA", "secret_field"),
        ("contrasen\u0303a", "secret_field"),
        ("primary_account_number", "card_field"),
        ("accountNumber", "bank_account_field"),
        ("x_bank_aba_code", "bank_account_field"),
        ("email_password", "secret_field"),
        ("user_ipaddress", "ip_field"),
        ("driversLicense", "national_id_field"),
    ],
)
def test_names_of_the_default_policy(name: str, expected: str) -> None:
    assert rule(name) == expected


def test_the_longest_core_counts() -> None:
    assert rule("access_token", GRAMMAR) == "secret"
    assert rule("next_page_token", GRAMMAR) is None
    known = GRAMMAR.decide(GRAMMAR.words("cardNumber"))
    assert known == Core("card number", "card")


@pytest.mark.parametrize(
    ("name", "role"),
    [("value", "generic"), ("0", "generic"), ("S", "generic"), ("#text", "generic"), ("_", "generic"), ("", "generic"),
     ("stringValue", "generic"), ("exp_month", "descriptor"), ("id", "descriptor"), ("is_set", "descriptor"),
     ("checks", "descriptor"), ("street", "other"), ("owner", "other")],
)  # fmt: skip
def test_what_a_name_says_of_a_member(name: str, role: str) -> None:
    assert DEFAULT.role(DEFAULT.words(name)) == role


@given(st.text(max_size=80) | st.text("abcCV_-.[]0 ", max_size=80))
def test_any_name_has_words(name: str) -> None:
    words: Sequence[str] = DEFAULT.words(name)
    assert all(words)
    DEFAULT.decide(words)
    DEFAULT.role(words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs one"),
        ("12", "needs one"),
        ("a*", "no '\\*'"),
        ("a.b", "no dot"),
        ("x" * 65, "too large"),
        ("a b c d e f g", "7 words are too many"),
    ],
)
def test_what_is_no_word(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_words(text)
