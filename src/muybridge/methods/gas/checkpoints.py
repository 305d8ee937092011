"""GAS on disk: our own folders, and the authors' release, both read strictly and offline.

Our own folder has a file ``gas.json`` (the size's config) and a sub-folder per network, each in
diffusers' or transformers' format: ``unet``, ``pose_net``, ``nerf_net``, ``vae``,
``reference_token`` or ``image_encoder``, ``scheduler``, and ``human_nerf`` where there is one.

The release (``docs/INSTALL.md`` of its repository) is ``GAS/{unet,pose_net,nerf_net}.pth``,
``stable-video-diffusion-img2vid-xt-1-1/{vae,image_encoder}`` and, for the cues,
``sherf/network-snapshot.pkl``. Safetensors of the same names are taken too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from muybridge.errors import InputError
from muybridge.methods.own_folder import OwnFolder

if TYPE_CHECKING:
    import torch

    from muybridge.methods.gas.config import GasConfig
    from muybridge.methods.gas.networks import GasNetworks

FOLDER = OwnFolder("gas.json", "muybridge.gas")
_RELEASED = ("unet", "pose_net", "nerf_net")
_SVD = "stable-video-diffusion-img2vid-xt-1-1"
_SNAPSHOT = "network-snapshot.pkl"
_ENDINGS = (".safetensors", ".pth")


def is_gas_folder(folder: Path) -> bool:
    """Whether a folder holds GAS: ours, or the release. Looks at names and ``gas.json`` only."""
    return FOLDER.is_at(folder) or _released_part(folder) is not None


def _released_part(folder: Path) -> Path | None:
    """The folder of the release's three files: this one, or ``GAS`` in it."""
    for place in (folder, folder / "GAS"):
        if all(any((place / f"{n}{e}").is_file() for e in _ENDINGS) for n in _RELEASED):
            return place
    return None


def load(
    folder: Path, dtype: torch.dtype | None = None, smpl: Path | None = None
) -> GasNetworks:
    """The networks in a folder: ours, or the release.

    Args:
        folder: see the module.
        dtype: of the weights in memory; float32 for ours and as in the files for the release
            where it is left out.
        smpl: see :func:`load_release`.

    Raises:
        InputError: it is neither, or something in it is missing or does not fit.
    """
    import torch

    if FOLDER.is_at(folder):
        return load_folder(folder, dtype or torch.float32)
    if _released_part(folder) is not None:
        return load_release(folder, dtype=dtype, smpl=smpl)
    raise InputError(
        folder, "", "holds no GAS",
        f"give a folder with {FOLDER.index}, or with GAS/unet.pth, GAS/pose_net.pth and "
        "GAS/nerf_net.pth",
    )


# ------------------------------------------------------------------------ our own


def save(
    networks: GasNetworks, folder: Path, dtype: torch.dtype | None = None
) -> None:
    """Write a folder of ours, whole or not at all.

    Args:
        networks: what to keep; the human NeRF too where there is one.
        folder: new, empty, or one of ours, which is replaced.
        dtype: of the UNet's and encoders' numbers on disk, such as ``torch.float16``. The
            autoencoder keeps its own.

    Raises:
        InputError: the folder holds something else.
    """
    from muybridge.networks.reference_token import ReferenceToken
    from muybridge.networks.weights import save_model

    encoder: Any = networks.image_encoder

    def fill(part: Path) -> None:
        for name in _RELEASED:
            save_model(getattr(networks, name), part / name, dtype)
        save_model(networks.vae, part / "vae")
        if isinstance(encoder, ReferenceToken):
            save_model(encoder, part / "reference_token", dtype)
        else:
            encoder.save_pretrained(part / "image_encoder")
        networks.objective().scheduler().save_pretrained(part / "scheduler")
        if networks.nerf is not None:
            save_model(networks.nerf, part / "human_nerf", dtype)

    FOLDER.write(folder, networks.config.to_json(), fill)


def read_index(folder: Path) -> GasConfig:
    """The config in a folder of ours.

    Raises:
        InputError: there is none, or it is of a newer version or broken.
    """
    from muybridge.methods.gas.config import GasConfig

    return GasConfig.from_json(FOLDER.read(folder), folder / FOLDER.index)


def load_folder(folder: Path, dtype: torch.dtype) -> GasNetworks:
    """The networks in a folder of ours, in evaluation mode.

    Raises:
        InputError: a file is absent, damaged, or does not fit the config.
    """
    from muybridge.methods.gas.networks import GasNetworks
    from muybridge.methods.loading import eyes_of
    from muybridge.networks.cue_encoders import NeRFNet, PoseNet
    from muybridge.networks.video_unet import HumanVideoUNet
    from muybridge.networks.weights import read_model

    config = read_index(folder)
    vae, encoder = eyes_of(folder, config, dtype)
    networks = GasNetworks(
        config,
        read_model(HumanVideoUNet, folder / "unet", dtype),
        read_model(PoseNet, folder / "pose_net", dtype),
        read_model(NeRFNet, folder / "nerf_net", dtype),
        vae,
        encoder,
        _nerf(folder / "human_nerf"),
    )
    _check_latents(networks, folder)
    return networks.eval()


