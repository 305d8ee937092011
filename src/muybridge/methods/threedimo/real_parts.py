"""The real parts on the user's disk: Wan with its text encoder, and the motion part trained for it.

Wan comes as its authors give it out in diffusers' layout, whole or in shards: 2.2's 5B model of
text and image to video, or 2.1's 14B model of image to video. The motion part is a folder of
ours: ``3dimo.json`` (the config), ``control`` (the motion encoders) and ``motion`` (the attention
to motion in Wan's blocks; nothing of Wan's own weights). Parts that do not fit to the last key
are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from safetensors.torch import save_file
from torch import Tensor

from muybridge.errors import InputError
from muybridge.methods.reimagine.real_parts import read_part
from muybridge.methods.threedimo.checkpoints import FOLDER, read_index
from muybridge.methods.threedimo.config import ThreeDimoConfig
from muybridge.networks.motion_tokens import MotionEncoder
from muybridge.networks.motion_transformer import MotionAttention, MotionTransformer, with_places
from muybridge.networks.weights import (
    WEIGHTS,
    check_keys,
    on_meta,
    read_model,
    read_weights,
    save_model,
)
from muybridge.sampling.video_models import WanTools

MOTION = "motion"
"""Folder of the attention to motion."""
NEGATIVE = "flicker, jitter, blurry, deformed, changing clothes, extra limbs"
"""What the unguided output is told; it sees no motion either."""
_PREFIX = "motion_blocks."
_OURS = ("motion_dim", "motion_inner_dim", "motion_every", "motion_reach")
_AGAIN = "download the folder again"


# ---------------------------------------------------------------------- the transformer


def with_motion(
    base: WanTransformer3DModel, config: ThreeDimoConfig,
    weights: Mapping[str, Tensor] | None = None, *, source: str | Path = "wan", seed: int = 0,
) -> MotionTransformer:
    """Wan's transformer with attention to motion in its blocks; it keeps the weights' memory.

    Args:
        base: with Wan's weights.
        config: of a size on Wan.
        weights: of the attention, by their names in the whole; new ones where left out, with
            which the results are Wan's to the bit.
        source: of ``base``, for the error.
        seed: of new weights. The global random state is left as it was.

    Raises:
        InputError: ``base`` is another Wan than the config's, or the weights don't fit it.
    """
    for name, wanted in config.transformer.items():
        found = base.config[name] if name not in _OURS else wanted
        if (tuple(found) if isinstance(found, list) else found) != wanted:
            raise InputError(source, name, f"is {found} where {config.size} needs {wanted}",
                             "give the Wan that the motion part was trained for")
    arguments = {k: v for k, v in base.config.items() if not k.startswith("_")}
    ours = {name: config.transformer[name] for name in _OURS if name in config.transformer}
    network = on_meta(MotionTransformer, {**arguments, **ours}, source)
    weight = next(base.parameters())
    if weights is None:
        fresh = _new_blocks(network, seed)
        weights = {name: value.to(weight.dtype) for name, value in fresh.items()}
    wanted = {k: v for k, v in network.state_dict().items() if k.startswith(_PREFIX)}
    check_keys(wanted, weights, "motion")
    network.load_state_dict({**base.state_dict(), **weights}, strict=True, assign=True)
    whole: Any = with_places(network)
    made: MotionTransformer = whole.to(weight.device).eval()
    return made


def _new_blocks(network: MotionTransformer, seed: int) -> dict[str, Tensor]:
    """New weights of the attention to motion."""
    config = network.config
    dim = config["num_attention_heads"] * config["attention_head_dim"]
    made: dict[str, Tensor] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, block in network.motion_blocks.items():
            assert isinstance(block, MotionAttention)
            new = MotionAttention(
                dim, block.heads, config["attention_head_dim"], config["motion_dim"], block.reach
            )
            made |= {f"{_PREFIX}{name}.{k}": v for k, v in new.state_dict().items()}
    return made


# ---------------------------------------------------------------------- the motion part


def save_motion(
    config: ThreeDimoConfig, transformer: MotionTransformer, control: MotionEncoder, folder: Path,
    dtype: torch.dtype | None = None,
) -> None:
    """Write what was trained beside Wan, whole or not at all.

    Args:
        config: of the size.
        transformer: only its attention to motion is written.
        control: the motion encoders.
        folder: new, empty, or one of ours, which is replaced.
        dtype: of the numbers on disk; as they are by default.

    Raises:
        InputError: the folder holds something else.
    """

    def fill(part: Path) -> None:
        save_model(control, part / "control", dtype)
        (part / MOTION).mkdir()
        tensors = {
            name: value.detach().to("cpu", dtype).contiguous()
            for name, value in transformer.state_dict().items() if name.startswith(_PREFIX)
        }
        save_file(tensors, part / MOTION / WEIGHTS, {"format": "pt"})

    FOLDER.write(folder, config.to_json(), fill)


def read_motion(
    folder: Path, dtype: torch.dtype
) -> tuple[ThreeDimoConfig, dict[str, Tensor], MotionEncoder]:
    """Config, weights of the attention to motion, and motion encoders.

    Args:
        folder: that :func:`save_motion` wrote.
        dtype: of the weights in memory.

    Raises:
        InputError: a file is absent or damaged, or the folder is of a small size.
    """
    config = read_index(folder)
    if config.autoencoder:
        raise InputError(folder, "autoencoder", f"{config.size} is a size of its own, not for Wan",
                         f"load it alone: muybridge.load({str(folder)!r})")
    control = read_model(MotionEncoder, folder / "control", dtype)
    if control.config["dim"] != config.transformer.get("motion_dim"):
        raise InputError(
            folder, "control dim", f"is {control.config['dim']} where the attention needs "
            f"{config.transformer.get('motion_dim')}", "use the parts of one training together",
        )
    return config, read_weights(folder / MOTION / WEIGHTS, dtype), control


# ---------------------------------------------------------------------- Wan


def read_transformer(folder: Path, dtype: torch.dtype) -> WanTransformer3DModel:
    """Wan's transformer, on the CPU; what its class keeps in float32 stays there.

    Args:
        folder: ``transformer`` of Wan's folder. ``dtype``: of the other weights in memory.

    Raises:
        InputError: a file is absent or damaged, or the two don't fit each other.
    """
    network: WanTransformer3DModel = read_part(WanTransformer3DModel, folder, torch_dtype=dtype)
    return network


def read_wan(folder: Path, transformer: MotionTransformer, config: ThreeDimoConfig,
             dtype: torch.dtype) -> WanTools:
    """Wan's other parts around a transformer, on the CPU, and what refinement has for them.

    Prompts are not encoded yet: the text encoder stays, for there is one for each window.

    Args:
        folder: Wan's, with ``vae``, ``text_encoder``, ``tokenizer``, and for 2.1
            ``image_encoder`` and ``image_processor``.
        transformer: of the same folder. ``config``: of the size.
        dtype: of the encoders of text and picture; the autoencoder has float32.

    Raises:
        InputError: a file is absent or damaged, or parts don't fit each other.
    """
    from diffusers import AutoencoderKLWan, WanImageToVideoPipeline
    from transformers import (  # type: ignore[attr-defined]
        AutoTokenizer,
        CLIPImageProcessor,
        CLIPVisionModel,
        UMT5EncoderModel,
    )

    vae = read_part(AutoencoderKLWan, folder / "vae", torch_dtype=torch.float32)
    text = read_part(UMT5EncoderModel, folder / "text_encoder", dtype=dtype)
    parts: dict[str, Any] = {}
    if config.condition == "channels":
        parts["image_encoder"] = read_part(CLIPVisionModel, folder / "image_encoder", dtype=dtype)
        parts["image_processor"] = _plain(CLIPImageProcessor, folder / "image_processor")
    latents, width = int(vae.config["z_dim"]), int(text.config.d_model)
    extra = 0 if config.condition == "first" else latents + int(vae.config["scale_factor_temporal"])
    for what, found, wanted in (
        ("vae z_dim", latents, transformer.config["out_channels"]),
        ("in_channels", transformer.config["in_channels"], latents + extra),
        ("vae scale_factor_temporal", vae.config["scale_factor_temporal"], config.compression),
        ("text_encoder d_model", width, transformer.config["text_dim"]),
    ):
        if found != wanted:
            raise InputError(folder, what, f"is {found} where the other parts need {wanted}",
                             "use the parts of one Wan together")
    pipeline: Any = WanImageToVideoPipeline(
        _plain(AutoTokenizer, folder / "tokenizer"), text, vae, None, transformer=transformer,
        expand_timesteps=config.condition == "first", **parts,
    )
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.requires_grad_(False).eval()
    return WanTools(pipeline, torch.zeros(1, 1, width), frames=config.window)


def _plain(kind: Any, folder: Path) -> Any:
    """A tokenizer or image processor from its folder, offline."""
    try:
        return kind.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the libraries raise of everything
        raise InputError(folder, "", f"can't be read ({error})"[:300], _AGAIN) from None


class Sentences:
    """Sentences to tokens by Wan's text encoder; each is encoded once.

    Args:
        pipeline: of Wan, with its text encoder.
    """

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._known: dict[str, Tensor] = {}

    @torch.no_grad()
    def __call__(self, sentence: str) -> Tensor:
        """Tokens ``[1, 512, D]`` of a sentence, on the CPU."""
        if sentence not in self._known:
            from diffusers import WanPipeline

            # WanPipeline's own way, which does without ftfy
            self._known[sentence] = WanPipeline._get_t5_prompt_embeds(
                self._pipeline, sentence, max_sequence_length=512,
                device=self._pipeline._execution_device,
            ).cpu()
        return self._known[sentence]
