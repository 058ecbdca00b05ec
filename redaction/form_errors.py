"""What pydantic finds wrong with the form of a file, in words that say what would be right."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LIST: Final = "must be a list: [one, two], or one on each line after a dash"
_WHOLE: Final = "must be a whole number"
_NUMBER: Final = "must be a number"
_SWITCH: Final = "must be true or false"
# By pydantic's types of errors; in braces what it says of one.
_MESSAGES: Final = {
    "missing": "is missing; add it",
    "literal_error": "must be {expected}",
    "string_type": "must be a string; put it in quotes",
    "invalid_key": "is a key that is no string; put it in quotes",
    "string_too_short": "needs {min_length} or more characters",
    "string_too_long": "may have {max_length} characters at most",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "too_short": "needs {min_length} or more entries",
    "dict_type": "must be a mapping: on each line a name, a colon, and what it means",
    "int_type": f"{_WHOLE}, without quotes",
    "int_from_float": f"{_WHOLE}, without quotes",
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _SWITCH,
    "bool_parsing": _SWITCH,
    "path_type": "must be a path",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
}


def in_words(problem: "ErrorDetails") -> str:
    """Say what would be right, and show nothing of the value; a validator's own words stay as they are."""
    value = problem["input"]
    match problem["type"]:
        case kind if kind.endswith("_type") and value is None:
            return "is empty; give it a value, or take it out"
        case "string_type" if isinstance(value, (list, dict)):
            return "must be one text, without brackets and braces"
        case kind if kind in _MESSAGES:
            return _MESSAGES[kind].format_map(problem.get("ctx", {}))
    return problem["msg"].removeprefix("Value error, ")
