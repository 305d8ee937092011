"""The real parts on the user's disk: FLUX.1-Kontext, the ControlNet and the LoRA, read offline.

Every part is a folder as its authors give it out, whole or in shards; one that does not fit its
network to the last key is refused. Words are encoded when the parts are read, and the text encoders
let go: they weigh ten gigabytes, and there is one prompt for everything.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muybridge.errors import InputError, MissingWeights
from muybridge.methods.spec import MethodSpec, missing_text

if TYPE_CHECKING:
    import torch

    from muybridge.methods.reimagine.denoise import Text
    from muybridge.methods.reimagine.kontext_controlnet import FluxKontextControlNetPipeline

PRECISIONS = {"nf4": "bitsandbytes", "int8": "torchao"}
"""Ways to hold the transformer in less memory, 4 bits or 8 a weight, and what package does it."""
_AGAIN = "download the folder again"


def found(spec: MethodSpec, number: int, given: str | Path | None) -> Path:
    """Where a part lies: as given, or in the weights' folder.

    Args:
        spec: of the method; its last size is the paper's.
        number: of the part among that size's weights.
        given: by the user.

    Raises:
        InputError: it is not there.
        MissingWeights: nothing was given or found; the text says how to get it.
    """
    size = spec.sizes[-1]
    if given is not None:
        path = Path(given)
        if not path.exists():
            raise InputError(path, "", "is not there", "check the name")
        return path
    known = spec.find(size.weights[number])
    if known is None:
        raise MissingWeights(missing_text(spec, size, [size.weights[number]]))
    return known


def read_pipeline(
    kontext: Path, controlnet: Path, lora: Path | None, *, dtype: torch.dtype,
    quantize: str | None = None, lora_scale: float = 1.0,
) -> FluxKontextControlNetPipeline:
    """The image pipeline without text encoders, on the CPU.

    Args:
        kontext: a folder with ``transformer`` and ``vae``, as diffusers has them.
        controlnet: a folder of the ControlNet.
        lora: its file, in any form; merged, or beside weights that are quantised.
        dtype: of the weights in memory.
        quantize: of :data:`PRECISIONS`, for the transformer.
        lora_scale: of the LoRA.

    Raises:
        InputError: a file is absent or damaged, or parts do not fit each other.
    """
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.controlnets.controlnet_flux import FluxControlNetModel
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

    from muybridge.methods.reimagine.kontext_controlnet import FluxKontextControlNetPipeline
    from muybridge.methods.reimagine.lora import add_lora_adapter, merge_lora
    from muybridge.methods.reimagine.scheduler import release_scheduler

    less = {} if quantize is None else {"quantization_config": quantisation(quantize, dtype)}
    transformer = read_part(
        FluxTransformer2DModel, kontext / "transformer", torch_dtype=dtype, **less
    )
    steering = read_part(FluxControlNetModel, controlnet, torch_dtype=dtype)
    vae = read_part(AutoencoderKL, kontext / "vae", torch_dtype=dtype)
    _check_together(transformer, steering, vae, controlnet)
    if lora is not None:
        (merge_lora if quantize is None else add_lora_adapter)(transformer, lora, lora_scale)
    for network in (transformer, steering, vae):
        network.eval().requires_grad_(False)
    pipe = FluxKontextControlNetPipeline(
        release_scheduler(), vae, None, None, None, None, transformer, steering
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def read_text(kontext: Path, prompt: str, dtype: torch.dtype, device: torch.device) -> Text:
    """A prompt, encoded by the text encoders in Kontext's folder; they are let go again.

    Args:
        kontext: with ``text_encoder``, ``text_encoder_2``, ``tokenizer`` and ``tokenizer_2``;
            or with ``prompt``, a :class:`~muybridge.methods.reimagine.prompt.Prompt` that was
            encoded before, which is used whatever the prompt says.
        prompt: words. ``dtype``: of the encoders. ``device``: that they run on.

    Raises:
        InputError: a file is absent or damaged.
    """
    import torch

    from muybridge.methods.reimagine.denoise import Text
    from muybridge.methods.reimagine.prompt import Prompt
    from muybridge.networks.weights import read_model

    if (kontext / "prompt").is_dir():
        with torch.no_grad():
            return Text(*read_model(Prompt, kontext / "prompt", dtype)(1))
    from transformers import (  # type: ignore[attr-defined]
        CLIPTextModel,
        CLIPTokenizer,
        T5EncoderModel,
        T5TokenizerFast,
    )

    pooled = _encoded(CLIPTextModel, CLIPTokenizer, kontext, "", prompt, 77, dtype, device)
    tokens = _encoded(T5EncoderModel, T5TokenizerFast, kontext, "_2", prompt, 512, dtype, device)
    return Text(tokens, pooled)


def _encoded(
    model: Any, tokenizer: Any, kontext: Path, which: str, prompt: str, length: int,
    dtype: torch.dtype, device: torch.device,
) -> torch.Tensor:
    """What one text encoder makes of a prompt, on the CPU: T5's tokens, or CLIP's pooled."""
    import torch

    folder = kontext / f"tokenizer{which}"
    try:
        words = tokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(folder, "", f"can't be read ({error})"[:300], _AGAIN) from None
    network = read_part(model, kontext / f"text_encoder{which}", dtype=dtype).to(device).eval()
    given = words(prompt, padding="max_length", max_length=length, truncation=True,
                  return_tensors="pt")
    with torch.no_grad():
        output = network(given.input_ids.to(device))
    return (output.last_hidden_state if which else output.pooler_output).cpu()


def read_part(kind: Any, folder: Path, **options: Any) -> Any:
    """A network of diffusers or transformers from its folder, strictly and offline.

    Args:
        kind: its class.
        folder: with ``config.json`` and safetensors, whole or in shards.
        options: of ``from_pretrained``.

    Raises:
        InputError: a file is absent or damaged, or the two don't fit each other.
    """
    if not (folder / "config.json").is_file():
        raise InputError(folder / "config.json", "", "is not there", _AGAIN)
    told: dict[str, Any]
    try:
        network, told = kind.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True,
            **options,
        )
    except Exception as error:
        # both libraries raise of everything, down to bare safetensors' errors
        raise InputError(folder, "", f"can't be read ({error})"[:300], _AGAIN) from None
    wrong = sorted(
        str(key) for name in ("missing_keys", "unexpected_keys", "mismatched_keys")
        for key in told.get(name) or ()
    )
    if wrong:
        raise InputError(
            folder, "weights", f"{len(wrong)} don't fit: {', '.join(wrong[:12])}", _AGAIN
        )
    return network


def quantisation(name: str, dtype: torch.dtype) -> Any:
    """How diffusers is told to hold a transformer in less memory.

    Args:
        name: of :data:`PRECISIONS`. ``int8`` runs anywhere, ``nf4`` on GPUs of NVIDIA.
        dtype: that is computed in.

    Raises:
        InputError: there is no such way, or what it needs is not there.
    """
    if name not in PRECISIONS:
        raise InputError("quantize", "", f"can't be {name!r}", f"use {' or '.join(PRECISIONS)}")
    package = PRECISIONS[name]
    if find_spec(package) is None:
        raise InputError("quantize", "", f"{name} needs the package {package}",
                         f"pip install {package}, or leave quantize out")
    import torch
    from diffusers import BitsAndBytesConfig, TorchAoConfig

    if name == "int8":
        from torchao.quantization import Int8WeightOnlyConfig

        return TorchAoConfig(Int8WeightOnlyConfig())
    if not torch.cuda.is_available():
        raise InputError("quantize", "", "nf4 needs a GPU of NVIDIA", "use int8, which does not")
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
    )


def _check_together(transformer: Any, controlnet: Any, vae: Any, source: Path) -> None:
    """Refuse parts that are sound each but do not belong together."""
    names = ("in_channels", "num_attention_heads", "attention_head_dim", "joint_attention_dim",
             "pooled_projection_dim")
    checks = [(name, controlnet.config[name], transformer.config[name]) for name in names]
    latents = transformer.config["in_channels"] // 4
    checks.append(("vae latent_channels", vae.config["latent_channels"], latents))
    for what, have, wanted in checks:
        if have != wanted:
            raise InputError(source, what, f"is {have} where the transformer needs {wanted}",
                             "use a ControlNet for FLUX.1")
