"""The video UNet: Stable Video Diffusion's, with what GAS and HVG add, each where it is asked for.

As it comes it holds exactly the weights of SVD's UNet, under the same names. Features of cues
or poses are added behind the first convolution, and in image mode no temporal layer runs. GAS
adds the mode switch (paper 3.4): the code of its release embeds the two entries of a one-hot
label and adds the result to the time embedding; the paper says "concatenated". HVG (paper 3.2)
adds attention across views, an embedding of the camera, and keys of a reference picture in the
spatial attention. What is added leaves SVD's results as they are until it is trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers.configuration_utils import register_to_config
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.unets.unet_spatio_temporal_condition import (
    UNetSpatioTemporalConditionModel,
    UNetSpatioTemporalConditionOutput,
)
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.networks.camera_embedding import CameraEmbedding
from muybridge.networks.reference_attention import attentions, use_reference_attention
from muybridge.networks.video_blocks import Layout, use_video_blocks
from muybridge.networks.video_init import zero_linear
from muybridge.networks.view_attention import (
    is_view_parameter,
    temporal_twin,
    use_view_attention,
)
from muybridge.networks.weights import check_keys, load_strictly

DOWN, DOWN_CROSS = "DownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal"
UP, UP_CROSS = "UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"


class HumanVideoUNet(UNetSpatioTemporalConditionModel):
    """Denoises clips ``[B, F, C, h, w]`` or, in image mode, their frames one by one.

    With ``views=V`` every ``V`` clips that follow one another show one sample from ``V`` sides.

    Args (those of diffusers' ``UNetSpatioTemporalConditionModel``, and):
        task_embed_input_dim: width of the encoded mode label, twice
            ``addition_time_embed_dim``; ``None`` for a network without the switch.
        view_attention: ``2d`` or ``3d`` (see :mod:`muybridge.networks.view_attention`).
        camera_frequencies: of the camera's embedding; ``None`` for a network without.
    """

    @register_to_config
    def __init__(
        self,
        sample_size: int | Sequence[int] | None = None,
        in_channels: int = 8,
        out_channels: int = 4,
        down_block_types: Sequence[str] = (DOWN_CROSS, DOWN_CROSS, DOWN_CROSS, DOWN),
        up_block_types: Sequence[str] = (UP, UP_CROSS, UP_CROSS, UP_CROSS),
        block_out_channels: Sequence[int] = (320, 640, 1280, 1280),
        addition_time_embed_dim: int = 256,
        projection_class_embeddings_input_dim: int = 768,
        layers_per_block: int | Sequence[int] = 2,
        cross_attention_dim: int | Sequence[int] = 1024,
        transformer_layers_per_block: int | Sequence[int] = 1,
        num_attention_heads: int | Sequence[int] = (5, 10, 20, 20),
        num_frames: int = 25,
        task_embed_input_dim: int | None = None,
        view_attention: str = "none",
        camera_frequencies: int | None = None,
    ) -> None:
        # by keyword: diffusers takes positional arguments for defaults when it writes the config
        super().__init__(
            sample_size=sample_size,
            in_channels=in_channels,
            out_channels=out_channels,
            down_block_types=down_block_types,
            up_block_types=up_block_types,
            block_out_channels=block_out_channels,
            addition_time_embed_dim=addition_time_embed_dim,
            projection_class_embeddings_input_dim=projection_class_embeddings_input_dim,
            layers_per_block=layers_per_block,
            cross_attention_dim=cross_attention_dim,
            transformer_layers_per_block=transformer_layers_per_block,
            num_attention_heads=num_attention_heads,
            num_frames=num_frames,
        )
        self.class_proj: Timesteps | None = None
        self.class_embedding: TimestepEmbedding | None = None
        if task_embed_input_dim is not None:
            self.class_proj = Timesteps(
                addition_time_embed_dim, flip_sin_to_cos=True, downscale_freq_shift=0
            )
            self.class_embedding = TimestepEmbedding(
                task_embed_input_dim, block_out_channels[0] * 4
            )
            zero_linear(self.class_embedding.linear_2)
        self.camera_embedding: CameraEmbedding | None = None
        if camera_frequencies is not None:
            self.camera_embedding = CameraEmbedding(camera_frequencies, block_out_channels[0] * 4)
        use_video_blocks(self)
        use_reference_attention(self)
        if view_attention != "none":
            use_view_attention(self, view_attention)
        self._places = frozenset(attentions(self))

    def forward(
        self,
        sample: Float[Tensor, "B F C h w"],
        timestep: Tensor | float | int,
        encoder_hidden_states: Float[Tensor, "B L D"],
        added_time_ids: Float[Tensor, "B K"],
        return_dict: bool = True,
        *,
        class_labels: Float[Tensor, "B 2"] | None = None,
        cues: Float[Tensor, "..."] | None = None,
        images: bool = False,
        views: int = 1,
        rotations: Float[Tensor, "B F 3 3"] | None = None,
        bank: Mapping[str, Tensor] | None = None,
    ) -> UNetSpatioTemporalConditionOutput | tuple[Tensor]:
        """The network's output for each latent picture.

        Args:
            sample: scaled noisy latents and what is concatenated with them.
            timestep: one for all, or one per clip, as the scheduler gives it.
            encoder_hidden_states: tokens of the reference.
            added_time_ids: numbers that describe the clip (SVD: fps - 1, motion, noise).
            return_dict: give an object with ``sample`` instead of a tuple.
            class_labels: one-hot mode; needs ``task_embed_input_dim``.
            cues: features ``[B, F, c0, h, w]`` or ``[B*F, c0, h, w]``, added behind the
                first convolution.
            images: treat each frame alone; no temporal layer runs.
            views: clips that belong together; layers across views run where it is above 1.
            rotations: of the cameras against the first
                (:func:`muybridge.networks.camera_embedding.relative_rotations`); needs
                ``camera_frequencies``.
            bank: what :class:`muybridge.networks.reference_net.ReferenceNet` gives, a row per
                sample, or one for all.

        Raises:
            ValueError: labels or cameras were given to a network without their embedding, the
                bank is of another network, or the views don't divide the clips.
        """
        batch, frames = sample.shape[:2]
        layout = self._layout(batch, frames, images, views, bank)
        embedding = self.embed(timestep, added_time_ids, class_labels, batch, sample.dtype)
        embedding = embedding.repeat_interleave(frames, dim=0)
        context = encoder_hidden_states.repeat_interleave(frames, dim=0)
        if rotations is not None:
            if self.camera_embedding is None:
                raise ValueError("rotations need a network with camera_frequencies")
            embedding = embedding + self.camera_embedding(rotations).flatten(0, 1)

        hidden = self.conv_in(sample.flatten(0, 1))
        if cues is not None:
            hidden = hidden + cues.reshape(hidden.shape)
        hidden = self._blocks(hidden, embedding, context, layout)
        hidden = self.conv_out(self.conv_act(self.conv_norm_out(hidden)))
        output = hidden.unflatten(0, (batch, frames))
        return UNetSpatioTemporalConditionOutput(sample=output) if return_dict else (output,)

    def _layout(
        self, batch: int, frames: int, images: bool, views: int, bank: Mapping[str, Tensor] | None
    ) -> Layout:
        """How the pictures lie, after a look at what was said about them."""
        if views < 1 or batch % views:
            raise ValueError(f"{views} views of each sample do not divide {batch} clips")
        unknown = [] if bank is None else sorted(bank.keys() - self._places)
        if unknown:
            raise ValueError(f"the bank has states for {', '.join(unknown)}: no attention here")
        return Layout(views, frames, images, {} if bank is None else bank)

    def embed(
        self,
        timestep: Tensor | float | int,
        added_time_ids: Float[Tensor, "B K"],
        class_labels: Float[Tensor, "B 2"] | None,
        batch: int,
        dtype: torch.dtype,
    ) -> Float[Tensor, "B D"]:
        """Time, mode and clip numbers as one vector per clip; arguments as for :meth:`forward`."""
        times = torch.as_tensor(timestep, device=added_time_ids.device).expand(batch)
        embedding = self.time_embedding(self.time_proj(times).to(dtype))
        if class_labels is not None:
            if self.class_embedding is None or self.class_proj is None:
                raise ValueError("class_labels need a network with task_embed_input_dim")
            labels = self.class_proj(class_labels.flatten()).reshape(batch, -1)
            embedding = embedding + self.class_embedding(labels.to(dtype))
        numbers = self.add_time_proj(added_time_ids.flatten()).reshape(batch, -1)
        return embedding + self.add_embedding(numbers.to(dtype))

    def _blocks(
        self, hidden: Tensor, embedding: Tensor, context: Tensor, layout: Layout
    ) -> Tensor:
        """Down, middle and up."""
        skips = [hidden]
        for block in self.down_blocks:
            hidden, more = block(hidden, **_arguments(block, embedding, context, layout))
            skips.extend(more)
        hidden = self.mid_block(hidden, embedding, context, image_only_indicator=layout)
        ups: list[Any] = list(self.up_blocks)
        for block in ups:
            count = len(block.resnets)
            taken, skips = skips[-count:], skips[:-count]
            hidden = block(
                hidden,
                res_hidden_states_tuple=tuple(taken),
                upsample_size=tuple(skips[-1].shape[2:]) if skips else None,
                **_arguments(block, embedding, context, layout),
            )
        return hidden

    def init_from_svd(self, weights: Mapping[str, Tensor], assign: bool = False) -> tuple[str, ...]:
        """Take the weights of SVD's UNet of the same widths; what is added starts neutral.

        Layers across views become copies of the temporal ones behind closed gates, the camera's
        embedding and the last layer of the mode's are zero. Until it is trained, the network then
        gives SVD's results whatever the label, the cameras and the other views.

        Args:
            weights: by diffusers' names.
            assign: take the tensors themselves; for a network on ``meta``.

        Returns:
            The names that SVD does not have.

        Raises:
            InputError: names beyond those are missing, or there are others, or shapes differ.
        """
        expected = self.state_dict()
        own = tuple(name for name in expected if _is_added(name))
        check_keys(expected, weights, "SVD's UNet", may_lack=own)
        kind = weights["conv_in.weight"]
        started = {
            name: _start(name, expected, weights, kind.dtype, kind.device) for name in own
        }
        load_strictly(self, {**weights, **started}, "SVD's UNet", assign=assign)
        return own


def _is_added(name: str) -> bool:
    """Whether a parameter is not SVD's."""
    return name.startswith(("class_embedding.", "camera_embedding.")) or is_view_parameter(name)


def _start(
    name: str,
    shapes: Mapping[str, Tensor],
    svd: Mapping[str, Tensor],
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """How an added parameter starts."""
    if temporal_twin(name) != name:
        return svd[temporal_twin(name)].clone()
    value = torch.zeros(shapes[name].shape, dtype=dtype, device=device)
    if name.startswith("class_embedding.linear_1."):
        # not zero, or it could never learn: as torch starts a linear layer
        bound = shapes["class_embedding.linear_1.weight"].shape[1] ** -0.5
        nn.init.uniform_(value, -bound, bound)
    return value


def _arguments(
    block: Any, embedding: Tensor, context: Tensor, layout: Layout
) -> dict[str, Tensor | Layout]:
    """What a block takes besides its features: the context only where it has cross-attention."""
    arguments: dict[str, Tensor | Layout] = {"temb": embedding, "image_only_indicator": layout}
    if getattr(block, "has_cross_attention", False):
        arguments["encoder_hidden_states"] = context
    return arguments
