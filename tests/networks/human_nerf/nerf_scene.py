"""A painted person walking on the spot, seen from around, for the human NeRF's tests."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.motion import Motion, clips
from muybridge.networks.human_nerf import NANO, HumanNeRF, PosedSkin, posed_skin, training_item
from muybridge.render import render_textured

TINY: dict[str, Any] = {
    **NANO,
    "vertices": 1200,
    "reference_size": (96, 72),
    "token_dim": 8,
    "global_widths": (8, 8, 16, 16),
    "plane_size": 16,
    "style_dim": 16,
    "synthesis_base": 256,
    "synthesis_most": 16,
    "voxel": 0.04,
    "fusion_head_dim": 4,
    "fusion_hidden": 8,
    "decoder_width": 32,
    "samples": 20,
    "training_samples": 12,
    "bake_step": 0.02,
}
VIEWS, FRAMES = 6, 4


def tiny_nerf(seed: int = 0, **changes: Any) -> HumanNeRF:
    torch.manual_seed(seed)
    return HumanNeRF(**{**TINY, **changes})


class Scene:
    """Pictures of a person, and the skin that explains them."""

    def __init__(self, painted: Any) -> None:
        motion = clips.make("walk", frames=FRAMES)
        root = motion.root_position.clone()
        root[:, [0, 2]] = 0
        self.person = painted
        self.motion: Motion = dataclasses.replace(motion, root_position=root)
        self.posed = painted.posed(self.motion)
        self.cameras = Cameras.orbit(VIEWS, 1, size=(72, 96), distance=4.0)
        self.texture = torch.from_numpy(painted.texture)

    def skin(self, model: HumanNeRF) -> PosedSkin:
        return posed_skin(model.canonical, self.person.shaped, self.motion)

    def shot(self, view: int, frame: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """RGB [1, 3, 96, 72], coverage, K, T_cam_world, each of a batch of one."""
        K = self.cameras.K[view, :1].float()
        T = self.cameras.T_cam_world[view, :1].float()
        rgb, alpha = render_textured(
            self.posed.vertices[frame : frame + 1], self.posed.mesh, self.texture, K, T, 96, 72
        )
        return rgb, alpha, K, T

    def item(self, model: HumanNeRF, frame: int, view: int, views: list[int]) -> dict[str, Tensor]:
        skin = self.skin(model)
        reference, _, K, T = self.shot(view, frame)
        shots = [self.shot(v, frame) for v in views]
        rgb, alpha, Ks, Ts = (torch.cat(parts) for parts in zip(*shots, strict=True))
        return training_item(
            reference[0], skin.select([frame]), K[0], T[0],
            rgb, alpha, skin.select([frame] * len(views)), Ks, Ts,
        )

    def batch(self, model: HumanNeRF, seed: int, views: int = 2) -> dict[str, Tensor]:
        """Two items of so many targets each."""
        g = torch.Generator().manual_seed(seed)
        made = []
        for _ in range(2):
            frame = int(torch.randint(FRAMES, (), generator=g))
            view, *others = torch.randint(VIEWS, (views + 1,), generator=g).tolist()
            made.append(self.item(model, frame, view, others))
        return {key: torch.stack([item[key] for item in made]) for key in made[0]}


class Seeded:
    """Noise of two items a step, as the training engine's draws give it."""

    def __init__(self, seed: int, items: int = 2) -> None:
        self.items, self.generator = items, torch.Generator().manual_seed(seed)

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(self.items, *shape, generator=self.generator)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(self.items, *shape, generator=self.generator)
