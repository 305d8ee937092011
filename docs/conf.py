"""How the documentation is built: Sphinx, furo, pages in Markdown, nothing from the network."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import pages

import muybridge

project = "muybridge"
author = "the muybridge authors"
release = version = muybridge.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"muybridge {release}"
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": False}
napoleon_google_docstring = True
napoleon_use_ivar = True
nitpicky = False
suppress_warnings = ["ref.python", "misc.highlighting_failure"]


def setup(app):
    """Write the pages that are made from the code before Sphinx reads them."""
    app.connect("builder-inited", lambda _: pages.write(Path(__file__).parent))
