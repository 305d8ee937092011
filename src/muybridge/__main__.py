"""``python -m muybridge``."""

from __future__ import annotations

import sys

from muybridge.cli import run

if __name__ == "__main__":
    sys.exit(run())
