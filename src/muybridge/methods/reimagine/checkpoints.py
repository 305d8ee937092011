"""ReImagine's small sizes on disk: our own folders, read strictly and offline.

Such a folder has a file ``reimagine.json`` (the size's config) and a sub-folder per network, each
in diffusers' format: ``transformer``, ``controlnet``, ``prompt``, ``vae``, ``scheduler``; where
there are some, ``pose_adapter``, ``video`` and ``condition_encoder``; and ``lora`` with a LoRA in
any key form, which is merged when it is read. The real parts are read elsewhere.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muybridge.errors import InputError
from muybridge.methods.own_folder import OwnFolder

if TYPE_CHECKING:
    import torch
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
    from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

    from muybridge.methods.reimagine.config import ReImagineConfig
    from muybridge.methods.reimagine.networks import ReImagineNetworks

FOLDER = OwnFolder("reimagine.json", "muybridge.reimagine")
LORA = "pytorch_lora_weights.safetensors"
_ADAPTER = "reimagine"


def is_reimagine_folder(folder: Path) -> bool:
    """Whether a folder holds ReImagine; looks at ``reimagine.json`` only."""
    return FOLDER.is_at(folder)


def save(networks: ReImagineNetworks, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Write a folder of ours, whole or not at all.

    Args:
        networks: what to keep; a LoRA in them has to be merged.
        folder: new, empty, or one of ours, which is replaced.
        dtype: of the trained networks' numbers on disk, such as ``torch.float16``. The
            autoencoder keeps its own.

    Raises:
        InputError: the folder holds something else.
    """
    from muybridge.networks.weights import save_model
    from muybridge.sampling import ResidualFlow

    def fill(part: Path) -> None:
        for name in ("transformer", "controlnet", "prompt", "pose_adapter", "video",
                     "condition_encoder"):
            network = getattr(networks, name)
            if network is not None:
                save_model(network, part / name, dtype)
        save_model(networks.vae, part / "vae")
        ResidualFlow().scheduler().save_pretrained(part / "scheduler")

    FOLDER.write(folder, networks.config.to_json(), fill)


def read_index(folder: Path) -> ReImagineConfig:
    """The config in a folder of ours.

    Raises:
        InputError: there is none, or it is of a newer version or broken.
    """
    from muybridge.methods.reimagine.config import ReImagineConfig

    return ReImagineConfig.from_json(FOLDER.read(folder), folder / FOLDER.index)


def load(
    folder: Path, dtype: torch.dtype | None = None, *, lora: bool = True
) -> ReImagineNetworks:
    """The networks in a folder of ours, in evaluation mode.

    Args:
        folder: see the module.
        dtype: of the weights in memory; float32 where it is left out.
        lora: merge the folder's LoRA, if it has one.

    Raises:
        InputError: a file is absent, damaged, or does not fit the config.
    """
    import torch
    from diffusers.models.controlnets.controlnet_flux import FluxControlNetModel
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

    from muybridge.methods.reimagine.condition_encoder import ConditionEncoder, PoseAdapter
    from muybridge.methods.reimagine.lora import merge_lora
    from muybridge.methods.reimagine.networks import ReImagineNetworks
    from muybridge.methods.reimagine.prompt import Prompt
    from muybridge.networks.linear_autoencoder import LinearAutoencoder
    from muybridge.networks.weights import read_model

    dtype = dtype or torch.float32
    config = read_index(folder)
    if not config.autoencoder or not config.prompt:
        raise InputError(
            folder / FOLDER.index, "autoencoder", "is none of the small ones",
            "load the real parts with kontext=, controlnet= and lora=",
        )

    def optional(kind: Any, name: str) -> Any:
        return read_model(kind, folder / name, dtype) if (folder / name).is_dir() else None

    networks = ReImagineNetworks(
        config,
        read_model(FluxTransformer2DModel, folder / "transformer", dtype),
        read_model(FluxControlNetModel, folder / "controlnet", dtype),
        read_model(Prompt, folder / "prompt", dtype),
        read_model(LinearAutoencoder, folder / "vae"),
        read_model(PoseAdapter, folder / "pose_adapter", dtype) if config.pose_adapter else None,
        read_video(folder / "video", dtype) if (folder / "video").is_dir() else None,
        optional(ConditionEncoder, "condition_encoder"),
    )
    _check_together(networks, folder)
    if lora and (folder / "lora").is_dir():
        merge_lora(networks.transformer, folder / "lora" / LORA)
    return networks.eval()


