"""How records are written: options of the commands that put some."""

import click

from consumer.producing.formats import DEFAULT, NAMES

format_option = click.option(
    "--format",
    type=click.Choice(NAMES),
    metavar="FORMAT",
    default=DEFAULT,
    show_default=True,
    help="How records are written: docs/producing.md lists the formats.",
)
documents_option = click.option(
    "--documents",
    type=click.IntRange(1, 2000),
    help="Documents of one partition key in a record, at most  [default: 20 where a format holds several].",
)
