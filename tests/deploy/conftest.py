import subprocess
import sys
from collections.abc import Iterator

import pytest

from deploy.image import build
from tests.deploy.container import Image, what_is_missing
from tests.deploy.dockerfile import ROOT
from tests.kits.needs import lacks


@pytest.fixture(scope="session")
def base(image: Image) -> Iterator[Image]:
    """Return what the image was built on."""
    name = build.base_images("buildah").get("BASE_IMAGE") or build.official_base()
    with Image(name) as made:
        assert made.root != image.root
        yield made


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """Build the image with buildah. Skips where that cannot be."""
    missing = what_is_missing()
    if missing:
        lacks(missing)
    subprocess.run([sys.executable, str(ROOT / "deploy" / "image" / "build.py"), "--engine", "buildah"], check=True)
    with Image("localhost/kinesis-sanitizer:dev") as made:
        yield made
