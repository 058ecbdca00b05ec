# noqa: INP001 - a folder of pages, no package
"""Anchors of headings as GitHub gives them, so that a link holds in the repository and on the site."""

import re


def slug(heading: str, separator: str) -> str:
    """Return the anchor of a heading: lower case, without punctuation, with `separator` in place of each space."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", separator)
