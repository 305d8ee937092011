"""Pictures and videos in and out, and plates: rows are views, columns are moments."""

from muybridge.video.images import read_image, read_image_alpha, write_image
from muybridge.video.plates import Grid, PlateBuilder, plate, view_grid
from muybridge.video.reader import VIDEOS, VideoInfo, iter_video, probe_video, read_video
from muybridge.video.stills import write_gif, write_png_frames
from muybridge.video.writer import VideoWriter, write_video

__all__ = [
    "VIDEOS",
    "Grid",
    "PlateBuilder",
    "VideoInfo",
    "VideoWriter",
    "iter_video",
    "plate",
    "probe_video",
    "read_image",
    "read_image_alpha",
    "read_video",
    "view_grid",
    "write_gif",
    "write_image",
    "write_png_frames",
    "write_video",
]
