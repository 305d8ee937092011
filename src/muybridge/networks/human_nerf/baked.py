"""A reference with everything that doesn't depend on view or pose computed once.

Density, and what the colour depends on but the direction, are functions of the canonical
point alone. They are kept at the nodes of a grid around the canonical skin and looked up
from there; the small layers that take the direction stay a network.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from muybridge.errors import InputError
from muybridge.networks.human_nerf.features import ReferenceFeatures
from muybridge.networks.human_nerf.nearest import nearest_vertex
from muybridge.networks.human_nerf.rendering import Hidden
from muybridge.networks.human_nerf.skin import CanonicalSkin
from muybridge.networks.human_nerf.sparse import VoxelLevel
from muybridge.video.atomic import replacing

if TYPE_CHECKING:
    from muybridge.networks.human_nerf.model import HumanNeRF

_THIN = 0.5
"""Density that counts as none when rays are bounded, per metre."""
_LEAST_REACH = 0.025
"""Farther than half the distance between vertices, so that no ray slips between, metres."""
_FORMAT = "muybridge baked reference 1"


@dataclass(frozen=True, eq=False)
class Shell:
    """The nodes of a grid within reach of the canonical skin.

    Attributes:
        low: the grid's lowest corner (x, y, z).
        step: between nodes, metres.
        level: which nodes there are.
        vertex: the nearest vertex of each.
    """

    low: Float[Tensor, "3"]
    step: float
    level: VoxelLevel
    vertex: Int[Tensor, "G"]

    @property
    def nodes(self) -> Float[Tensor, "G 3"]:
        """Their places, metres."""
        return self.low + self.level.coords.flip(1) * self.step

    @staticmethod
    def of(canonical: CanonicalSkin, radius: float, step: float, device: torch.device) -> Shell:
        """The nodes that any point within ``radius`` of a vertex needs; made once."""

        def make() -> Shell:
            reach = radius + 2 * step  # a cell's diagonal is shorter than two steps
            low, high = canonical.bounds.cpu()
            low = low - reach
            count = torch.ceil((high + reach - low) / step).long() + 1
            axes = [torch.arange(int(n)) for n in count.flip(0)]
            coords = torch.cartesian_prod(*axes)
            places = low + coords.flip(1) * step
            vertex = nearest_vertex(
                places, canonical.vertices.cpu(), lambda: canonical.tree, reach
            )
            near = vertex < len(canonical.vertices)
            shape = (len(axes[0]), len(axes[1]), len(axes[2]))
            level = VoxelLevel.of(coords[near], shape)  # as sorted as the coordinates are
            return Shell(low.to(device), step, level.to(device), vertex[near].to(device))

        return canonical.once(("shell", radius, step, str(device)), make)


@dataclass(frozen=True, eq=False)
class BakedReference:
    """A person, ready to be rendered in any pose from any side.

    Attributes:
        raw: raw density at the shell's nodes.
        hidden: the colour layer's sum there, without the direction's part.
        reach: how far off each vertex there is density, metres; rays are sampled so near only.
        shell: where the nodes lie.
        signature: which network and body it was baked with.
    """

    raw: Float[Tensor, "G"]
    hidden: Float[Tensor, "G H"]
    reach: Float[Tensor, "N"]
    shell: Shell
    signature: str

    @staticmethod
    @torch.no_grad()
    def of(model: HumanNeRF, features: ReferenceFeatures) -> BakedReference:
        """Bakes the features of one picture."""
        device = features.picture.device
        shell = Shell.of(
            model.canonical, model.config["radius"], model.config["bake_step"], device
        )
        raw, hidden = model.place(features, shell.nodes)
        return BakedReference(
            raw, hidden, _reach(model, shell, raw), shell, signature_of(model)
        )

    def look(self, points: Float[Tensor, "P 3"]) -> tuple[Float[Tensor, "P"], Hidden]:
        """Raw density at canonical points, interpolated; see :class:`Field`."""
        at = ((points - self.shell.low) / self.shell.step).flip(1)
        places, weights = self.shell.level.cells(at)
        raw = (self._box[places] * weights).sum(1)

        def hidden(which: Tensor) -> Tensor:
            rows = self.shell.level.padded[places[which]].clamp(max=len(self.raw) - 1)
            return F.embedding_bag(
                rows, self.hidden, mode="sum", per_sample_weights=weights[which]
            )

        return raw, hidden

    @cached_property
    def _box(self) -> Float[Tensor, "K"]:
        """``raw`` at every place of the grid, and no density where there is no node."""
        empty = self.raw.new_full((1,), -1.0)
        return torch.cat([self.raw, empty])[self.shell.level.padded]

    def save(self, path: str | PathLike[str]) -> None:
        """Writes a safetensors file (half precision), whole or not at all."""
        tensors = {"raw": self.raw, "hidden": self.hidden}
        with replacing(path) as part:
            save_file(
                {k: v.half().contiguous().cpu() for k, v in tensors.items()}, part,
                {"format": _FORMAT, "signature": self.signature},
            )

    @staticmethod
    def load(path: str | PathLike[str], model: HumanNeRF) -> BakedReference:
        """Reads what :meth:`save` wrote, for the network that it was baked with.

        Raises:
            InputError: no such file, damaged, or baked with another network or body.
        """
        remedy = "encode the reference again"
        try:
            with safe_open(Path(path), "pt") as file:
                told = file.metadata() or {}
                if told.get("format") != _FORMAT:
                    raise InputError(path, "format", "is no baked reference", remedy)
                if told.get("signature") != signature_of(model):
                    raise InputError(
                        path, "signature", "was baked with another network or body", remedy
                    )
                raw, hidden = file.get_tensor("raw").float(), file.get_tensor("hidden").float()
        except (OSError, SafetensorError) as error:
            raise InputError(path, "", f"can't be read ({error})", remedy) from None
        config = model.config
        shell = Shell.of(
            model.canonical, config["radius"], config["bake_step"], torch.device("cpu")
        )
        if raw.shape != (len(shell.level.coords),) or len(hidden) != len(raw):
            raise InputError(path, "raw", "doesn't fit the body", remedy)
        return BakedReference(raw, hidden, _reach(model, shell, raw), shell, told["signature"])


def signature_of(model: HumanNeRF) -> str:
    """Names the network's settings, its decoder's weights, and the canonical body."""
    digest = hashlib.sha256()
    settings = {k: v for k, v in model.config.items() if not k.startswith("_")}
    digest.update(json.dumps(settings, sort_keys=True, default=list).encode())
    for tensor in (model.canonical.vertices, *model.decoder.state_dict().values()):
        digest.update(tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:32]


def _reach(model: HumanNeRF, shell: Shell, raw: Float[Tensor, "G"]) -> Float[Tensor, "N"]:
    """The farthest place outside the skin that still has density, for each vertex.

    One step more than the farthest node, since density is interpolated between nodes.
    """
    canonical = model.canonical
    vertices, normals = canonical.vertices.to(raw), canonical.normals.to(raw)
    off = shell.nodes - vertices[shell.vertex]
    dense = (raw * model.config["density_scale"] > _THIN) & (
        (off * normals[shell.vertex]).sum(1) > 0
    )
    far = raw.new_zeros(len(vertices)).scatter_reduce(
        0, shell.vertex[dense], off[dense].norm(dim=1), "amax"
    )
    return (far + shell.step).clamp(_LEAST_REACH, model.config["radius"])
