"""Licences: each component's is one that is accepted, and THIRD-PARTY-NOTICES has its text."""

import re
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packageurl import PackageURL
from packaging.markers import Marker

from deploy.image import notices, parts, spdx
from tests.deploy.dockerfile import ROOT, instruction, stages
from tests.kits.needs import lacks

PACKAGES = Path(sysconfig.get_path("purelib"))
PRESENT = {parts.canonical(one.name) for one in distributions(path=[str(PACKAGES)])}


@pytest.fixture(scope="module")
def installed() -> list[parts.Part]:
    names = PRESENT.intersection(notices.required())
    return [*parts.packages(PACKAGES, names), *parts.jars(PACKAGES / "amazon_kclpy" / "jars")]


@pytest.fixture(scope="module")
def crates(tmp_path_factory: pytest.TempPathFactory) -> list[parts.Part]:
    if not shutil.which("cargo"):
        lacks("there is no cargo, which knows the crates")
    return parts.crates(notices.cargo(tmp_path_factory.mktemp("native")))


def needed_here() -> set[str]:
    """Return those of the required packages that this Python needs, too."""
    lines = re.findall(
        r"^([\w.-]+)==[^\s;]+(?: *; *([^\\\n]+))?", notices.REQUIREMENTS.read_text("utf-8"), re.MULTILINE
    )
    return {parts.canonical(name) for name, marker in lines if not marker or Marker(marker.strip()).evaluate()}


def part(licence: str, *texts: str, name: str = "part") -> parts.Part:
    return parts.Part(PackageURL("pypi", name=name, version="1.0"), licence, texts=texts)


def test_whatever_is_installed_is_under_an_accepted_licence(installed: Sequence[parts.Part]) -> None:
    assert len(installed) > 100
    assert [one for one in installed if not spdx.is_accepted(one.licence)] == []


def test_so_are_the_crates(crates: Sequence[parts.Part]) -> None:
    assert [one for one in crates if not spdx.is_accepted(one.licence)] == []


@pytest.mark.usefixtures("crates")
def test_the_repositorys_file_is_what_the_generator_writes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = set(notices.required()) - PRESENT
    if missing & needed_here():
        lacks(f"not installed (`make setup` does): {', '.join(sorted(missing))}")
    if missing:
        pytest.skip(f"this Python does without what the file lists: {', '.join(sorted(missing))}")
    monkeypatch.setattr("sys.argv", ["notices"])
    notices.main()
    written = (ROOT / "THIRD-PARTY-NOTICES").read_text(encoding="utf-8")
    assert capsys.readouterr().out == written, "run `make notices`"


@pytest.mark.parametrize(
    "name", ["LICENSE", "license-mit.txt", "Licence.md", "UNLICENSE", "COPYING", "copying.rst", "Notice"]
)
def test_image_keeps_whatever_may_be_a_licence(name: str, tmp_path: Path) -> None:
    """Which of them are used is for `parts.crates` to choose, in the image and here."""
    (found,) = re.findall(r"find \. (-maxdepth 2 -type f .+?) -exec", " ".join(stages()["native"].split()))
    for crate, file in (("crate-1.0", name), ("crate-1.0/src", name), ("crate-1.0", "lib.rs")):
        (tmp_path / crate).mkdir(parents=True, exist_ok=True)
        (tmp_path / crate / file).touch()
    command = ["find", ".", *shlex.split(found)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [f"./crate-1.0/{name}"]


def test_images_label_is_what_holds_for_all_of_it(installed: Sequence[parts.Part]) -> None:
    (label,) = re.findall(r'image\.licenses="([^"]+)"', "".join(instruction("LABEL")))
    ours = re.findall(r'^license = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    others = [parts.RUST, parts.JAVA, parts.python("3.11.0").licence, *(one.licence for one in installed)]
    assert label == spdx.all_of([*ours, *others])


@pytest.mark.parametrize(
    ("licence", "chosen"),
    [
        ("MIT", {"MIT"}),
        ("Unlicense OR MIT", {"MIT"}),
        ("MIT OR Apache-2.0", {"Apache-2.0"}),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", {"MPL-2.0", "Apache-2.0"}),
        ("GPL-2.0-only WITH Classpath-exception-2.0", {"GPL-2.0-only WITH Classpath-exception-2.0"}),
        ("GPL-2.0-only", None),
        ("MIT AND AGPL-3.0-only", None),
        ("Amazon Software License", None),
        ("", None),
    ],
)
def test_licence_is_accepted_only_if_accepted_ones_meet_it(licence: str, chosen: set[str] | None) -> None:
    assert spdx.chosen(licence) == chosen
    assert spdx.is_accepted(licence) == (chosen is not None)


@pytest.mark.parametrize(("licence", "said"), [("AGPL-3.0-only", "AGPL-3.0-only"), ("", "no licence")])
def test_component_under_another_licence_or_none_fails(licence: str, said: str) -> None:
    with pytest.raises(notices.NoticesError, match=rf"not accepted: pkg:pypi/part@1\.0: {said}"):
        notices.text({"Parts": [part("MIT", "text"), part(licence, "text")]})


def test_component_without_a_text_fails() -> None:
    with pytest.raises(notices.NoticesError, match=r"no text of MIT, of pkg:pypi/part@1\.0"):
        notices.text({"Parts": [part("MIT")]})


def test_equal_texts_stand_there_once() -> None:
    lines = notices.text(
        {"Parts": [part("MIT", "One\r\n text ", "Two", name="a"), part("MIT", "One text\n", name="b"), part("EPL-2.0")]}
    )
    assert [line.split() for line in lines.splitlines() if re.match(r"  (a|b|part) 1\.0 ", line)] == [
        ["a", "1.0", "MIT", "[1,", "2]"],
        ["b", "1.0", "MIT", "[1]"],
        ["part", "1.0", "EPL-2.0", "[3]"],
    ]
    assert lines.count("Eclipse Public License - v 2.0") == lines.count("Two") == 1


def test_every_kept_text_is_of_use(installed: Sequence[parts.Part]) -> None:
    names = {one.purl.name for one in installed if not one.texts} | {
        name for one in installed if not one.texts for name in spdx.chosen(one.licence) or ()
    }
    assert {file.stem for file in notices.TEXTS.iterdir()} <= names
