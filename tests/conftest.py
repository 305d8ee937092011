"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


def _shared() -> Path:
    return Path(os.environ.get("MUYBRIDGE_SHARED") or Path(__file__).parents[2] / "shared")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photos, motions and recorded outputs that the project does not contain."""
    folder = _shared()
    if not (folder / "data").is_dir():
        pytest.skip("needs the folder 'shared' beside the project, or MUYBRIDGE_SHARED")
    return folder
