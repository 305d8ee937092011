"""Where joints are that have some rotations, on a body of mean proportions.

Rotations alone count a forearm's twist as much as a raised thigh; places count what is seen.
"""

from __future__ import annotations

from functools import cache

import roma
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import Shape, load_body
from muybridge.body.kinematics import ancestors, world_rotations
from muybridge.body.skeleton import PARENTS
from muybridge.networks.motion_tokens import JOINTS


def joint_places(rotations: Float[Tensor, "*B J 6"]) -> Float[Tensor, "*B 21 3"]:
    """Places of the body's joints from the pelvis, as it is turned; metres.

    Args:
        rotations: relative to the parents, the body's 21 first, as
            :func:`~muybridge.methods.threedimo.conditions.joint_rotations` gives them; any two
            columns that are not parallel do.
    """
    with torch.autocast(rotations.device.type, enabled=False):  # places want all their digits
        columns = rotations[..., :JOINTS, :].float().unflatten(-1, (2, 3)).mT
        R = roma.special_gramschmidt(columns)
        whole = torch.cat([torch.eye(3).to(R).expand(*R.shape[:-3], 1, 3, 3), R], -3)
        parents = PARENTS[: JOINTS + 1]
        world = world_rotations(whole, parents)
        above = world[..., list(parents[1:]), :, :]
        bones, chain = (part.to(R) for part in _skeleton())
        return chain @ (above @ bones[..., None])[..., 0]


@cache
def _skeleton() -> tuple[Float[Tensor, "21 3"], Float[Tensor, "21 21"]]:
    """Bones of the mean body in its T-pose, metres, and which of them lead to a joint."""
    with torch.device("cpu"):
        rest = load_body().with_shape(Shape()).rest_joints[: JOINTS + 1].float()
        parents = PARENTS[: JOINTS + 1]
        bones = torch.stack([rest[k] - rest[parents[k]] for k in range(1, JOINTS + 1)])
        return bones, ancestors(parents)[1:, 1:].float()
