"""Where a person of some motion tokens lies in the picture of a camera that words tell of.

Tokens know neither place nor camera, and attention has to find out for every patch by itself what
they mean there, which small networks learn only slowly. Here all tokens of a frame are read
together as joints in space, the words as a camera that sees them, and the bones between are
drawn. What bones can't tell, tokens and words say together. The first channels can be held
against a skeleton and a matte, and the joints against true ones; a video network sees all maps
beside its latents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float, Int64
from torch import Tensor, nn

_ACROSS, _UP = 0.96, 0.72
"""Half pictures that a metre takes at first: people of 1.7 m fill three fifths of 3:4."""
_SIZES = (0.2, 3.0)
"""The smallest and largest that anybody is taken to be: half pictures that their metre takes."""
_LONGER = (0.5, 1.8)
"""The least and most that a bone is taken to be of its length in a body of mean proportions."""
_LEAST_ACROSS = 0.1
"""The least share of somebody's bones, squared, that is taken to lie across the picture."""
_THICK = 1.5
"""Of a bone at first, half latents."""


class MotionLayout(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Motion tokens and words to maps of the latents' extent.

    Args:
        tokens, dim: motion tokens of a frame, and their width.
        words, text_dim: tokens of a sentence, and their width.
        frames: of a window; a sentence says what happens over all of it.
        rows, columns: of the maps, even.
        channels: of the maps.
        hidden: width of what is read. ``width``: of the maps before the last.
        parents: of each joint but the root, which is number 0 and lies in the middle.
        lengths: of the bones to them, metres, of a body of mean proportions.
    """

    @register_to_config
    def __init__(
        self, tokens: int = 15, dim: int = 128, words: int = 16, text_dim: int = 64,
        frames: int = 8, rows: int = 24, columns: int = 18, channels: int = 32,
        hidden: int = 512, width: int = 48, parents: Sequence[int] = (0,),
        lengths: Sequence[float] = (0.5,),
    ) -> None:
        super().__init__()
        self.pose = nn.Linear(tokens * dim, hidden)
        self.view = nn.Linear(words * text_dim, hidden)
        self.moments = nn.Parameter(torch.randn(frames, hidden) * 0.02)
        self.think = nn.Sequential(
            nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(),
        )
        small = (rows // 2, columns // 2)
        self.spread = nn.Sequential(
            nn.Linear(hidden, width * small[0] * small[1]), nn.Unflatten(1, (width, *small)),
        )
        self.enlarge = nn.Sequential(
            nn.GELU(), nn.Conv2d(width, 4 * width, 1), nn.PixelShuffle(2), nn.GELU(),
        )
        bones = len(parents)
        self.joints = nn.Sequential(
            nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, 3 * bones + 9),
        )
        self.camera = nn.Sequential(
            nn.GELU(), nn.Linear(hidden, hidden // 2), nn.GELU(), nn.Linear(hidden // 2, 11),
        )
        with torch.no_grad():
            heads: list[Any] = [self.joints[-1], self.camera[-1]]
            for last in heads:
                last.weight.mul_(0.1)
                last.bias.zero_()
        self.thick = nn.Parameter(torch.full((bones,), _THICK).log())
        self.paint = nn.Sequential(
            nn.Conv2d(width + 5 * bones, width, 3, padding=1), nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1), nn.GELU(),
            nn.Conv2d(width, channels, 3, padding=1),
        )

    def places(
        self, motion: Float[Tensor, "B F N D"]
    ) -> tuple[Float[Tensor, "B F J 3"], Float[Tensor, "B F 3 3"]]:
        """Where the joints are from the root, metres, and how that lies in space."""
        made: Tensor = self.joints(self.pose(motion.flatten(2)))
        turn = torch.eye(3, device=made.device) + made[..., -9:].unflatten(-1, (3, 3))
        return made[..., :-9].unflatten(-1, (-1, 3)), turn

    def of_person(
        self, places: Float[Tensor, "B F J 3"], own: Float[Tensor, "B P 3"]
    ) -> Float[Tensor, "B F J 3"]:
        """The same for somebody of other proportions, which tokens do not tell: bones become as
        much longer or shorter as they are in the person's own picture.

        Args:
            places: as :meth:`places` gives them.
            own: where root and joints are in a picture of the person, see :meth:`seen`.
        """
        parents = list(self.config["parents"])
        drawn, deep = self._bones_in(own)
        metre = self.metre_in(own)[:, None]
        lengths = (drawn / metre.square() + deep).sqrt()
        longer = (lengths / lengths.new_tensor(self.config["lengths"])).clamp(*_LONGER)
        whole = torch.cat([torch.zeros_like(places[:, :, :1]), places], 2)
        bones = (places - whole[:, :, parents]) * longer[:, None, :, None].to(places)
        ends: list[Tensor] = [whole[:, :, 0]]
        for bone, parent in enumerate(parents):
            ends.append(ends[parent] + bones[:, :, bone])
        return torch.stack(ends[1:], 2)

    def _bones_in(
        self, own: Float[Tensor, "B P 3"]
    ) -> tuple[Float[Tensor, "B J"], Float[Tensor, "B J"]]:
        """Squares of how long bones are drawn, half pictures' heights, and of their depths."""
        bones = own[:, 1:] - own[:, list(self.config["parents"])]
        aspect = bones.new_tensor([self.config["columns"] / self.config["rows"], 1.0])
        return (bones[..., :2] * aspect).square().sum(-1), bones[..., 2].square()

    def metre_in(self, own: Float[Tensor, "B P 3"]) -> Float[Tensor, "B"]:
        """Half pictures' heights that a metre takes.

        Args:
            own: see :meth:`of_person`.
        """
        return _UP * self.size_in(own)

    def size_in(self, own: Float[Tensor, "B P 3"]) -> Float[Tensor, "B"]:
        """How large somebody is seen in a picture, where 1 is a body of mean proportions that
        fills it as people do at first.

        Bones are as long as they are drawn where their ends are equally near to the camera, and
        drawn shorter where they are not.

        Args:
            own: see :meth:`of_person`.
        """
        drawn, deep = self._bones_in(own)
        lengths = drawn.new_tensor(self.config["lengths"]).square()
        across = (lengths - deep).clamp(min=0).sum(1)
        least = _LEAST_ACROSS * lengths.sum()
        drawn_in_all = drawn.sum(1) / across.clamp(min=float(least))
        return drawn_in_all.sqrt().clamp(*_SIZES) / _UP

    def seen(
        self, places: Float[Tensor, "B F J 3"], turn: Float[Tensor, "B F 3 3"],
        view: Float[Tensor, "B F H"], size: Float[Tensor, "B"],
        larger: Float[Tensor, "B F"] | None = None,
    ) -> Float[Tensor, "B F J+1 3"]:
        """Root and joints before the camera: to the right and down, half pictures each from the
        middle, and how much nearer than the root, metres.

        Args:
            places, turn: as :meth:`places` gives them.
            view: what the words say of each frame.
            size: see :meth:`size_in`.
            larger: see :meth:`forward`.
        """
        told: Tensor = self.camera(view).float()
        first = torch.diag(told.new_tensor([_ACROSS, -_UP, 1.0]))
        camera = first + told[..., :9].unflatten(-1, (3, 3))
        shift = torch.cat([told[..., 9:], torch.zeros_like(told[..., :1])], -1)[:, :, None]
        with torch.autocast(told.device.type, enabled=False):  # places want all their digits
            found = places.float() @ (camera @ turn.float()).mT
            sizes = size.float()[:, None]
            if larger is not None:
                sizes = sizes * larger
            across = found[..., :2] * sizes[:, :, None, None]
            found = torch.cat([across, found[..., 2:]], -1) + shift
        return torch.cat([shift.expand_as(found[:, :, :1]), found], 2)

    def joints_seen(
        self, motion: Float[Tensor, "B F N D"], text: Float[Tensor, "B L C"],
        own: Float[Tensor, "B P 3"], numbers: Int64[Tensor, "B F"] | None = None,
        turned: Float[Tensor, "B F"] | None = None,
        larger: Float[Tensor, "B F"] | None = None,
    ) -> Float[Tensor, "B F P 3"]:
        """Root and joints before the camera, see :meth:`seen`.

        Args:
            motion, text, own, numbers, turned, larger: as of :meth:`forward`.
        """
        return self.before_camera(*self.places(motion), text, own, numbers, turned, larger)

    def before_camera(
        self, places: Float[Tensor, "B F J 3"], turn: Float[Tensor, "B F 3 3"],
        text: Float[Tensor, "B L C"], own: Float[Tensor, "B P 3"],
        numbers: Int64[Tensor, "B F"] | None = None, turned: Float[Tensor, "B F"] | None = None,
        larger: Float[Tensor, "B F"] | None = None,
    ) -> Float[Tensor, "B F P 3"]:
        """The same of any pose, whether it was read or is known.

        Args:
            places, turn: as :meth:`places` gives them.
            text, own, numbers, turned, larger: as of :meth:`forward`.
        """
        if turned is not None:
            turn = about_up(turned).to(turn) @ turn
        view = self._told(places.shape[1], text, numbers)
        return self.seen(self.of_person(places, own), turn, view, self.size_in(own), larger)

    def _told(
        self, frames: int, text: Float[Tensor, "B L C"], numbers: Int64[Tensor, "B F"] | None
    ) -> Float[Tensor, "B F H"]:
        """What the words say of each frame."""
        if numbers is None:
            numbers = torch.arange(frames, device=text.device)[None]
        when = self.moments[numbers.clamp(max=len(self.moments) - 1)]
        view: Tensor = self.view(text.flatten(1))[:, None] + when
        return view

    def bones(self, seen: Float[Tensor, "N J 3"]) -> Float[Tensor, "N C h w"]:
        """Bones as they are drawn, 4 channels each at half the maps' pixels, and their depths."""
        parents = list(self.config["parents"])
        rows, columns = 2 * self.config["rows"], 2 * self.config["columns"]
        size = seen.new_tensor([columns, rows])
        at = (seen[..., :2] + 1) / 2 * size - 0.5
        depth = seen[..., 2]
        y = torch.arange(rows, device=seen.device, dtype=seen.dtype)[:, None]
        x = torch.arange(columns, device=seen.device, dtype=seen.dtype)
        a, b = at[:, parents, :, None, None], at[:, 1:, :, None, None]
        along = b - a
        ax, ay = x - a[:, :, 0], y - a[:, :, 1]
        length = along.square().sum(2).clamp(min=1.0)  # else gradients of bones seen end on
        t = ((ax * along[:, :, 0] + ay * along[:, :, 1]) / length).clamp(0, 1)
        apart = (ax - t * along[:, :, 0]).square() + (ay - t * along[:, :, 1]).square()
        heat = (-apart / (2 * self.thick.exp()[:, None, None].square())).exp()
        da, db = depth[:, parents, None, None], depth[:, 1:, None, None]
        deep = F.avg_pool2d(heat * (da + t * (db - da)), 2)
        return torch.cat([F.pixel_unshuffle(heat, 2), deep], 1)

    def forward(
        self, motion: Float[Tensor, "B F N D"], text: Float[Tensor, "B L C"],
        own: Float[Tensor, "B P 3"], numbers: Int64[Tensor, "B F"] | None = None,
        turned: Float[Tensor, "B F"] | None = None,
        larger: Float[Tensor, "B F"] | None = None,
    ) -> Float[Tensor, "B F K h w"]:
        """Maps of each frame.

        Args:
            motion: tokens. ``text``: of the words for the camera.
            own: where root and joints are in a picture of the person, see :meth:`seen`.
            numbers: of the frames in their window, where they do not follow each other from 0 on.
            turned: how far the person has turned to their right since the window's first
                frame, radians; not at all if it is not known.
            larger: how many times larger people are shown than by crops that have the scale of
                the window's first frame, as those of training have; once if left out.
        """
        view = self._told(motion.shape[1], text, numbers)
        flat = (self.pose(motion.flatten(2)) + view).flatten(0, 1)
        rest = self.enlarge(self.spread(flat + self.think(flat)))
        seen = self.joints_seen(motion, text, own, numbers, turned, larger)
        drawn = self.bones(seen.flatten(0, 1))
        maps: Tensor = self.paint(torch.cat([rest, drawn.to(rest)], 1))
        return maps.unflatten(0, motion.shape[:2])


def about_up(angles: Float[Tensor, "*B"]) -> Float[Tensor, "*B 3 3"]:
    """Rotations that turn who looks along +Z, with their left at +X, to their right; radians."""
    c, s = angles.cos(), angles.sin()
    none, one = torch.zeros_like(c), torch.ones_like(c)
    rows = [(c, none, -s), (none, one, none), (s, none, c)]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)