def _nerf(folder: Path) -> Any:
    """The human NeRF in a folder; ``None`` where there is no folder."""
    if not folder.is_dir():
        return None
    from muybridge.networks.human_nerf.model import HumanNeRF
    from muybridge.networks.weights import read_model

    return read_model(HumanNeRF, folder).requires_grad_(False)


def _check_latents(networks: GasNetworks, folder: Path) -> None:
    """Refuse parts that are sound each but do not belong together."""
    latents = int(networks.vae.config["latent_channels"])
    pictures = int(networks.vae.config["in_channels"])
    config, unet = networks.config, networks.unet.config
    width = unet["block_out_channels"][0]
    for what, found, wanted in (
        ("unet out_channels", unet["out_channels"], latents),
        ("unet in_channels", unet["in_channels"], 2 * latents),
        ("vae in_channels", pictures, config.picture_channels),
        ("pose_net out_channels", networks.pose_net.config["out_channels"], width),
        ("nerf_net out_channels", networks.nerf_net.config["out_channels"], width),
        ("nerf_net in_channels", networks.nerf_net.config["in_channels"], latents),
    ):
        if found != wanted:
            raise InputError(
                folder, what, f"is {found} where the other networks need {wanted}",
                "use the networks of one training together",
            )


# ------------------------------------------------------------------------ the release


def load_release(
    folder: Path, config: GasConfig | None = None, dtype: torch.dtype | None = None,
    smpl: Path | None = None,
) -> GasNetworks:
    """The authors' weights. Nothing is renamed; every key must be there and none else.

    Args:
        folder: the release's ``pretrained_models``, or its ``GAS``.
        config: of networks of another size in the same layout.
        dtype: of UNet, cue encoders and CLIP in memory; as in the files where ``None``. The
            autoencoder is always float32: its encoder overflows in float16.
        smpl: the user's SMPL model file, which the human NeRF needs; it is left out without.

    Raises:
        InputError: a file is absent, holds anything but tensors, or does not fit.
    """
    from muybridge.methods.gas.config import PAPER
    from muybridge.methods.gas.networks import GasNetworks
    from muybridge.networks.cue_encoders import NeRFNet, PoseNet
    from muybridge.networks.svd_parts import read_clip, read_video_vae
    from muybridge.networks.video_unet import HumanVideoUNet

    config = config or PAPER
    place = _released_part(folder)
    if place is None:
        raise InputError(
            folder, "", "lacks some of unet.pth, pose_net.pth and nerf_net.pth",
            "give the folder that holds them, or the one that holds GAS/",
        )
    svd = _beside(place, _SVD)
    vae = read_video_vae(svd / "vae")
    encoder = read_clip(svd / "image_encoder", dtype)
    networks = GasNetworks(
        config,
        _released(HumanVideoUNet, config.unet, place, "unet", dtype),
        _released(PoseNet, config.pose_net, place, "pose_net", dtype),
        _released(NeRFNet, config.nerf_net, place, "nerf_net", dtype),
        vae,
        encoder,
        _snapshot(folder, smpl),
    )
    _check_latents(networks, folder)
    return networks.eval()


def _snapshot(folder: Path, smpl: Path | None) -> Any:
    """The human NeRF of the release; ``None`` without its snapshot or the body it needs."""
    path = released_nerf(folder)
    if path is None or smpl is None:
        return None
    from muybridge.body import load_body
    from muybridge.networks.human_nerf import canonical_skin
    from muybridge.networks.human_nerf.release import load_released

    return load_released(path, canonical_skin(load_body(str(smpl))))


def released_nerf(folder: Path) -> Path | None:
    """Where the release's ``network-snapshot.pkl`` lies; ``None`` where it is not there.

    Args:
        folder: as for :func:`load_release`.
    """
    for root in (folder, folder.parent):
        for path in (root / "sherf" / _SNAPSHOT, root / _SNAPSHOT):
            if path.is_file():
                return path
    return None


def _beside(place: Path, name: str) -> Path:
    """A folder of that name in ``place`` or beside it."""
    for root in (place, place.parent):
        if (root / name).is_dir():
            return root / name
    raise InputError(
        place.parent / name, "", "is not there",
        "download the folders vae and image_encoder of Stable Video Diffusion XT 1.1 to it",
    )


def _released(
    kind: type[Any], arguments: Any, place: Path, name: str, dtype: torch.dtype | None
) -> Any:
    """One of the release's networks."""
    from muybridge.networks.weights import load_strictly, on_meta, read_weights

    path = next(p for e in _ENDINGS if (p := place / f"{name}{e}").is_file())
    network = on_meta(kind, dict(arguments), path)
    load_strictly(network, read_weights(path, dtype), path, assign=True)
    return network
