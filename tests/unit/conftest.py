"""What takes long to make, and is made once in a process."""

from pathlib import Path

import pytest

from tests.kits.site import built


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation as a site."""
    return built(tmp_path_factory.mktemp("site"))
