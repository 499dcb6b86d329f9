from __future__ import annotations

import pytest

from peers import Certificates, certificates_for


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """For `hooks.example`."""
    return certificates_for(tmp_path_factory.mktemp("keys"), "hooks.example")
