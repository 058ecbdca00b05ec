"""Makes build/lambda.zip: this project and its locked dependencies for Lambda, without KCL and the JVM.

The same input gives the same bytes: sorted names, one date, no byte code, nothing that says where it was made. uv
chooses the wheels, for whichever machine this runs on. The engine's compiled part is in it where cargo can build it for
the platform asked for, which is this machine's own; the functions work without.
"""

import argparse
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from platform import machine
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
UV: Final = Path(sys.executable).with_name("uv")
MATURIN: Final = Path(sys.executable).with_name("maturin")
PLATFORMS: Final = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
"""Lambda's names, uv's names. The runtimes from Python 3.12 on have glibc 2.34."""

GLIBC: Final = "manylinux_2_34"
"""What the compiled part may need: maturin refuses a result that asks for a newer C library."""

MACHINES: Final = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Lambda's names, Linux's names."""

MOST_BYTES: Final = 250 * 2**20
"""AWS: "Lambda quotas", deployment package, unzipped, layers included."""

NOT_OF_THE_FUNCTIONS: Final = (
    "backfill",
    "commands",
    "doctor",
    "kcl",
    "local",
    "producing",
    "terminal",
    "web",
    "worker",
)
"""Packages of `consumer` that none of its functions imports."""

_DATE: Final = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT: Final = frozenset({"direct_url.json", "uv_cache.json", "INSTALLER", "RECORD", "REQUESTED"})


def install(folder: Path, python: str, platform: str) -> None:
    """Install the dependencies from their hashes, and the project."""
    target = ["pip", "install", "--quiet", "--target", str(folder), "--python-version", python, "--no-deps"]
    wheels = ["--python-platform", PLATFORMS[platform], "--only-binary", ":all:", "--require-hashes"]
    _uv(*target, *wheels, "-r", str(ROOT / "requirements/lambda.txt"))
    _uv(*target, "--python", sys.executable, "--no-build-isolation", "--reinstall", str(_source(folder)))
    for name in NOT_OF_THE_FUNCTIONS:
        shutil.rmtree(folder / "consumer" / name)
    (folder / "kinesis_sanitizer.py").unlink()
    shutil.rmtree(folder / "bin", ignore_errors=True)


def install_native(folder: Path, platform: str) -> str | None:
    """Build the engine's compiled part, and install it.

    :return: why it is left out, if it is.
    """
    if (sys.platform, machine()) != ("linux", MACHINES[platform]):
        return f"it is built on Linux on {platform} only"
    if not (shutil.which("cargo") and MATURIN.exists()):
        return "there is no cargo, or there was none when `make setup` ran"
    wheels = folder.parent / "wheels"
    # Paths get into the result: these are the same everywhere.
    moved = {Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo"): "/cargo", ROOT: "/src"}
    flags = "\x1f".join(f"--remap-path-prefix={there}={here}" for there, here in moved.items())
    command: list[str | Path] = [
        MATURIN,
        "build",
        "--quiet",
        "--release",
        "--locked",
        "--manifest-path",
        ROOT / "native/Cargo.toml",
    ]
    # A folder of its own that stays: it and `make setup`, with other flags, would each undo what the other compiled.
    command += ["--target-dir", ROOT / "native/target/lambda", "--out", wheels, "--compatibility", GLIBC]
    if subprocess.run(command, check=False, env=os.environ | {"CARGO_ENCODED_RUSTFLAGS": flags}).returncode != 0:
        return "it cannot be built here, see above"
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return None


def _source(folder: Path) -> Path:
    """Return a copy of what is packaged: the build would leave its traces in the checkout."""
    source = folder.parent / "source"
    source.mkdir()
    for name in ("pyproject.toml", "kinesis_sanitizer.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("consumer", "redaction"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    return source


def _uv(*arguments: str) -> None:
    subprocess.run([UV, *arguments], check=True, env=os.environ | {"UV_COMPILE_BYTECODE": "0"})


def pack(folder: Path, archive: Path) -> int:
    """Write the archive; return the bytes of its files, unzipped."""
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name not in _LEFT_OUT and path.suffix != ".pyc" and path.name != ".lock"
    )
    archive.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as opened:
        for path in files:
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _DATE)
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            content = path.read_bytes()
            size += len(content)
            opened.writestr(info, content)
    return size


def main() -> None:
    """Make the archive, and say how large it is."""
    parser = argparse.ArgumentParser(description="Makes the package of the Lambda functions.")
    parser.add_argument("--python", default="3.13", help="version of Lambda's runtime")
    parser.add_argument("--platform", choices=PLATFORMS, default="arm64", help="architecture of the function")
    parser.add_argument(
        "--include", type=Path, action="append", default=[], help="a file beside the code: settings, policy"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "build/lambda.zip", help="the archive")
    arguments = parser.parse_args()
    work = ROOT / "build/lambda"
    shutil.rmtree(work, ignore_errors=True)
    folder = work / "package"
    folder.mkdir(parents=True)
    try:
        install(folder, arguments.python, arguments.platform)
        lacking = install_native(folder, arguments.platform)
        for file in arguments.include:
            shutil.copy(file, folder)
        size = pack(folder, arguments.output)
    finally:
        shutil.rmtree(work)
    if size > MOST_BYTES:
        arguments.output.unlink()
        sys.exit(f"{size / 2**20:.1f} MiB unzipped: more than the {MOST_BYTES >> 20} MiB that Lambda takes.")
    if lacking:
        print(f"Without the redaction engine's compiled part, which is faster (native/README.md): {lacking}")
    packed = arguments.output.stat().st_size
    print(f"{arguments.output}: {packed / 2**20:.1f} MiB, {size / 2**20:.1f} MiB unzipped (Lambda takes 250)")


if __name__ == "__main__":
    main()
