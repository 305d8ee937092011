"""HVG on disk: our own folders, and the start from SVD-xt; read strictly and offline.

Our own folder has a file ``hvg.json`` (the size's config) and a sub-folder per network, each in
diffusers' or transformers' format: ``unet``, ``pose_modulator``, ``reference_net`` where there is
one, ``vae``, ``reference_token`` or ``image_encoder``, ``scheduler``.

HVG's authors have released no weights. Its training begins with SVD-xt, which lies on disk in
diffusers' layout (``unet/``, ``vae/``, ``image_encoder/``) or has its UNet in the original's
``svd_xt.safetensors``; autoencoder and CLIP are always read from diffusers' folders.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from muybridge.errors import InputError
from muybridge.methods.own_folder import OwnFolder

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from muybridge.methods.hvg.config import HvgConfig
    from muybridge.methods.hvg.networks import HvgNetworks
    from muybridge.networks.reference_net import ReferenceNet
    from muybridge.networks.video_unet import HumanVideoUNet

FOLDER = OwnFolder("hvg.json", "muybridge.hvg")
_ORIGINALS = ("svd_xt.safetensors", "svd_xt_1_1.safetensors")


def is_hvg_folder(folder: Path) -> bool:
    """Whether a folder holds HVG; looks at ``hvg.json`` only."""
    return FOLDER.is_at(folder)


# ------------------------------------------------------------------------ our own


def save(networks: HvgNetworks, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Write a folder of ours, whole or not at all.

    Args:
        networks: what to keep.
        folder: new, empty, or one of ours, which is replaced.
        dtype: of the trained networks' numbers on disk, such as ``torch.float16``. The
            autoencoder keeps its own.

    Raises:
        InputError: the folder holds something else.
    """
    from muybridge.networks.reference_token import ReferenceToken
    from muybridge.networks.weights import save_model

    encoder: Any = networks.image_encoder

    def fill(part: Path) -> None:
        save_model(networks.unet, part / "unet", dtype)
        save_model(networks.pose_modulator, part / "pose_modulator", dtype)
        if networks.reference_net is not None:
            save_model(networks.reference_net, part / "reference_net", dtype)
        save_model(networks.vae, part / "vae")
        if isinstance(encoder, ReferenceToken):
            save_model(encoder, part / "reference_token", dtype)
        else:
            encoder.save_pretrained(part / "image_encoder")
        networks.objective().scheduler().save_pretrained(part / "scheduler")

    FOLDER.write(folder, networks.config.to_json(), fill)


def read_index(folder: Path) -> HvgConfig:
    """The config in a folder of ours.

    Raises:
        InputError: there is none, or it is of a newer version or broken.
    """
    from muybridge.methods.hvg.config import HvgConfig

    return HvgConfig.from_json(FOLDER.read(folder), folder / FOLDER.index)


def load(folder: Path, dtype: torch.dtype | None = None) -> HvgNetworks:
    """The networks in a folder of ours, in evaluation mode.

    Args:
        folder: see the module.
        dtype: of the weights in memory; float32 where it is left out.

    Raises:
        InputError: a file is absent, damaged, or does not fit the config.
    """
    import torch

    from muybridge.methods.hvg.networks import HvgNetworks
    from muybridge.methods.loading import eyes_of
    from muybridge.networks.pose_modulator import PoseModulator
    from muybridge.networks.reference_net import ReferenceNet
    from muybridge.networks.video_unet import HumanVideoUNet
    from muybridge.networks.weights import read_model

    dtype = dtype or torch.float32
    config = read_index(folder)
    vae, encoder = eyes_of(folder, config, dtype)
    networks = HvgNetworks(
        config,
        read_model(HumanVideoUNet, folder / "unet", dtype),
        read_model(PoseModulator, folder / "pose_modulator", dtype),
        read_model(ReferenceNet, folder / "reference_net", dtype) if config.reference_net else None,
        vae,
        encoder,
    )
    _check_together(networks, folder)
    return networks.eval()


def _check_together(networks: HvgNetworks, folder: Path) -> None:
    """Refuse parts that are sound each but do not belong together."""
    from muybridge.networks.reference_attention import attentions

    latents = int(networks.vae.config["latent_channels"])
    pictures = int(networks.vae.config["in_channels"])
    config, unet, modulator = networks.config, networks.unet.config, networks.pose_modulator.config
    checks: list[tuple[str, Any, Any]] = [
        ("unet out_channels", unet["out_channels"], latents),
        ("unet in_channels", unet["in_channels"], 2 * latents),
        ("vae in_channels", pictures, config.picture_channels),
        ("pose_modulator maps", tuple(modulator["maps"]), config.maps),
        ("pose_modulator out_channels", modulator["out_channels"], unet["block_out_channels"][0]),
        ("pose_modulator pixels per feature", _product(modulator["strides"]), networks.patch),
    ]
    net = networks.reference_net
    if net is not None:
        known = attentions(networks.unet)
        strange = [name for name in net.places if name not in known]
        checks += [
            ("reference_net in_channels", net.config["in_channels"], latents),
            ("reference_net places", strange, []),
            ("reference_net widths", tuple(net.config["block_out_channels"]),
             tuple(unet["block_out_channels"])),
        ]
    for what, found, wanted in checks:
        if found != wanted:
            raise InputError(
                folder, what, f"is {found} where the other networks need {wanted}",
                "use the networks of one training together",
            )


