"""Shows a change set as Markdown, and refuses one that replaces or removes what holds data.

``aws cloudformation describe-change-set --change-set-name ARN --output json > FILE``, then
``python3 deploy/pipeline/changes.py FILE``. Exit status 1: it is refused, and the text says for what. Needs no package.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

HOLDS_DATA: Final = frozenset(
    {
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::Kinesis::Stream",
        "AWS::Logs::LogGroup",
        "AWS::SQS::Queue",
        "AWS::SecretsManager::Secret",
    }
)
"""Of the templates of deploy/; a test looks that each resource that they retain is of such a type."""


class Change(NamedTuple):
    """What would be done to a resource.

    :ivar replaced: True, False, or Conditional, which only the execution tells.
    """

    action: str
    name: str
    kind: str
    replaced: str
    properties: tuple[str, ...]

    @property
    def is_refused(self) -> bool:
        """Whether it touches data. What CloudFormation itself cannot tell beforehand is refused, too."""
        return self.kind in HOLDS_DATA and (self.action in ("Remove", "Dynamic") or self.replaced != "False")


def changes_of(described: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the changes of what `describe-change-set` says."""
    for each in described.get("Changes", ()):
        if each.get("Type") != "Resource":
            continue
        change = each["ResourceChange"]
        targets = [detail["Target"] for detail in change.get("Details", ())]
        changed = {target.get("Name") or target["Attribute"] for target in targets}
        yield Change(
            change["Action"],
            change["LogicalResourceId"],
            change["ResourceType"],
            str(change.get("Replacement", "False")),
            tuple(sorted(changed)),
        )


def report(described: Mapping[str, Any]) -> str:
    """Return the change set as Markdown."""
    changes = list(changes_of(described))
    lines = [
        f"### {described['StackName']}",
        "",
        "| | resource | type | replaced | what changes |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {each.action} | `{each.name}` | {each.kind} | {each.replaced} | {', '.join(each.properties)} |"
        for each in changes
    ]
    refused = [f"`{each.name}`" for each in changes if each.is_refused]
    if refused:
        lines += ["", f"**Refused**: {', '.join(refused)} would be replaced or removed, and holds data."]
    return "\n".join(lines)


def main() -> None:
    """Show a file's change set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, help="what describe-change-set wrote")
    described = json.loads(parser.parse_args().file.read_text(encoding="utf-8"))
    print(report(described))
    sys.exit(any(each.is_refused for each in changes_of(described)))


if __name__ == "__main__":
    main()
