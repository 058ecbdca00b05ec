import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.deploy.container import Image, what_is_missing
from tests.deploy.dockerfile import ROOT
from tests.kits.needs import lacks


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """Build the image with buildah. Skips where that cannot be."""
    missing = what_is_missing()
    if missing:
        lacks(missing)
    subprocess.run([sys.executable, str(ROOT / "deploy" / "image" / "build.py"), "--engine", "buildah"], check=True)
    with Image("localhost/kinesis-sanitizer:dev") as made:
        yield made
