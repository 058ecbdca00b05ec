"""`sanitizer run`."""

import sys
from pathlib import Path

import click

from consumer.settings import load_settings
from consumer.terminal.options import config_option, examples
from consumer.worker import assembly


@click.command(epilog=examples("sanitizer run --config worker.yaml", "SANITIZER_CONFIG=worker.yaml sanitizer run"))
@config_option
def run(config: Path | None) -> None:
    """Run the worker until SIGTERM; this is what the container does."""
    sys.exit(assembly.run(load_settings(config)))
