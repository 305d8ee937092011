from __future__ import annotations

import pytest
from nerf_scene import Scene


@pytest.fixture(scope="session")
def scene(painted) -> Scene:
    return Scene(painted)
