"""What pictures and clips are described by when sets of them are compared.

Extractors with weights take them from a file or folder that the user names; nothing is
fetched. ``fd[nano]`` and ``fd-vid[nano]`` need none.
"""

from muybridge.evaluation.extractors.cutting import cut, starts
from muybridge.evaluation.extractors.extractor import Extractor, Kind
from muybridge.evaluation.extractors.registry import NAMES, extractor

__all__ = ["NAMES", "Extractor", "Kind", "cut", "extractor", "starts"]
