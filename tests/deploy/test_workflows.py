"""The workflows in .github: checked by actionlint and against what they name; pinned, with the least permissions."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml

from tests.deploy.iam_template import Template
from tests.kits.needs import needs

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / ".github" / "workflows"
FILES: Final = sorted(FOLDER.glob("*.yml"))
ROLES: Final = ROOT / "deploy/pipeline/roles.yaml"

MAY_WRITE: Final = {
    ("release", "image", "id-token"): "a token for AWS and Sigstore",
    ("release", "index", "id-token"): "a token for AWS and Sigstore",
    ("release", "draft", "contents"): "a draft of the release",
    ("deploy", "plan", "id-token"): "a token for AWS",
    ("deploy", "apply", "id-token"): "a token for AWS",
    ("dependencies", "propose", "contents"): "a branch",
    ("dependencies", "propose", "pull-requests"): "a pull request",
}
CALLS: Final[Mapping[str, set[str]]] = {
    "cloudformation deploy": {
        "cloudformation:CreateChangeSet",
        "cloudformation:DescribeChangeSet",
        "cloudformation:DescribeStacks",
        "iam:PassRole",
    },
    "cloudformation describe-change-set": {"cloudformation:DescribeChangeSet"},
    "cloudformation describe-stack-events": {"cloudformation:DescribeStackEvents"},
    "cloudformation describe-stacks": {"cloudformation:DescribeStacks"},
    "cloudformation execute-change-set": {"cloudformation:ExecuteChangeSet"},
    "cloudformation wait": {"cloudformation:DescribeStacks"},
    "ecr describe-images": {"ecr:DescribeImages"},
}
"""What a command of the AWS CLI asks for (`deploy`: of its source, without executing)."""
LOOKS: Final = {"ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
"""What cosign reads of a registry."""


class Step(NamedTuple):
    workflow: str
    job: str
    what: dict[str, Any]

    @property
    def script(self) -> str:
        return str(self.what.get("run", ""))


def workflow(name: str) -> dict[str, Any]:
    read = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in read.items()}  # YAML 1.1: `on` is true


NAMES: Final = [file.stem for file in FILES]
JOBS: Final = [(name, job, what) for name in NAMES for job, what in workflow(name)["jobs"].items()]
STEPS: Final = [Step(name, job, step) for name, job, what in JOBS for step in what.get("steps", ())]


def step_of(name: str, job: str, title: str) -> dict[str, Any]:
    (found,) = (each.what for each in STEPS if each[:2] == (name, job) and each.what.get("name") == title)
    return found


def run(
    script: str, folder: Path, programs: Mapping[str, str] | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a step as a runner does, with other programs in the place of some."""
    (folder / "bin").mkdir()
    for name, text in (programs or {}).items():
        program = folder / "bin" / name
        program.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        program.chmod(0o755)
    environment = {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        **variables,
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(
        command, cwd=variables.get("WORKSPACE", ROOT), env=environment, capture_output=True, text=True, check=False
    )


def output(folder: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / "output").read_text(encoding="utf-8").splitlines())