def _product(numbers: Any) -> int:
    result = 1
    for number in numbers:
        result *= int(number)
    return result


# ------------------------------------------------------------------------ from SVD


def from_svd(
    source: Path,
    config: HvgConfig | None = None,
    dtype: torch.dtype | None = None,
    seed: int = 0,
) -> HvgNetworks:
    """Networks that begin with SVD-xt's weights, to be trained.

    The UNet gives SVD's results until it is trained; views don't see each other, cameras and maps
    say nothing. The reference network has the spatial layers of the same file.

    Args:
        source: a folder in diffusers' layout; the original's file; or a folder that holds it.
            ``vae`` and ``image_encoder`` lie in the folder, or beside the file.
        config: of networks of another size in the same layout.
        dtype: of the weights in memory but the autoencoder's; as in the files where ``None``.
        seed: of the pose modulator's weights.

    Raises:
        InputError: a file is absent, holds anything but tensors, or does not fit; every name that
            is missing or too many is told.
    """
    import torch

    from muybridge.methods.hvg.config import PAPER
    from muybridge.methods.hvg.networks import HvgNetworks
    from muybridge.networks.pose_modulator import PoseModulator
    from muybridge.networks.svd_parts import read_clip, read_video_vae

    config = config or PAPER
    path, original = _svd_unet(source)
    weights = read_svd_unet(path, original, config, dtype)
    unet = unet_from_svd(weights, config, path)
    net = reference_net_from_svd(weights, config, path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        modulator = PoseModulator(**config.pose_modulator).to(unet.conv_in.weight.dtype)
    place = path.parent if original else source
    networks = HvgNetworks(
        config, unet, modulator, net, read_video_vae(place / "vae"),
        read_clip(place / "image_encoder", dtype),
    )
    _check_together(networks, source)
    return networks


def _svd_unet(source: Path) -> tuple[Path, bool]:
    """The file with the UNet, and whether it is the original's.

    Raises:
        InputError: there is none.
    """
    from muybridge.networks.weights import WEIGHTS

    if source.is_file():
        return source, True
    for name in (WEIGHTS, WEIGHTS.replace(".safetensors", ".fp16.safetensors")):
        if (source / "unet" / name).is_file():
            return source / "unet" / name, False
    for name in _ORIGINALS:
        if (source / name).is_file():
            return source / name, True
    raise InputError(
        source, "", f"has neither unet/{WEIGHTS} nor {_ORIGINALS[0]}",
        "give the folder of Stable Video Diffusion XT",
    )


def read_svd_unet(
    path: Path, original: bool, config: HvgConfig, dtype: torch.dtype | None = None
) -> dict[str, Tensor]:
    """The weights of SVD's UNet under diffusers' names.

    Args:
        path: a file.
        original: it is the original's, which holds other networks too.
        config: its ``unet`` says how many levels and layers there are.
        dtype: of the weights in memory; as in the file where ``None``.

    Raises:
        InputError: the file is damaged, or the weights of its UNet don't fit.
    """
    from muybridge.networks.svd_names import from_original
    from muybridge.networks.video_unet import HumanVideoUNet
    from muybridge.networks.weights import check_keys, on_meta, read_weights

    weights = read_weights(path, dtype)
    plain = {**config.unet, "view_attention": "none", "camera_frequencies": None}
    expected = on_meta(HumanVideoUNet, plain, path).state_dict()
    if original:
        return from_original(weights, expected, config.unet, path)
    check_keys(expected, weights, path)
    return weights


def unet_from_svd(weights: dict[str, Tensor], config: HvgConfig, source: Path) -> HumanVideoUNet:
    """The video UNet with SVD's weights, which it takes as they are; what is added is neutral.

    Args:
        weights: diffusers' names. config: of the size. source: where from, for errors.
    """
    from muybridge.networks.video_unet import HumanVideoUNet
    from muybridge.networks.weights import on_meta

    unet = on_meta(HumanVideoUNet, config.unet, source)
    unet.init_from_svd(weights, assign=True)
    return unet


def reference_net_from_svd(
    weights: dict[str, Tensor], config: HvgConfig, source: Path
) -> ReferenceNet | None:
    """The reference network with the spatial layers of SVD's UNet; ``None`` for a size without.

    Args:
        weights: diffusers' names. config: of the size. source: where from, for errors.

    Raises:
        InputError: they are not all the weights of an image UNet.
    """
    import torch

    from muybridge.networks.reference_net import ReferenceNet, image_unet
    from muybridge.networks.svd_names import image_unet_weights
    from muybridge.networks.weights import check_keys, load_strictly, on_meta

    if not config.reference_net:
        return None
    arguments = dict(config.reference_net)
    given = image_unet_weights(weights, arguments["in_channels"])
    network = on_meta(ReferenceNet, arguments, source)
    arguments.pop("fusion", None)
    with torch.device("meta"):
        whole = image_unet(**arguments)
    check_keys(whole.state_dict(), given, source)
    own = {name: given[name].clone() for name in network.state_dict()}
    load_strictly(network, own, source, assign=True)
    return network
