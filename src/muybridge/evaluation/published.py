"""What the papers report, for the page that stands beside our own figures.

Other people, other cameras, other sizes: these numbers and ours can't be compared. They are
here to show what each paper measures, and in which order it has the methods.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A table of a paper.

    Attributes:
        paper: name and arXiv number.
        table: which one.
        protocol: ours that comes nearest.
        data: what it was measured on.
        metrics: the columns.
        rows: method and values, as printed.
    """

    paper: str
    table: str
    protocol: str
    data: str
    metrics: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]


_HVG, _GAS = "HVG (arXiv 2602.21188)", "GAS (arXiv 2502.06957)"
_HVG_METRICS = ("FID", "SSIM", "PSNR", "LPIPS", "FID-VID", "FVD")

PUBLISHED: tuple[Published, ...] = (
    Published(
        _HVG, "table 1", "novel-view",
        "50 scans, rendered all around at rest; the front is the reference",
        _HVG_METRICS,
        (
            ("MagicAnimate", (363.1, 0.756, 8.227, 0.455, 161.3, 1323.0)),
            ("AnimateAnyone", (117.5, 0.868, 17.48, 0.179, 81.15, 660.7)),
            ("Champ", (126.1, 0.886, 17.74, 0.108, 34.00, 410.2)),
            ("MimicMotion", (223.6, 0.905, 19.59, 0.082, 24.55, 271.1)),
            ("AniGS", (101.5, 0.900, 18.97, 0.084, 28.62, 262.0)),
            ("LHM", (81.60, 0.907, 19.82, 0.075, 25.80, 248.4)),
            ("HVG", (59.35, 0.923, 22.13, 0.057, 13.97, 152.1)),
        ),
    ),
    Published(
        _HVG, "table 2", "view-pose", "25 videos of MVHumanNet, 8 views around",
        _HVG_METRICS,
        (
            ("MagicAnimate", (219.1, 0.722, 8.173, 0.478, 211.0, 1197.0)),
            ("AnimateAnyone", (154.1, 0.843, 16.71, 0.218, 96.12, 718.4)),
            ("Champ", (158.2, 0.858, 16.29, 0.145, 53.88, 468.0)),
            ("MimicMotion", (120.5, 0.876, 18.26, 0.119, 34.98, 291.0)),
            ("AniGS", (105.3, 0.871, 17.36, 0.127, 36.31, 299.3)),
            ("LHM", (103.7, 0.884, 18.43, 0.110, 28.86, 258.8)),
            ("HVG", (84.74, 0.901, 20.90, 0.092, 20.05, 177.4)),
        ),
    ),
    Published(
        _GAS, "table 1, THuman", "novel-view-4ref",
        "20 views from each of four orthogonal references; baselines fine-tuned (*)",
        ("PSNR", "SSIM", "LPIPS", "FVD"),
        (
            ("Animate Anyone*", (25.20, 0.938, 0.046, 302.7)),
            ("Champ*", (23.89, 0.928, 0.054, 296.1)),
            ("GAS", (26.77, 0.943, 0.041, 194.8)),
        ),
    ),
    Published(
        _GAS, "table 2", "novel-pose", "TikTok, 100 frames after the reference",
        ("PSNR", "SSIM", "LPIPS", "FVD"),
        (
            ("Animate Anyone*", (17.83, 0.791, 0.204, 840.5)),
            ("Champ*", (18.57, 0.797, 0.187, 893.7)),
            ("GAS", (19.11, 0.833, 0.176, 362.0)),
        ),
    ),
    Published(
        _GAS, "table 4", "novel-view", "before and after the video diffusion network, 2K2K",
        ("PSNR", "SSIM", "LPIPS", "FVD"),
        (
            ("human NeRF alone", (24.25, 0.925, 0.073, 517.7)),
            ("GAS", (28.82, 0.954, 0.039, 191.3)),
        ),
    ),
)
"""Tables of HVG and GAS; the texts of ReImagine and 3DiMo at hand have none."""
