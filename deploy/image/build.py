"""Builds the image with docker, podman or buildah, whichever is there: `make image`.

The base images are the Dockerfile's, or BASE_IMAGE and RUST_IMAGE. Where no registry can be reached, buildah and podman
build on a base made from Debian's packages and sources (base.Dockerfile), which needs Debian's mmdebstrap, buildah and
root, with Debian's cargo. The machine's certificates and its settings of pip and cargo are lent to the build as
secrets, which are in no layer; so is APT_SOURCES, a file of Debian's sources. KCL_MVN_REPO_SEARCH_URL is passed on.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
NAME: Final = "kinesis-sanitizer"
DEBIAN: Final = "localhost/debian-slim:trixie"
BASE: Final = "localhost/python-slim:trixie"
# Of Debian's packages, what the official image of Python has beside them, and the libraries that CPython is linked to.
INCLUDED: Final = (
    *("ca-certificates", "netbase", "tzdata"),
    *("libbz2-1.0", "libffi8", "liblzma5", "libncursesw6", "libreadline8t64", "libsqlite3-0", "libssl3t64", "libuuid1"),
    "zlib1g",
)
CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
MAVEN: Final = "KCL_MVN_REPO_SEARCH_URL"
NO_ENGINE: Final = "There is no docker (with a running daemon), podman or buildah here to build the image with."


class BuildError(Exception):
    """What went wrong, as a sentence for a person."""


def main() -> None:
    """Build it, and say what it is called."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--engine", choices=["docker", "podman", "buildah"], help="default: the first that works")
    parser.add_argument("--target", help="the Dockerfile's stage; default: the worker")
    arguments = parser.parse_args()
    try:
        print(f"built {', '.join(build(arguments.engine, arguments.target))}")
    except BuildError as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd[0]} {error.cmd[1]} failed with exit status {error.returncode}; see above.")


