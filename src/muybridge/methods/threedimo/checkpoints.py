"""3DiMo on disk: our own folders, read strictly and offline.

A folder has a file ``3dimo.json`` (the size's config) and a sub-folder per network:
``transformer``, ``control`` (what reads the driver), ``text``, ``vae``, ``decoder``, ``layout`` and
``reader`` where there is one, ``scheduler``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from muybridge.errors import InputError
from muybridge.methods.own_folder import OwnFolder

if TYPE_CHECKING:
    import torch

    from muybridge.methods.threedimo.config import ThreeDimoConfig
    from muybridge.methods.threedimo.networks import ThreeDimoNetworks

FOLDER = OwnFolder("3dimo.json", "muybridge.3dimo")
READING = ("control", "text", "decoder", "layout", "reader")
"""What reads driver and words: a training of something else that paints can begin with it. The
last three are where there are any."""


def is_threedimo_folder(folder: Path) -> bool:
    """Whether a folder holds 3DiMo; looks at ``3dimo.json`` only."""
    return FOLDER.is_at(folder)


def save(networks: ThreeDimoNetworks, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Write a folder of ours, whole or not at all.

    Args:
        networks: what to keep.
        folder: new, empty, or one of ours, which is replaced.
        dtype: of the trained networks' numbers on disk, such as ``torch.float16``. The
            autoencoder keeps its own.

    Raises:
        InputError: the folder holds something else.
    """
    from muybridge.networks.weights import save_model
    from muybridge.sampling import ResidualFlow

    def fill(part: Path) -> None:
        save_model(networks.transformer, part / "transformer", dtype)
        for name in READING:
            if getattr(networks, name) is not None:
                save_model(getattr(networks, name), part / name, dtype)
        save_model(networks.vae, part / "vae")
        ResidualFlow().scheduler().save_pretrained(part / "scheduler")

    FOLDER.write(folder, networks.config.to_json(), fill)


def read_index(folder: Path) -> ThreeDimoConfig:
    """The config in a folder of ours.

    Raises:
        InputError: there is none, or it is of a newer version or broken.
    """
    from muybridge.methods.threedimo.config import ThreeDimoConfig

    return ThreeDimoConfig.from_json(FOLDER.read(folder), folder / FOLDER.index)


def load(folder: Path, dtype: torch.dtype | None = None) -> ThreeDimoNetworks:
    """The networks in a folder of ours, in evaluation mode.

    Args:
        folder: see the module.
        dtype: of the weights in memory; float32 where it is left out.

    Raises:
        InputError: a file is absent, damaged, or does not fit the config.
    """
    import torch

    from muybridge.methods.threedimo.networks import ThreeDimoNetworks
    from muybridge.networks.linear_autoencoder import LinearAutoencoder
    from muybridge.networks.motion_transformer import MotionTransformer, with_places
    from muybridge.networks.weights import read_model

    dtype = dtype or torch.float32
    config = read_index(folder)
    if not config.autoencoder:
        raise InputError(folder, "autoencoder", "is Wan's own: this is the motion part alone",
                         "load it with wan=FOLDER and motion=this folder")
    reading = load_reading(folder, dtype)
    networks = ThreeDimoNetworks(
        config,
        with_places(read_model(MotionTransformer, folder / "transformer", dtype)),
        reading["control"], reading["text"],
        read_model(LinearAutoencoder, folder / "vae"),
        reading.get("decoder"), reading.get("layout"), reading.get("reader"),
    )
    _check_together(networks, folder)
    return networks.eval()


def load_reading(folder: Path, dtype: torch.dtype | None = None) -> dict[str, Any]:
    """The networks that read driver and words, by name.

    Args:
        folder, dtype: see :func:`load`.

    Raises:
        InputError: a file is absent or damaged.
    """
    import torch

    from muybridge.methods.threedimo.camera_text import CameraText
    from muybridge.methods.threedimo.guide import SkeletonGuide
    from muybridge.networks.joint_reader import JointReader
    from muybridge.networks.motion_layout import MotionLayout
    from muybridge.networks.motion_tokens import MotionEncoder, PoseDecoder, PoseTokens
    from muybridge.networks.weights import read_model

    dtype = dtype or torch.float32
    config = read_index(folder)
    controls: dict[str, Any] = {
        "tokens": MotionEncoder, "smpl": PoseTokens, "skeleton": SkeletonGuide,
    }
    classes: dict[str, Any] = {"control": controls[config.control], "text": CameraText}
    if config.decoder:
        classes["decoder"] = PoseDecoder
    if config.layout:
        classes["layout"] = MotionLayout
    if config.reader:
        classes["reader"] = JointReader
    return {name: read_model(kind, folder / name, dtype) for name, kind in classes.items()}


def _check_together(networks: ThreeDimoNetworks, folder: Path) -> None:
    """Refuse parts that are sound each but do not belong together."""
    latents = int(networks.vae.config["latent_channels"])
    config, transformer = networks.config, networks.transformer.config
    control: Any = networks.control.config
    inside = config.inject == "cross" and config.control != "skeleton"
    checks: list[tuple[str, Any, Any]] = [
        ("transformer out_channels", transformer["out_channels"], latents),
        ("transformer in_channels", transformer["in_channels"],
         latents * (1 + config.moved)
         + (config.layout.get("channels", 0) if inside else control["dim"])),
        ("transformer motion_dim", transformer["motion_dim"], control["dim"] if inside else 0),
        ("vae in_channels", int(networks.vae.config["in_channels"]), config.picture_channels),
        ("text width", networks.text.config["width"], transformer["text_dim"]),
    ]
    for name in ("decoder", "layout"):
        part: Any = getattr(networks, name)
        if part is not None:
            checks.append((f"{name} dim", part.config["dim"], control["dim"]))
    if networks.layout is not None:
        checks.append((
            "layout text_dim", networks.layout.config["text_dim"], networks.text.config["width"],
        ))
    if config.control == "tokens":
        told = 0 if networks.reader is None else networks.reader.config["joints"]
        checks.append(("control joints", control["joints"], told))
    if networks.reader is not None:
        checks += [
            (f"reader {name}", networks.reader.config[name], control[name])
            for name in ("width", "height", "channels")
        ]
    for what, found, wanted in checks:
        if found != wanted:
            raise InputError(
                folder, what, f"is {found} where the other networks need {wanted}",
                "use the networks of one training together",
            )