def test_actionlint_has_nothing_to_say_nor_shellcheck_of_the_scripts() -> None:
    actionlint, shellcheck = needs("actionlint", "golang; see .ci/install"), needs("shellcheck", "shellcheck")
    ran = subprocess.run(
        [actionlint, "-shellcheck", shellcheck, *FILES], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", FILES),
        ("custom.github-workflows-require-timeout", FILES),
        ("vendor.renovate", [ROOT / ".github/renovate.json"]),
    ],
)
def test_schemas_know_every_key_and_each_job_ends(schema: str, files: list[Path]) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_ci_makes_what_the_projects_own_script_makes() -> None:
    own = re.findall(r"^make (\S+)$", (ROOT / ".ci/run").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert ci_targets() == own


@pytest.mark.parametrize(("target", "before"), [("test", []), ("image-test", ["root"])])
def test_ci_is_root_where_roots_are_changed_alone(target: str, before: list[str], tmp_path: Path) -> None:
    (script,) = (each.script for each in STEPS if each[:2] == ("ci", "make") and "TARGET" in each.what.get("env", {}))
    programs = {"make": 'echo "make $1, CI=$CI"', "sudo": 'echo root; exec "$@"'}
    ran = run(script, tmp_path, programs, TARGET=target, CI="true")
    assert ran.stdout.splitlines() == [*before, f"make {target}, CI=true"]


def ci_targets() -> list[str]:
    found: list[str] = workflow("ci")["jobs"]["make"]["strategy"]["matrix"]["target"]
    return found


def test_make_targets_that_are_named_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    named = {target for each in STEPS for target in re.findall(r"\bmake ([a-z][a-z-]*)", each.script)}
    named |= set(ci_targets())
    assert named >= {"audit", "lock", "image-test"}
    assert named <= targets


def test_files_that_are_named_exist() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in FILES).replace("\\.", ".")
    named = set(re.findall(r"(?<![\w/-])(?:\./)?((?:deploy|docs|\.ci|\.github|requirements)/[\w./-]*\w)", text))
    assert named >= {".ci/install", "deploy/local/smoke.py", "deploy/pipeline/changes.py", "docs/pipeline.md"}
    assert not [name for name in named if not (ROOT / name).exists()]
    stacks = workflow("deploy")["on"]["workflow_dispatch"]["inputs"]["stack"]["options"]
    assert all((ROOT / f"deploy/ecs/{stack}.yaml").is_file() for stack in stacks)


def test_actions_are_pinned_and_all_of_one_version() -> None:
    pins: dict[str, set[str]] = {}
    for file in FILES:
        for line in file.read_text(encoding="utf-8").splitlines():
            if "uses:" in line and "uses: ./" not in line:
                found = re.fullmatch(r"\s*(?:- )?uses: ([\w-]+/[\w-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)", line)
                assert found, line
                pins.setdefault(found[1], set()).add(found[2])
    assert {action for action, versions in pins.items() if len(versions) > 1} == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_gives_nothing_and_runs_beside_no_other_of_its_kind(name: str) -> None:
    read = workflow(name)
    assert read["permissions"] == {}
    assert read["concurrency"]["group"]
    assert read["defaults"]["run"]["shell"] == "bash"


def test_jobs_have_the_permissions_that_they_need_and_no_others() -> None:
    written = set()
    for name, job, what in JOBS:
        for scope, access in what["permissions"].items():
            assert (scope, access) == ("contents", "read") or access == "write"
            if access == "write":
                written.add((name, job, scope))
    assert written == set(MAY_WRITE)


def test_a_checkout_leaves_no_token_behind_and_machines_are_named() -> None:
    for each in STEPS:
        if str(each.what.get("uses", "")).startswith("actions/checkout@"):
            assert each.what["with"]["persist-credentials"] is False
    machines = {what["runs-on"] for _, _, what in JOBS if "runs-on" in what}
    assert machines == {"ubuntu-24.04", "${{ matrix.runner }}"}


def test_there_are_no_secrets_and_no_script_is_put_together_from_what_people_write() -> None:
    for file in FILES:
        assert "secrets." not in file.read_text(encoding="utf-8")
    for each in STEPS:
        assert "${{" not in each.script


def environments() -> Iterator[tuple[str, str]]:
    """Yield the environment and the role's variable of each job that goes to AWS."""
    for each in STEPS:
        if str(each.what.get("uses", "")).startswith("aws-actions/configure-aws-credentials@"):
            environment = workflow(each.workflow)["jobs"][each.job]["environment"]
            yield environment, re.findall(r"vars\.(\w+)", each.what["with"]["role-to-assume"])[0]


