"""People: from photos to a body with clothes and colours that can take any pose."""

from muybridge.person.person import Person, Photo

__all__ = ["Person", "Photo"]
