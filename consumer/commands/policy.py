"""`sanitizer policy`: what security and compliance people write, check, test and compare policies with."""

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from consumer.commands.lines import line_batches
from consumer.commands.options import json_option, keys_option, say
from consumer.commands.policy_page import Page
from consumer.commands.policy_report import (
    Effect,
    described,
    name_line,
    of_name,
    rule_changes,
    rule_lines,
    rules_in_force,
    summary,
)
from consumer.commands.policy_trial import Trial
from consumer.commands.samples import samples
from consumer.errors import UsageError
from consumer.redactors.key_provider import key_provider
from consumer.settings import load_settings
from consumer.terminal.options import Text, config_option, examples
from consumer.terminal.parts import show
from consumer.terminal.printable import echo
from consumer.terminal.progress import bar
from redaction.comparison import compare
from redaction.engine import PolicyRedactor
from redaction.guard import redact_guarded
from redaction.keys import KeyProvider
from redaction.plugin import PolicyError, RedactionError
from redaction.policy import Policy, load_policy
from redaction.policy.file import DEFAULT, review_policy, schema
from redaction.policy.test_runner import ThrowAwayKeys, load_tests_of, run_tests


@click.group(
    epilog=examples(
        "sanitizer policy show default",
        "sanitizer policy check shop.yaml && sanitizer policy test shop.yaml",
        "sanitizer policy try mine.jsonl --policy shop.yaml",
    )
)
def policy() -> None:
    """Policy files; where one is asked for, the name of a built-in policy will do too: `default`.

    Such a name means the built-in policy even where a file has it; write ./default for the file.
    """


@policy.command(
    short_help="Validate and compile policies, keys included.",
    epilog=examples(
        "sanitizer policy check shop.yaml",
        "sanitizer policy check --keys keys.yaml policies/*.yaml",
        "sanitizer policy check --json shop.yaml | jq '.[].problems'",
    ),
)
@config_option
@keys_option
@json_option
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def check(config: Path | None, keys: str | None, files: tuple[str, ...], *, as_json: bool) -> None:
    """Validate and compile policies, keys included; exit status 2 if one is wrong.

    Keys come from --keys, else from where the settings say. What a policy may say, and lets out more than its author
    may have in mind, is a warning on stderr, and no error.
    """
    provider = _keys(keys or load_settings(config).redaction.keys)
    sound = True
    results = []
    for file in files:
        result: dict[str, Any] = {"file": file, "ok": True}
        try:
            loaded, warnings = review_policy(file)
            _compile(loaded, provider, file)
            result |= {"name": loaded.name, "version": loaded.version, "digest": loaded.digest(), "warnings": warnings}
            for warning in warnings:
                echo(warning, err=True)
            if not as_json:
                echo(f"{file}: ok: {summary(loaded)}")
        except RedactionError as error:
            sound = False
            result |= {"ok": False, "problems": str(error).splitlines()}
            echo(str(error), err=True)
        results.append(result)
    if as_json:
        click.echo(json.dumps(results))
    sys.exit(0 if sound else UsageError.exit_status)


@policy.command(
    name="show",
    short_help="Print the rules in force, in the order in which they count.",
    epilog=examples("sanitizer policy show pci-dss", "sanitizer policy show shop.yaml --name cardHolder --name note"),
)
@json_option
@click.option(
    "--name", "names", type=Text(), multiple=True, help="Say only what a field of this name would become, and why."
)
@click.argument("file")
def show_(file: str, names: tuple[str, ...], *, as_json: bool) -> None:
    """Print the rules in force, those of extended policies merged in, in the order in which they count."""
    with _wrong_usage():
        loaded = load_policy(file)
        if names:
            said = [of_name(loaded, name) for name in names]
            say(said, map(name_line, said), as_json=as_json)
            return
        say(described(loaded), rules_in_force(loaded), as_json=as_json)


@policy.command(name="schema", epilog=examples("sanitizer policy schema > policy.schema.json"))
def schema_() -> None:
    """Print the JSON schema of policy files."""
    click.echo(json.dumps(schema(), indent=2))


@policy.command(
    short_help="Run the tests beside policies: of mine.yaml mine.test.yaml.",
    epilog=examples("sanitizer policy test shop.yaml", "sanitizer policy test --keys keys.yaml policies/*.yaml"),
)
@keys_option
@json_option
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def test(keys: str | None, files: tuple[str, ...], *, as_json: bool) -> None:
    """Run the tests beside policies: of mine.yaml those in mine.test.yaml. Exit status 1 if one fails.

    Failures show values, which are those of the tests. Without --keys, constant throw-away keys serve for tokens,
    hashes and encryption.
    """
    results = []
    for file in files:
        with _wrong_usage():
            loaded = load_policy(file)
            redactor = _compile(loaded, _keys(keys) or ThrowAwayKeys(loaded), file)
            source, tests = load_tests_of(file)
        failures = run_tests(redactor, tests)
        results.append({"file": source, "tests": len(tests), "failures": [each._asdict() for each in failures]})
        if not as_json:
            for failure in failures:
                for problem in failure.problems:
                    echo(f"{source}:{failure.line}: {failure.test}: {problem}")
            echo(f"{source}: {len(tests) - len(failures)} passed, {len(failures)} failed")
    if as_json:
        click.echo(json.dumps(results))
    sys.exit(1 if any(result["failures"] for result in results) else 0)


