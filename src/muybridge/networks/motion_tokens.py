"""Motion as a few tokens per frame, read off pictures: 3DiMo's motion encoders.

A transformer looks at the patches of one picture and at ``K`` latents of its own, and only what
it has written into the latents is kept (a tokenizer to one dimension, as TiTok's). So nothing of
the picture's layout is left. Body and hands have a tokenizer each; frames don't see each other
(paper, section 3.2). A decoder reads joint rotations off the tokens while they are young.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.embeddings import get_2d_sincos_pos_embed
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Bool, Float
from torch import Tensor, nn

from muybridge.networks.video_init import zero_linear

JOINTS = 21
"""Joints of the body whose rotations are told, those of SMPL-X but the root."""
HAND_JOINTS = 30
"""Joints of both hands."""
_TOLD = 4
"""Widths that layers have which are told where joints are."""


class MotionTokenizer(nn.Module):
    """Pictures to ``K`` tokens each.

    Args:
        size: height and width of the pictures, pixels.
        channels: of the pictures.
        patch: pixels of a patch's side.
        stem: channels of convolutions that make the patches, each halves the picture; empty:
            patches are taken as they are.
        dense: the latents begin as what one layer reads off all patches, not as constants; a
            small tokenizer that begins untrained learns several times as fast by it.
        dim: width. ``layers``: how many. ``heads``: of each.
        tokens: K; the paper has 5.
        joints: how many are told beside the pictures; 0 for none.

    Raises:
        ValueError: the stem's layers make no patches of that size.
    """

    def __init__(
        self, size: tuple[int, int], channels: int, patch: int, stem: tuple[int, ...],
        dense: bool, dim: int, layers: int, heads: int, tokens: int, joints: int = 0,
    ) -> None:
        super().__init__()
        if stem and 2 ** len(stem) != patch:
            raise ValueError(f"{len(stem)} halvings make no patches of {patch} pixels")
        parts: list[nn.Module] = []
        rows, columns = size[0] // patch, size[1] // patch
        if stem:
            rows, columns = -(-size[0] // patch), -(-size[1] // patch)
        before = channels
        for width in stem:
            parts += [nn.Conv2d(before, width, 3, 2, 1), nn.GroupNorm(8, width), nn.GELU()]
            before = width
        last = 1 if stem else patch
        self.patches = nn.Sequential(*parts, nn.Conv2d(before, dim, last, last))
        self.grid = (rows, columns)
        self.latents = nn.Parameter(torch.randn(1, tokens, dim) * 0.02)
        self.dense = nn.Sequential(
            nn.Linear(rows * columns * dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, tokens * dim),
            nn.Unflatten(1, (tokens, dim)),
        ) if dense else None
        self.told: nn.Sequential | None = None
        if joints:
            tells = nn.Linear(_TOLD * dim, tokens * dim)
            zero_linear(tells)  # what was learnt without joints goes on as it was
            self.told = nn.Sequential(
                nn.Linear(3 * joints, _TOLD * dim), nn.GELU(), nn.Linear(_TOLD * dim, _TOLD * dim),
                nn.GELU(), tells, nn.Unflatten(1, (tokens, dim)),
            )
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                dim, heads, 4 * dim, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, pictures: Float[Tensor, "N C H W"], joints: Float[Tensor, "N P 3"] | None = None
    ) -> Float[Tensor, "N K D"]:
        """Tokens of pictures in [0, 1].

        Args:
            pictures: in [0, 1].
            joints: where they were seen, where the tokenizer is told.

        Raises:
            ValueError: they are told to a tokenizer that does not listen, or not to one that
                does.
        """
        if (joints is None) != (self.told is None):
            raise ValueError("joints are told to a tokenizer that was made for them, and only so")
        seen = self.patches(2 * pictures - 1).flatten(2).transpose(1, 2)
        latents = self.latents.expand(len(seen), -1, -1).to(seen.dtype)
        if self.dense is not None:
            latents = latents + self.dense(seen.flatten(1))
        if self.told is not None and joints is not None:
            latents = latents + self.told(joints.to(seen.dtype).flatten(1))
        placed = seen + places(self.grid, seen.shape[-1]).to(seen)
        both = torch.cat([placed, latents], 1)
        for block in self.blocks:
            both = block(both)
        return self.norm(both[:, seen.shape[1]:])


@cache
def places(grid: tuple[int, int], dim: int) -> Float[Tensor, "N D"]:
    """Codes of a picture's patches.

    Args:
        grid: their rows and columns. ``dim``: length of a code.
    """
    with torch.device("cpu"):  # whichever device is the default one where it is first asked for
        made: Tensor = get_2d_sincos_pos_embed(dim, grid, output_type="pt")
    return made.float().view(grid[0] * grid[1], dim)


class MotionEncoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A driving video to motion tokens: K of the body, and K of each hand, per frame.

    Both hands go through one tokenizer, the right one mirrored; an embedding says which it was.
    A hand that is not seen has learnt tokens in its place.

    Args:
        width, height: of the driving pictures, pixels. ``hand``: side of the hands' pictures; 0
            for an encoder without hands.
        channels: of the driving pictures; those of hands have three.
        patch, hand_patch: pixels of a patch's side.
        stem, hand_stem, dense: see :class:`MotionTokenizer`.
        dim: width. ``layers``: of the body's tokenizer. ``hand_layers``: of the hands'.
        heads: of each.
        tokens: K.
        joints: of the body, that are told beside the pictures; 0 as in the paper.
    """

    @register_to_config
    def __init__(
        self, width: int = 256, height: int = 256, hand: int = 128, channels: int = 3,
        patch: int = 16, hand_patch: int = 16, dim: int = 512, layers: int = 6,
        hand_layers: int = 6, heads: int = 8, tokens: int = 5, stem: Sequence[int] = (),
        hand_stem: Sequence[int] = (), dense: bool = False, joints: int = 0,
    ) -> None:
        super().__init__()
        self.body = MotionTokenizer(
            (height, width), channels, patch, tuple(stem), dense, dim, layers, heads, tokens,
            joints,
        )
        self.hands: MotionTokenizer | None = None
        if hand:
            self.hands = MotionTokenizer(
                (hand, hand), 3, hand_patch, tuple(hand_stem), dense, dim, hand_layers, heads,
                tokens,
            )
            self.which = nn.Parameter(torch.randn(2, 1, dim) * 0.02)
            self.unseen = nn.Parameter(torch.randn(tokens, dim) * 0.02)

    @property
    def per_frame(self) -> int:
        """Tokens of a frame."""
        return int(self.config["tokens"]) * (3 if self.hands is not None else 1)

    def forward(
        self,
        pictures: Float[Tensor, "B F C H W"],
        hands: Float[Tensor, "B F 2 3 s s"] | None = None,
        seen: Bool[Tensor, "B F 2"] | None = None,
        joints: Float[Tensor, "B F P 3"] | None = None,
    ) -> Float[Tensor, "B F N D"]:
        """Motion tokens of driving videos.

        Args:
            pictures: in [0, 1].
            hands: the left and the right one, in [0, 1]; none is seen where left out.
            seen: which of them are.
            joints: of the body, where they were seen in the pictures, see
                :class:`~muybridge.networks.joint_reader.JointReader`; if the encoder is told.
        """
        frames = pictures.shape[:2]
        told = None if joints is None else joints.flatten(0, 1)
        body = self.body(pictures.flatten(0, 1), told).unflatten(0, frames)
        if self.hands is None:
            return body
        unseen = self.unseen.to(body).expand(*frames, 2, -1, -1)
        if hands is None:
            found = unseen
        else:
            alike = torch.stack([hands[:, :, 0], hands[:, :, 1].flip(-1)], 2)
            found = self.hands(alike.flatten(0, 2)).unflatten(0, (*frames, 2))
            if seen is not None:
                found = torch.where(seen[..., None, None], found, unseen)
        found = found + self.which
        return torch.cat([body, found.flatten(2, 3)], 2)


