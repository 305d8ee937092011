"""Clothes: designs by number, cut and hung on any body, painted."""

from muybridge.synthetic.wardrobe.catalogue import design
from muybridge.synthetic.wardrobe.design import KINDS, Design
from muybridge.synthetic.wardrobe.dressing import dress

__all__ = ["KINDS", "Design", "design", "dress"]
