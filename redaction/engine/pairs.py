"""Fields that say something of another in the same object: of a value its name, of an account its bank."""

from typing import Final

from redaction.vocabulary import word_set

# A name and its value as two fields of an object; what says the type of a value does so of scalars only.
NAME_OF, TYPE_OF, VALUE_OF = 1, 2, 4
# A bank, by its number, and an account at it.
BANK, ACCOUNT = 8, 16
# What says in ISO 20022 of what kind an `Id` is.
SCHEME = 32
_NAMES_OF: Final = word_set(
    "name key k field attribute label fieldname attributecode attributename keyname displayname variablename"
    " param parameter paramname parametername property propertyname header headername"
)
_TYPES_OF: Final = word_set("id code type system schemename documenttype doctype iddoctype idtype")
_VALUES_OF: Final = word_set(
    "value val v content data stringvalue fieldvalue identification number documentnumber docnumber idnumber"
)
_BANKS: Final = word_set(
    "routing routingnumber routingno aba abanumber bsb bsbnumber sortcode blz bankleitzahl bankcode transitnumber ifsc"
    " ifsccode bic swift swiftcode"
)
_ACCOUNTS: Final = word_set("account acct konto conto conta cuenta compte rekening")
PARTS: Final = {
    **dict.fromkeys(_NAMES_OF, NAME_OF),
    **dict.fromkeys(_TYPES_OF, TYPE_OF),
    **dict.fromkeys(_VALUES_OF, VALUE_OF),
    "schmenm": SCHEME,
    **dict.fromkeys(_BANKS, BANK),
    **dict.fromkeys(_ACCOUNTS, ACCOUNT),
}
"""Which part of such a pair a field may be, by the words of its name."""
