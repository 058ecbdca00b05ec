"""The parts of a local stack: ``python -m consumer.local COMMAND``, the same as ``sanitizer local COMMAND``."""

import click

from consumer.local import by_itself


def _load() -> click.Command:
    from consumer.local.command import local  # noqa: PLC0415 - needs an extra

    return local


if __name__ == "__main__":
    by_itself.run(_load, "python -m consumer.local")
