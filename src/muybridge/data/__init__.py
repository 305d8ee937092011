"""Clips: records of people seen by cameras, their folders and shards, readers of public sets."""

from muybridge.data.folder import find_clips, iter_clips, read_clip, write_clip
from muybridge.data.pictures import CodedPictures, HeldPictures, Pictures
from muybridge.data.record import Clip, Reference, Shot
from muybridge.data.shards import iter_shards, write_shards

__all__ = [
    "Clip",
    "CodedPictures",
    "HeldPictures",
    "Pictures",
    "Reference",
    "Shot",
    "find_clips",
    "iter_clips",
    "iter_shards",
    "read_clip",
    "write_clip",
    "write_shards",
]
