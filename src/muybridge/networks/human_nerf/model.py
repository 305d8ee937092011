"""The generalizable human NeRF of GAS's first stage (section 3.2; SHERF, ICCV 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.body import load_body
from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.networks.human_nerf.baked import BakedReference
from muybridge.networks.human_nerf.features import (
    ReferenceFeatures,
    clothing_colours,
    look_up,
    plane_places,
    project,
    visibility,
    voxel_box,
    voxel_tables,
)
from muybridge.networks.human_nerf.nearest import nearest_vertex
from muybridge.networks.human_nerf.norms import Norm
from muybridge.networks.human_nerf.rendering import Field, SeenField, render_pictures
from muybridge.networks.human_nerf.resnet import PictureEncoder
from muybridge.networks.human_nerf.skin import CanonicalSkin, PosedSkin, canonical_skin
from muybridge.networks.human_nerf.sparse import (
    VoxelNetwork,
    interpolate_rows,
    with_empty_row,
)
from muybridge.networks.human_nerf.stylegan import PlaneGenerator
from muybridge.networks.human_nerf.tokens import Decoder, Fusion, waves

_RGB_WAVES = 5
_BLOCK = 4096
"""Points that go through the network together, so that they stay in a core's cache."""


class HumanNeRF(ModelMixin, ConfigMixin):  # type: ignore[misc]  # as diffusers has it
    """Density and colour around a person of whom there is one picture.

    A point near the posed body is taken to the canonical body by inverse linear blend
    skinning. There it reads three features: of three planes made from the whole picture, of
    voxels filled with what the picture shows at the vertices, and of the pixel that it
    projects to in the picture. They are three tokens each, fused by a transformer layer, and
    decoded as a NeRF. The defaults are the released checkpoint's size.

    Args:
        body: model whose canonical skin is used: ``anny``, or ``smpl`` (see :meth:`use_skin`).
        vertices: how many of its vertices; ``None`` takes all.
        reference_size: height and width that reference pictures are brought to.
        token_dim: length ``d`` of a feature per token.
        global_widths, global_depths: stages of the encoder of the whole picture.
        local_depth: blocks of the encoder of its pixels, ``2 d`` wide.
        plane_size: resolution of the planes.
        plane_margin: what they cover around the canonical skin, metres, in x, y, z.
        style_dim, mapping_layers, synthesis_base, synthesis_most: of the plane generator.
        voxel: size of the finest voxels, metres.
        fusion_heads, fusion_head_dim, fusion_hidden: of the transformer layer.
        decoder_width, decoder_depth, decoder_skip: of the NeRF's network.
        position_waves, direction_waves: frequencies of the positional encodings.
        samples: places along each ray.
        training_samples: the same in training, if they differ.
        least_step: samples lie no closer than this, metres; 0 always takes all.
        sigma_noise: deviation of the noise on raw densities in training.
        radius: farthest distance from the skin that is looked at, metres (of the canonical
            body).
        norm: of all convolutions.
        as_released: lookups, ray ends and directions as in the release (see ``config.py``).
        surface_cues: offset from the skin and visibility join the features.
        picture_colours: a place may take the picture's colour over, in part.
        density_scale: density, per metre, of a raw density of 1.
        bake_step: distance of the baked grid's nodes, metres.
    """

    @register_to_config
    def __init__(
        self,
        body: str = "smpl",
        vertices: int | None = None,
        reference_size: Sequence[int] = (512, 512),
        token_dim: int = 32,
        global_widths: Sequence[int] = (64, 128, 256, 512),
        global_depths: Sequence[int] = (2, 2, 2, 2),
        local_depth: int = 2,
        plane_size: int = 256,
        plane_margin: Sequence[float] = (0.05, 0.05, 0.15),
        style_dim: int = 512,
        mapping_layers: int = 2,
        synthesis_base: int = 32768,
        synthesis_most: int = 512,
        voxel: float = 0.005,
        fusion_heads: int = 3,
        fusion_head_dim: int = 16,
        fusion_hidden: int = 32,
        decoder_width: int = 128,
        decoder_depth: int = 8,
        decoder_skip: int = 4,
        position_waves: int = 6,
        direction_waves: int = 4,
        samples: int = 48,
        training_samples: int | None = None,
        least_step: float = 0.0,
        sigma_noise: float = 1.0,
        radius: float = 0.05,
        norm: Norm = "batch_statistics",
        as_released: bool = True,
        surface_cues: bool = False,
        picture_colours: bool = False,
        density_scale: float = 1.0,
        bake_step: float = 0.01,
    ) -> None:
        super().__init__()
        d, cues = token_dim, 2 * surface_cues
        self.global_encoder = PictureEncoder(global_widths, global_depths, True, norm)
        self.local_encoder = PictureEncoder((2 * d,), (local_depth,), False, norm)
        self.planes = PlaneGenerator(
            global_widths[-1], style_dim, mapping_layers, plane_size, d,
            synthesis_base, synthesis_most,
        )
        self.vertex_projection = nn.Linear(3 * d, d)
        self.volume = VoxelNetwork(d, norm)
        self.volume_projection = nn.Linear(6 * d, 3 * d)
        self.fusion = Fusion(3 * d + cues, d, fusion_heads, fusion_head_dim, fusion_hidden)
        self.decoder = Decoder(
            3 + 6 * position_waves + d + cues, d, 3 + 6 * direction_waves,
            decoder_width, decoder_depth, decoder_skip, 2 * picture_colours,
        )
        self._canonical: CanonicalSkin | None = None

    # ---------------------------------------------------------------- the body

    @property
    def canonical(self) -> CanonicalSkin:
        """The canonical skin that all points are taken to.

        Raises:
            InputError: the body comes from the user's file, and :meth:`use_skin` wasn't called.
        """
        if self._canonical is None:
            if self.config["body"] != "anny":
                raise InputError(
                    "human NeRF", "body", f"needs the {self.config['body'].upper()} body",
                    "give the model file of that body",
                )
            self._canonical = canonical_skin(load_body("anny"), self.config["vertices"])
        return self._canonical

    def use_skin(self, canonical: CanonicalSkin) -> None:
        """Takes the canonical skin of a body model that the user gave.

        Raises:
            InputError: it is a skin of another body model.
        """
        if canonical.body != self.config["body"]:
            raise InputError(
                "human NeRF", "body", f"is {canonical.body}, where {self.config['body']} is needed",
                "give the model file of that body",
            )
        self._canonical = canonical

    @property
    def plane_bounds(self) -> Float[Tensor, "2 3"]:
        """What the planes cover of the canonical space, metres."""
        margin = torch.tensor(self.config["plane_margin"])
        return self.canonical.bounds + torch.stack([-margin, margin])

    # ------------------------------------------------------------ the reference

    def features(
        self,
        reference: Float[Tensor, "B 3 H W"],
        skin: PosedSkin,
        K: Float[Tensor, "B 3 3"],
        T_cam_world: Float[Tensor, "B 4 4"],
    ) -> ReferenceFeatures:
        """What the network needs of reference pictures; differentiable in the weights.

        Args:
            reference: RGB in [0, 1], premultiplied over black. Brought to the network's
                size, the camera with it.
            skin: the body in each picture (``B`` frames).
            K, T_cam_world: camera of each picture, K in its own pixels.
        """
        height, width = self.config["reference_size"]
        released = self.config["as_released"]
        given = reference.shape[-2:]
        if given != (height, width):
            reference = F.interpolate(
                reference, (height, width), mode="bilinear", antialias=True, align_corners=False
            )
            scale = K.new_tensor([width / given[1], height / given[0], 1.0])
            K = scale[:, None] * K
        reference = reference.contiguous(memory_format=torch.channels_last)
        planes = self.planes(self.global_encoder(reference).mean((2, 3)))
        local = self.local_encoder(reference).contiguous()
        seen = visibility(skin, K, T_cam_world, released)
        pixels, _ = project(skin.vertices, K, T_cam_world)
        at_vertices = self.vertex_projection(
            self._at_pixels(reference, local, pixels)
        ) * (seen > 0)[..., None]
        tables = voxel_tables(self.canonical, self.config["voxel"], reference.device)
        volume = self.volume(at_vertices, tables)
        colours = clothing_colours(reference) if self.config["picture_colours"] else None
        return ReferenceFeatures(
            reference, planes, local, volume, seen, skin, K, T_cam_world, colours
        )

    def _at_pixels(self, picture: Tensor, local: Tensor, pixels: Tensor) -> Tensor:
        """Local features and encoded colours at pixels: ``[B, P, 3 d]``."""
        height, width = picture.shape[-2:]
        released = self.config["as_released"]
        colour = look_up(picture, pixels, (height, width), released)
        encoded = waves(colour.reshape(-1, 3), _RGB_WAVES)[:, : self.config["token_dim"]]
        found = look_up(local, pixels, (height, width), released)
        return torch.cat([found, encoded.view(*found.shape[:2], -1)], -1)

    # --------------------------------------------------------------- the points

    def place(
        self, features: ReferenceFeatures, points: Float[Tensor, "P 3"]
    ) -> tuple[Float[Tensor, "P"], Float[Tensor, "P H"]]:
        """Raw density at canonical points, and what the colour there depends on but direction.

        Args:
            features: of one picture.
            points: near the canonical skin, metres.
        """
        if len(points) == 0:  # of a patch that misses the body; layers can't do with none
            raw, hidden = self._place(features, points.new_zeros(1, 3))
            return raw[:0], hidden[:0]
        parts = [self._place(features, part) for part in points.split(_BLOCK)]
        return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])

    def _place(
        self, features: ReferenceFeatures, points: Tensor
    ) -> tuple[Float[Tensor, "P"], Float[Tensor, "P H"]]:
        dim = self.config["token_dim"]
        canonical, skin = self.canonical, features.skin
        device = points.device
        vertices = canonical.vertices.to(device)
        vertex = nearest_vertex(points, vertices, lambda: canonical.tree)
        off = points - vertices.index_select(0, vertex)

        bounds = self.plane_bounds.to(device)
        on_planes = F.grid_sample(
            features.planes[0], plane_places(points, bounds)[:, None], align_corners=False
        )[:, :, 0].permute(2, 0, 1)

        turn = skin.turn[0].index_select(0, vertex)
        turned = (turn * off[:, None]).sum(2) + skin.vertices[0].index_select(0, vertex)
        pixels, _ = project(turned, features.K[0], features.T_cam_world[0])
        at_pixels = self._at_pixels(features.picture, features.local, pixels[None])[0]

        in_volume = self.volume_projection(self._in_volume(features, points))
        parts = [on_planes, at_pixels.view(-1, 3, dim), in_volume.view(-1, 3, dim)]
        known = [waves(points, self.config["position_waves"])]
        if self.config["surface_cues"]:
            normal = canonical.normals.to(device)[vertex]
            away = (off * normal).sum(-1) / self.config["radius"]
            cues = torch.stack([away, features.seen[0][vertex]], 1)
            parts.append(cues[:, None].expand(-1, 3, -1))
            known.append(cues)
        tokens = self.fusion(torch.cat(parts, -1))
        given = None
        if features.colours is not None:
            size = features.picture.shape[-2:]
            found = look_up(features.colours, pixels[None], (size[0], size[1]), False)
            given = found[0].view(-1, 2, 3)
        return self.decoder.place(torch.cat([*known, tokens[:, 0]], 1), tokens[:, 1], given)

    def _in_volume(self, features: ReferenceFeatures, points: Tensor) -> Tensor:
        """Features of the three levels of voxels at canonical points: ``[P, 6 d]``."""
        voxel = self.config["voxel"]
        low, shape = voxel_box(self.canonical, voxel)
        places = ((points - low.to(points)) / voxel).flip(1)
        tables = voxel_tables(self.canonical, voxel, points.device)
        found = []
        for k, (level, rows) in enumerate(zip(tables.levels, features.volume, strict=True)):
            if self.config["as_released"]:
                last = points.new_tensor(level.shape) - 1
                at = places / points.new_tensor(shape) * last
            else:
                at = places / 2 ** (k + 1)
            found.append(interpolate_rows(with_empty_row(rows)[0], *level.corners(at)))
        return torch.cat(found, 1)

    def colour(
        self, hidden: Float[Tensor, "P H"], directions: Float[Tensor, "P 3"]
    ) -> Float[Tensor, "P 3"]:
        """RGB of points seen along canonical directions."""
        return self.decoder.colour(hidden, waves(directions, self.config["direction_waves"]))

    # --------------------------------------------------------------- the pictures

    @torch.no_grad()
    def encode(
        self,
        reference: Float[Tensor, "3 H W"],
        skin: PosedSkin,
        K: Float[Tensor, "3 3"],
        T_cam_world: Float[Tensor, "4 4"],
        bake: bool = True,
    ) -> BakedReference | SeenField:
        """A person from one picture, ready for :meth:`render`.

        Args:
            reference: RGB in [0, 1], premultiplied over black.
            skin: the body in it (one frame).
            K, T_cam_world: its camera.
            bake: compute density and colour once, on a grid (see ``baked.py``); otherwise
                anew at every point, slower and without the grid's blur.
        """
        features = self.features(reference[None], skin, K[None], T_cam_world[None])
        return BakedReference.of(self, features) if bake else SeenField(self, features)

    def render(
        self,
        person: Field,
        skin: PosedSkin,
        K: Float[Tensor, "B 3 3"],
        T_cam_world: Float[Tensor, "B 4 4"],
        height: int,
        width: int,
    ) -> tuple[
        Float[Tensor, "B 3 {height} {width}"], Float[Tensor, "B 1 {height} {width}"],
        Float[Tensor, "B 1 {height} {width}"],
    ]:
        """Pictures of a person in new poses from new sides.

        Args:
            person: what :meth:`encode` gave.
            skin: the target body; picture ``b`` shows its frame ``b % T``.
            K, T_cam_world: camera of each picture, in pixels of the pictures.

        Returns:
            RGB premultiplied over black and coverage, both in [0, 1], and z-depth in metres,
            0 where there is nobody.
        """
        return render_pictures(self, person, skin, K, T_cam_world, height, width)

    def render_video(
        self, person: Field, skin: PosedSkin, cameras: Cameras
    ) -> tuple[Float[Tensor, "V T 3 H W"], Float[Tensor, "V T 1 H W"], Float[Tensor, "V T 1 H W"]]:
        """Pictures of every view and frame of a rig; see :meth:`render`.

        Args:
            skin: of as many frames as the rig.
        """
        K, T_cam_world = cameras.K.flatten(0, 1), cameras.T_cam_world.flatten(0, 1)
        like = skin.vertices
        rgb, alpha, depth = self.render(
            person, skin, K.to(like), T_cam_world.to(like), cameras.height, cameras.width
        )
        size = (cameras.views, cameras.frames)
        return rgb.unflatten(0, size), alpha.unflatten(0, size), depth.unflatten(0, size)