@policy.command(
    short_help="Show what one policy does otherwise than another.",
    epilog=examples(
        "sanitizer policy diff default shop.yaml",
        "sanitizer policy diff old.yaml new.yaml --input mine.jsonl",
    ),
)
@keys_option
@json_option
@click.option("--input", "source", type=click.File("rb"), help="Sample records, a line each; - is stdin.")
@click.argument("old")
@click.argument("new")
def diff(keys: str | None, source: BinaryIO | None, old: str, new: str, *, as_json: bool) -> None:
    """Show what the policy NEW does otherwise than OLD: by rules and, with sample records, by fields.

    The samples are read from --input, else from stdin when that is no terminal. No values are shown. Without --keys,
    constant throw-away keys serve for tokens, hashes and encryption.
    """
    with _wrong_usage():
        before, after = load_policy(old), load_policy(new)
        provider = _keys(keys) or ThrowAwayKeys(before, after)
        redactors = _compile(before, provider, old), _compile(after, provider, new)
    changes = rule_changes(before, after)
    if not as_json:
        show(*rule_lines(changes))
    is_named = source is not None
    if source is None and sys.stdin is not None and not sys.stdin.isatty():
        source = sys.stdin.buffer
    effect = Effect()
    for batch in _batches(source) if source else ():
        verdicts = (redact_guarded(redactor, batch) for redactor in redactors)
        for payload, one, other in zip(batch, *verdicts, strict=True):
            effect.add(compare(payload, one, other))
    if is_named and not effect.records:
        raise UsageError("--input holds no records: nothing was compared but the rules.")
    if as_json:
        rules = [change._asdict() for change in changes]
        click.echo(json.dumps({"rules": rules, "effect": effect.described() if effect.records else None}))
    elif effect.records:
        show("", *effect.parts())


@policy.command(
    name="try",
    short_help="Show what a policy makes of your own records, by path.",
    epilog=examples(
        "sanitizer policy try mine.jsonl",
        "sanitizer policy try --policy shop.yaml mine.jsonl --html shop.html --values",
    ),
)
@keys_option
@json_option
@click.option(
    "--policy",
    "file",
    type=Text(),
    default=DEFAULT,
    show_default=True,
    help="Policy file, or the name of a built-in one.",
)
@click.option("--html", type=click.Path(path_type=Path), help="Write a page here, to look through and to sign.")
@click.option("--values", is_flag=True, help="Show the values of the sample on the page.")
@click.argument("sample", metavar="FILE", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
def try_(keys: str | None, file: str, html: Path | None, sample: str, *, values: bool, as_json: bool) -> None:
    """Show what a policy makes of your own records: by path what is released, what is hidden, and by what.

    FILE holds a record a line, or a JSON array of them; - is stdin. No values are shown, but on the page with --values.
    Without --keys, constant throw-away keys serve for tokens, hashes and encryption.
    """
    if values and html is None:
        raise UsageError("--values is for the page: name one with --html.")
    with _wrong_usage():
        loaded = load_policy(file)
        trial = Trial(_compile(loaded, _keys(keys) or ThrowAwayKeys(loaded), file))
    page = Page(trial, values=values) if html else None
    with click.open_file(sample, "rb") as source:
        content = source.read()
    for payload in samples(content):
        verdict, steps = trial.add(payload)
        if page:
            page.add(payload, verdict, steps)
    if not trial.records:
        raise UsageError(f"{sample} holds no records: nothing was tried.")
    if page and html:
        try:
            html.write_text(page.written(Path(sample).name), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"The page {html} cannot be written: {error.strerror}.") from None
    say(trial.described(), trial.parts(), as_json=as_json)


def _batches(source: BinaryIO) -> Iterator[list[bytes]]:
    """Read lines; a file's with a progress bar, if there is a terminal to see it."""
    if not source.seekable():
        yield from line_batches(source)
        return
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    with bar("Comparing", size) as step:
        for batch in line_batches(source):
            yield batch
            step(sum(map(len, batch)) + len(batch))


def _compile(loaded: Policy, provider: KeyProvider | None, file: str) -> PolicyRedactor:
    try:
        return PolicyRedactor(loaded, provider)
    except RedactionError as error:  # knows of rules, not of files
        raise PolicyError(f"{file}: {error}") from error


@contextmanager
def _wrong_usage() -> Iterator[None]:
    try:
        yield
    except RedactionError as error:
        raise UsageError(str(error)) from None


def _keys(source: str | None) -> KeyProvider | None:
    with _wrong_usage():
        return key_provider(source)