def test_each_role_trusts_the_environment_that_assumes_it_alone() -> None:
    template = Template.of(ROLES, ROLE_PARAMETERS)
    trusted = {}
    for role, variable in (("ReleaseRole", "RELEASE"), ("PlanRole", "PLAN"), ("DeployRole", "DEPLOY")):
        (statement,) = template.properties(role)["AssumeRolePolicyDocument"]["Statement"]
        conditions = statement["Condition"]["StringEquals"]
        assert conditions["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
        subject = conditions["token.actions.githubusercontent.com:sub"]
        trusted[f"{variable}_ROLE_ARN"] = subject.removeprefix("repo:o/r:environment:")
    used = {variable: name.replace("${{ inputs.environment }}", "production") for name, variable in environments()}
    assert used == trusted


ROLE_PARAMETERS: Final = {"Repository": "o/r", "CloudFormationRoleArn": "arn:aws:iam::123456789012:role/make"}


def test_a_subject_is_of_one_repository_by_names_or_with_both_ids() -> None:
    pattern = Template.of(ROLES, ROLE_PARAMETERS).document["Parameters"]["Repository"]["AllowedPattern"]
    for repository in ("o/r", "o@123456/r@456789"):
        assert re.fullmatch(pattern, repository)
    for repository in ("o@123456/r", "o/r:ref:refs/heads/x", "o/*"):
        assert not re.fullmatch(pattern, repository)


def granted(role: str) -> set[str]:
    (policy,) = Template.of(ROLES, ROLE_PARAMETERS).properties(role)["Policies"]
    actions = [each["Action"] for each in policy["PolicyDocument"]["Statement"]]
    return {action for each in actions for action in (each if isinstance(each, list) else [each])}


@pytest.mark.parametrize(("job", "role", "others"), [("plan", "PlanRole", LOOKS), ("apply", "DeployRole", set())])
def test_a_role_may_do_what_its_job_calls_and_nothing_else(job: str, role: str, others: set[str]) -> None:
    scripts = "".join(each.script for each in STEPS if each[:2] == ("deploy", job))
    commands = set(re.findall(r"\baws (\w+ [\w-]+)", scripts))
    assert granted(role) == set().union(*(CALLS[command] for command in commands)) | others


def test_the_deployment_sets_what_the_template_has() -> None:
    script = step_of("deploy", "plan", "Make the change set")["run"]
    named = set(re.findall(r"\{(\w+): \$tag, (\w+): \$digest\}", script)[0])
    assert named <= set(Template.of(ROOT / "deploy/ecs/service.yaml", {}).document["Parameters"])


CHANGE_SET = "arn:aws:cloudformation:eu-central-1:123456789012:changeSet/deploy-1/0a1b"
CLI = 'printf "%s\\n" "$@" > "$ARGUMENTS"; printf "%b" "$SAYS"'


@pytest.mark.parametrize(
    ("says", "found"),
    [
        (f"Changeset created successfully.\\naws cloudformation ... --change-set-name {CHANGE_SET}\\n", CHANGE_SET),
        ("\\nNo changes to deploy. Stack is up to date\\n", ""),
    ],
)
def test_a_change_set_is_made_of_the_files_parameters_and_the_image(says: str, found: str, tmp_path: Path) -> None:
    needs("jq", "jq")
    work = tmp_path / "work"
    (work / "parameters").mkdir(parents=True)
    (work / "parameters/service.json").write_text('{"Parameters": {"ImageTag": "", "SubnetIds": "subnet-1,subnet-2"}}')
    ran = run(
        step_of("deploy", "plan", "Make the change set")["run"],
        tmp_path,
        {"aws": CLI},
        WORKSPACE=str(work),
        ARGUMENTS=str(tmp_path / "arguments"),
        SAYS=says,
        PARAMETERS="parameters",
        STACK="service",
        STACK_NAME="sanitizer-service",
        ROLE="arn:role",
        TAG="0.2.0",
        DIGEST="sha256:ab",
    )
    assert ran.returncode == 0, ran.stderr
    assert output(tmp_path) == {"change-set": found}
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert "--no-execute-changeset" in arguments
    assert arguments[arguments.index("--template-file") + 1] == "deploy/ecs/service.yaml"
    parameters = arguments[arguments.index("--parameter-overrides") + 1 :]
    assert sorted(parameters) == ["ImageDigest=sha256:ab", "ImageTag=0.2.0", "SubnetIds=subnet-1,subnet-2"]


def test_a_change_set_that_is_not_made_fails_the_job(tmp_path: Path) -> None:
    (tmp_path / "alarms.json").write_text('{"Parameters": {"AlarmTopicArn": ""}}')
    ran = run(
        step_of("deploy", "plan", "Make the change set")["run"],
        tmp_path,
        {"aws": "exit 254"},
        WORKSPACE=str(tmp_path),
        **dict.fromkeys(("STACK_NAME", "ROLE", "TAG", "DIGEST"), "x"),
        PARAMETERS=".",
        STACK="alarms",
    )
    assert ran.returncode == 254


CLOUDFORMATION = """
printf "%s\\n" "$*" >> "$CALLS"
case "$2 $3" in
    "describe-stacks --stack-name") echo "$STATUS" ;;
    "wait $FAILS") exit 255 ;;
esac
"""


@pytest.mark.parametrize(
    ("status", "waits"),
    [("REVIEW_IN_PROGRESS", "stack-create-complete"), ("UPDATE_ROLLBACK_COMPLETE", "stack-update-complete")],
)
@pytest.mark.parametrize("failures", [0, 1])
def test_what_was_shown_is_executed_and_its_end_told(status: str, waits: str, failures: int, tmp_path: Path) -> None:
    ran = run(
        step_of("deploy", "apply", "Execute the change set that was shown")["run"],
        tmp_path,
        {"aws": CLOUDFORMATION},
        CALLS=str(tmp_path / "calls"),
        STATUS=status,
        FAILS=waits if failures else "",
        CHANGE_SET=CHANGE_SET,
        STACK_NAME="sanitizer",
    )
    assert ran.returncode == failures, ran.stderr
    calls = [line.split()[1:4] for line in (tmp_path / "calls").read_text().splitlines()]
    assert calls[1:3] == [["execute-change-set", "--stack-name", "sanitizer"], ["wait", waits, "--stack-name"]]
    assert f"--change-set-name {CHANGE_SET}" in (tmp_path / "calls").read_text()
    assert calls.count(["describe-stack-events", "--stack-name", "sanitizer"]) == failures


@pytest.mark.parametrize(
    ("actionlint", "hclfmt", "installed"),
    [("v1", "v2", []), ("v0", "v2", ["x/actionlint@v1"]), ("v1", "v1", ["x/hclfmt@v2"]), ("v1", "", ["x/hclfmt@v2"])],
)
def test_programs_of_another_release_are_installed_again(
    actionlint: str, hclfmt: str, installed: list[str], tmp_path: Path
) -> None:
    script = (ROOT / ".ci/install").read_text(encoding="utf-8")
    script = re.sub(r"^(actionlint|hclfmt)=.*$", "", script[script.index("# renovate") :], flags=re.MULTILINE)
    built = f"mod\tgithub.com/hashicorp/hcl/v2\t{hclfmt}\th1:x"
    programs = {"actionlint": f"echo {actionlint}", "hclfmt": f"# {built}", "go": 'echo "$2"'}
    ran = run(f"actionlint=v1 hclfmt=v2\n{script}", tmp_path, programs)
    assert ran.returncode == 0, ran.stderr
    assert [re.sub(r".*/cmd/", "x/", line) for line in ran.stdout.splitlines()] == installed


def test_a_tag_that_is_not_the_version_is_no_release(tmp_path: Path) -> None:
    script = step_of("release", "image", "The tag is the version")["run"]
    version = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE)[0]
    assert run(script, tmp_path, GITHUB_REF_NAME="v0.0.1").returncode == 1
    (tmp_path / "bin").rmdir()
    ran = run(script, tmp_path, GITHUB_REF_NAME=f"v{version}")
    assert ran.returncode == 0, ran.stderr
    made = output(tmp_path)
    assert made["version"] == version
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", made["created"])