def build(engine: str | None = None, target: str | None = None) -> list[str]:
    """Build the image; return its names.

    :param engine: None: the first that works.
    :param target: None: the last stage.
    :raises BuildError: nothing to build with, or no base image.
    :raises CalledProcessError: the build failed; its output says why.
    """
    engine = engine or find_engine()
    created, revision = commit()
    suffix = f"-{target}" if target else ""
    tags = [f"{NAME}:{version()}{suffix}", f"{NAME}:dev{suffix}"]
    arguments = {
        "VERSION": version(),
        "REVISION": revision,
        "SOURCE": os.environ.get("SOURCE", "unknown"),
        "CREATED": created,
    }
    if os.environ.get(MAVEN):
        arguments[MAVEN] = os.environ[MAVEN]
    arguments |= base_images(engine)
    command = [engine, "build", *options(lent())]
    command += [part for tag in tags for part in ("--tag", tag)]
    command += ["--target", target] if target else []
    if engine != "docker":  # the OCI format, their default, has no place for a health check
        command += ["--format", "docker", "--layers", "--timestamp", "0"]
    command += [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    subprocess.run([*command, str(ROOT)], check=True, env=environment(engine))
    return tags


def find_engine() -> str:
    """Return the first engine that works.

    :raises BuildError: there is none.
    """
    for engine, probe in (("docker", ["version"]), ("podman", ["info"]), ("buildah", ["info"])):
        if shutil.which(engine) and run([engine, *probe]).returncode == 0:
            return engine
    raise BuildError(NO_ENGINE)


def base_images(engine: str) -> dict[str, str]:
    """Return the build arguments that name base images; none for the Dockerfile's own.

    :raises BuildError: no registry, and no way to make one.
    """
    named = {name: os.environ[name] for name in ("BASE_IMAGE", "RUST_IMAGE") if os.environ.get(name)}
    if engine != "docker" and "BASE_IMAGE" not in named:
        base = find_base(engine)
        return dict.fromkeys(("BASE_IMAGE", "RUST_IMAGE"), base) | named if base else named
    return named


def find_base(engine: str) -> str | None:
    """Return the base image to name, or None for the Dockerfile's own.

    :raises BuildError: no registry, and no way to make one.
    """
    official = official_base()
    if run([engine, "pull", "--quiet", official]).returncode == 0:
        return None
    print(f"{official} cannot be pulled; the base is made from Debian instead.", file=sys.stderr)
    make_base()
    return BASE


def official_base() -> str:
    """Return the base that the Dockerfile names."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith("ARG BASE_IMAGE="))


def make_base() -> None:
    """Make a base image that is laid out like the official one.

    :raises BuildError: this machine cannot.
    """
    if os.geteuid() != 0 or not (shutil.which("mmdebstrap") and shutil.which("buildah")):
        raise BuildError("To make a base image takes Debian, root, and its packages mmdebstrap and buildah.")
    if run(["buildah", "inspect", "--type", "image", DEBIAN]).returncode != 0:
        make_debian()
    command = ["buildah", "build", "--layers", "--timestamp", "0", *options(lent())]
    command += ["--build-arg", f"DEBIAN_IMAGE={DEBIAN}", "--tag", BASE]
    command += ["--file", str(ROOT / "deploy" / "image" / "base.Dockerfile"), str(ROOT)]
    subprocess.run(command, check=True, env=environment("buildah"))


def make_debian() -> None:
    """Make an image of Debian alone, with the paths left out that its official slim image leaves out."""
    excluded = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "info", "locale", "man")]
    sources = "$1/etc/apt/sources.list"
    hook = r"""awk '$1 == "deb" { print "Types: deb\nURIs: " $2 "\nSuites: " $3 "\nComponents: " $4 "\n" }' """
    hook += f'"{sources}" > "{sources}.d/debian.sources"; rm "{sources}"'
    with tempfile.TemporaryDirectory() as folder:
        tar = f"{folder}/base.tar"
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(INCLUDED)}"]
        command += [*excluded, "--dpkgopt=path-include=/usr/share/doc/*/copyright", f"--customize-hook={hook}"]
        subprocess.run([*command, "trixie", tar], check=True)
        container = buildah("from", "scratch")
        buildah("add", "--quiet", container, tar, "/")
    buildah("commit", "--quiet", "--rm", container, DEBIAN)


def lent() -> dict[str, Path]:
    """Return the machine's certificates and its settings of registries, by the names of the Dockerfile's secrets."""
    files = {
        "certificates": Path(os.environ.get("SSL_CERT_FILE") or CERTIFICATES),
        "pip": Path(os.environ.get("PIP_CONFIG_FILE") or "/etc/pip.conf"),
        "cargo": Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "config.toml",
        "apt-sources": Path(os.environ.get("APT_SOURCES") or os.devnull),
    }
    return {name: file for name, file in files.items() if file.is_file()}


def options(secrets: Mapping[str, Path]) -> list[str]:
    """Return an engine's options that lend a build these files."""
    return [part for name, file in secrets.items() for part in ("--secret", f"id={name},src={file}")]


def version() -> str:
    """Return the project's version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def commit() -> tuple[str, str]:
    """Return the time of the commit in ISO 8601, and its hash, marked when something is not committed."""
    shown = run(["git", "-C", str(ROOT), "log", "-1", "--format=%ct %H"])
    if shown.returncode != 0:  # an unpacked archive
        return "1970-01-01T00:00:00Z", "unknown"
    seconds, revision = shown.stdout.split()
    dirty = run(["git", "-C", str(ROOT), "status", "--porcelain"]).stdout.strip()
    time = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return time, f"{revision}-dirty" if dirty else revision


def buildah(*arguments: str) -> str:
    """Run buildah; return what it says."""
    command = ["buildah", *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment("buildah")
    ).stdout.strip()


def environment(engine: str) -> dict[str, str]:
    """Return the variables with which an engine runs; buildah without a container runtime, if nobody says otherwise."""
    return ({"BUILDAH_ISOLATION": "chroot"} if engine == "buildah" else {}) | dict(os.environ)


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command whose failure is an answer, too."""
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError:
        return subprocess.CompletedProcess(command, 127, "", "")


if __name__ == "__main__":
    main()