class PoseTokens(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Joint rotations to motion tokens: what 3DiMo is compared with (its table 2, SMPL control).

    Args:
        dim: width. ``tokens``: of a frame.
    """

    @register_to_config
    def __init__(self, dim: int = 512, tokens: int = 5) -> None:
        super().__init__()
        known = 6 * (JOINTS + HAND_JOINTS)
        self.layers = nn.Sequential(
            nn.Linear(known, 2 * dim), nn.GELU(), nn.Linear(2 * dim, tokens * dim),
        )
        self.norm = nn.LayerNorm(dim)

    @property
    def per_frame(self) -> int:
        """Tokens of a frame."""
        return int(self.config["tokens"])

    def forward(self, rotations: Float[Tensor, "B F J 6"]) -> Float[Tensor, "B F N D"]:
        """Tokens of rotations, of the body's joints and the hands'; see :class:`PoseDecoder`."""
        made = self.layers(rotations.flatten(2))
        return self.norm(made.unflatten(2, (self.config["tokens"], self.config["dim"])))


class PoseDecoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Motion tokens of a frame to joint rotations: the geometric supervision of the paper.

    Args:
        dim: of the tokens. ``tokens``: of a frame. ``hidden``: width.
    """

    @register_to_config
    def __init__(self, dim: int = 512, tokens: int = 15, hidden: int = 1024) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(dim * tokens, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(),
            nn.Linear(hidden, 6 * (JOINTS + HAND_JOINTS)),
        )

    def forward(self, tokens: Float[Tensor, "B F N D"]) -> Float[Tensor, "B F J 6"]:
        """Rotations as the first two columns of their matrices, joint by joint: those of the
        body, of the left hand and of the right one; the root's is not among them."""
        made: Any = self.layers(tokens.flatten(2))
        return made.unflatten(2, (JOINTS + HAND_JOINTS, 6))