def read_video(folder: Path, dtype: torch.dtype | None = None) -> WanTransformer3DModel:
    """Wan's transformer from its folder, strictly and from this machine only.

    It keeps tables that are no weights, so it can't be made without memory as the others are.

    Args:
        folder: in diffusers' layout.
        dtype: of the weights in memory; as in the file where ``None``.

    Raises:
        InputError: a file is absent or damaged, or the two don't fit each other.
    """
    from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

    from muybridge.networks.weights import (
        CONFIG,
        WEIGHTS,
        load_strictly,
        on_meta,
        read_config,
        read_weights,
    )

    arguments = read_config(WanTransformer3DModel, folder)
    on_meta(WanTransformer3DModel, arguments, folder / CONFIG)
    network = WanTransformer3DModel(**arguments)
    load_strictly(network, read_weights(folder / WEIGHTS, dtype), folder / WEIGHTS, assign=True)
    return network.eval()


def _check_together(networks: ReImagineNetworks, folder: Path) -> None:
    """Refuse parts that are sound each but do not belong together."""
    config, flux = networks.config, networks.transformer.config
    latents, tokens = config.latent_channels, config.token_channels
    inner = flux["num_attention_heads"] * flux["attention_head_dim"]
    control = networks.controlnet.config
    checks: list[tuple[str, Any, Any]] = [
        ("transformer in_channels", flux["in_channels"], tokens),
        ("controlnet in_channels", control["in_channels"], tokens),
        ("controlnet width", control["num_attention_heads"] * control["attention_head_dim"], inner),
        ("vae latent_channels", networks.vae.config["latent_channels"], latents),
        ("vae in_channels", networks.vae.config["in_channels"], config.picture_channels),
        ("vae patch", networks.vae.config["patch"], config.latent_patch),
        ("prompt width", networks.prompt.config["width"], flux["joint_attention_dim"]),
        ("prompt pooled_width", networks.prompt.config["pooled_width"],
         flux["pooled_projection_dim"]),
    ]
    if networks.pose_adapter is not None:
        checks.append(("pose_adapter dim", networks.pose_adapter.config["dim"], tokens))
    if networks.video is not None:
        checks += [
            ("video in_channels", networks.video.config["in_channels"], latents),
            ("video text_dim", networks.video.config["text_dim"], flux["joint_attention_dim"]),
        ]
    if networks.condition_encoder is not None:
        found = networks.condition_encoder.config["input_dim"]
        checks.append(("condition_encoder input_dim", found, tokens))
    for what, found, wanted in checks:
        if found != wanted:
            raise InputError(
                folder, what, f"is {found} where the other networks need {wanted}",
                "use the networks of one training together",
            )


# ------------------------------------------------------------------------ LoRA


def add_lora(transformer: FluxTransformer2DModel, rank: int) -> None:
    """Put an untrained LoRA into a transformer, as the release's training does; its base freezes.

    Args:
        transformer: of any size.
        rank: of all its matrices; their product is added as it is.
    """
    from peft import LoraConfig

    from muybridge.methods.reimagine.config import LORA_TARGETS

    names = "|".join(name.replace(".", r"\.") for name in LORA_TARGETS)
    transformer.add_adapter(
        LoraConfig(
            r=rank, lora_alpha=rank,
            target_modules=rf"(single_)?transformer_blocks\.\d+\.({names})",
        ),
        adapter_name=_ADAPTER,
    )


def save_lora(
    transformer: FluxTransformer2DModel, folder: Path, dtype: torch.dtype | None = None
) -> None:
    """Write the LoRA that :func:`add_lora` put in, in diffusers' key form.

    Args:
        transformer: with it. ``folder``: made where it is not there.
        dtype: of the numbers on disk.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    kept = get_peft_model_state_dict(transformer, adapter_name=_ADAPTER)
    tensors = {
        f"transformer.{name}": value.detach().to("cpu", dtype).contiguous()
        for name, value in kept.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / LORA, {"format": "pt"})


def assemble(base: Path, folder: Path, parts: dict[str, Path]) -> None:
    """Put a folder of ours together from what stages of a training have left.

    Args:
        base: a folder of ours.
        folder: empty; gets everything in ``base``.
        parts: sub-folders by name that replace or join those of ``base``.
    """
    shutil.copytree(base, folder, dirs_exist_ok=True)
    for name, source in parts.items():
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(source, folder / name)
