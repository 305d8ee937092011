"""What people look like before they dress: body, face, skin, eyes, hair, beards and hats."""

from muybridge.synthetic.looks.face import canvas_of
from muybridge.synthetic.looks.hair import hair_layers
from muybridge.synthetic.looks.hats import HATS, Hat, hat
from muybridge.synthetic.looks.identity import BEARDS, STYLES, Identity, identity
from muybridge.synthetic.looks.skin import skin_layers

__all__ = [
    "BEARDS",
    "HATS",
    "STYLES",
    "Hat",
    "Identity",
    "canvas_of",
    "hair_layers",
    "hat",
    "identity",
    "skin_layers",
]
