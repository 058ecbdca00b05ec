"""Builds the image with docker, podman or buildah, whichever is there: `make image`.

The base images are the Dockerfile's, or BASE_IMAGE and RUST_IMAGE. Where no registry can be reached, buildah and podman
build on a base made from Debian's own packages by mmdebstrap, which needs Debian and root, with Debian's cargo. The
machine's certificates and its settings of pip and cargo are lent to their builds as a mount, and are in no layer of the
image.
"""

import argparse
import configparser
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
NAME: Final = "kinesis-sanitizer"
DEBIAN_BASE: Final = "localhost/debian-python:trixie"
CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
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
    arguments |= base_images(engine)
    command = [engine, "build"]
    command += [part for tag in tags for part in ("--tag", tag)]
    command += ["--target", target] if target else []
    with tempfile.TemporaryDirectory() as folder:
        if engine != "docker":
            arguments |= lend(Path(folder))
            # docker: the OCI format has no place for a health check.
            command += ["--format", "docker", "--layers", "--volume", f"{folder}:/mnt:ro", "--timestamp", "0"]
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

    :raises BuildError: no registry, and no mmdebstrap.
    """
    named = {name: os.environ[name] for name in ("BASE_IMAGE", "RUST_IMAGE") if os.environ.get(name)}
    if engine != "docker" and "BASE_IMAGE" not in named:
        base = find_base(engine)
        return dict.fromkeys(("BASE_IMAGE", "RUST_IMAGE"), base) | named if base else named
    return named


def find_base(engine: str) -> str | None:
    """Return the base image to name, or None for the Dockerfile's own.

    :raises BuildError: no registry, and no mmdebstrap.
    """
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    official = next(line.partition("=")[2] for line in lines if line.startswith("ARG BASE_IMAGE="))
    if run([engine, "pull", "--quiet", official]).returncode == 0:
        return None
    print(f"{official} cannot be pulled; the base is made from Debian's packages instead.", file=sys.stderr)
    if run([engine, "inspect", "--type", "image", DEBIAN_BASE]).returncode != 0:
        make_debian_base()
    return DEBIAN_BASE


def make_debian_base() -> None:
    """Make a base image of Debian's Python.

    :raises BuildError: this machine cannot.
    """
    if os.geteuid() != 0 or not (shutil.which("mmdebstrap") and shutil.which("buildah")):
        raise BuildError("To make a base image takes Debian, root, and its packages mmdebstrap and buildah.")
    excluded = ("doc", "info", "locale", "man")
    with tempfile.TemporaryDirectory() as folder:
        tar = f"{folder}/base.tar"
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase"]
        command += ["--include=python3,python3-venv,ca-certificates"]
        command += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in excluded]
        subprocess.run([*command, "trixie", tar], check=True)
        container = buildah("from", "scratch")
        buildah("add", "--quiet", container, tar, "/")
    buildah("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
    buildah("commit", "--quiet", "--rm", container, DEBIAN_BASE)


def lend(folder: Path) -> dict[str, str]:
    """Put the machine's certificates, and its settings of pip and cargo, into a folder, to be mounted at /mnt.

    :return: the build arguments that name them there.
    """
    lent = {}
    cargo = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "config.toml"
    if cargo.is_file():
        shutil.copy(cargo, folder / "cargo.toml")
        lent["CARGO_CONFIG"] = "/mnt/cargo.toml"
    if not CERTIFICATES.is_file():
        return lent
    shutil.copy(CERTIFICATES, folder)
    there = f"/mnt/{CERTIFICATES.name}"
    pip = configparser.RawConfigParser()
    pip.read("/etc/pip.conf")
    pip.read_dict({"global": {"cert": there}})
    with (folder / "pip.conf").open("w", encoding="utf-8") as file:
        pip.write(file)
    return lent | {"SSL_CERT_FILE": there, "CARGO_HTTP_CAINFO": there, "PIP_CONFIG_FILE": "/mnt/pip.conf"}


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
