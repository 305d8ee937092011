"""How near 3DiMo comes to the truth on people and motions that it was not trained on.

Across views: the driver is another camera's, the reference the person's own picture. Beside the
scores stands what a copy of the reference has, and how well tokens forget the camera: of two
views of a moment, whether the other view's tokens are nearer than those of other moments.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.evaluation.pictures import picture_scores
from muybridge.methods.picture_loss import over_grey
from muybridge.methods.threedimo.clips import clip_of, driver_of
from muybridge.methods.threedimo.conditions import wrapped
from muybridge.methods.threedimo.corpus import Scene
from muybridge.methods.threedimo.joints import joint_places
from muybridge.methods.threedimo.networks import ThreeDimoNetworks
from muybridge.methods.threedimo.training import cue_of, pose_error, said_joints
from muybridge.sampling import ResidualFlow, draw_noise
from muybridge.training import Batch, Validation

_SCENES = 8
_PLATE_SCENES = 3


def batch_of(
    scenes: Sequence[Scene], pairs: Sequence[tuple[int, int]], first: bool = False
) -> dict[str, Tensor]:
    """Clips of scenes as a batch.

    Args:
        scenes: one clip of each.
        pairs: target and driver of each.
        first: the reference is the target's first frame.
    """
    items = [
        clip_of(scene, target, driver, first)
        for scene, (target, driver) in zip(scenes, pairs, strict=True)
    ]
    return {name: torch.stack([item[name] for item in items]) for name in items[0]}


@torch.no_grad()
def sample_clips(
    networks: ThreeDimoNetworks, batch: Batch, seed: int = 0, steps: int | None = None
) -> Float[Tensor, "B F C H W"]:
    """Pictures of clips of one window each, as training has them.

    Args:
        networks: in evaluation mode.
        batch: as of :class:`~muybridge.methods.threedimo.clips.Clips`; the truth is not looked
            at.
        seed: of the noise. ``steps``: of the sampler.
    """
    reference = networks.encode(batch["reference"])
    motion = networks.motion(driver_of(batch))
    text = networks.words(batch["words"], batch["amounts"])
    cue = cue_of(networks, motion, text, batch, turned=networks.turned(driver_of(batch)))
    frames = int(motion.shape[1])
    height, width = map(int, reference.shape[-2:])
    shape = (networks.config.latent_channels, height, width)
    noise = (
        torch.zeros(len(reference), frames, *shape) if networks.config.from_mean
        else draw_noise(seed, range(len(reference)), range(frames), shape)
    )
    scheduler = ResidualFlow().scheduler()
    scheduler.set_timesteps(steps or networks.config.steps)
    latents = noise * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        noisy = scheduler.scale_model_input(latents, t)
        output = networks(noisy, t, reference, motion, text, cue)
        latents = scheduler.step(
            networks.model_output(output, cue), t, latents, return_dict=False
        )[0]
    return networks.decode(latents.flatten(0, 1)).unflatten(0, latents.shape[:2])


@torch.no_grad()
def validate(networks: ThreeDimoNetworks, scenes: Sequence[Scene]) -> Validation:
    """Scores of still and of travelling cameras, driven by another one; a plate.

    Args:
        networks: with averaged weights.
        scenes: held out.
    """
    scenes = scenes[:_SCENES]
    scores: dict[str, float] = {}
    strips: list[Tensor] = []
    for kind, target in (("still", 0), ("moving", 1)):
        batch = batch_of(scenes, [(target, 2)] * len(scenes))
        made = sample_clips(networks, batch)
        truth = batch["truth"]
        copied = batch["reference"][:, None].expand_as(truth)
        for name, pictures in (("", made), ("copied_", copied)):
            found = picture_scores(
                over_grey(pictures.flatten(0, 1)), over_grey(truth.flatten(0, 1)),
                truth[:, :, 3:].flatten(0, 1) > 0.02,
            )
            scores |= {f"{kind}_{name}{key}": value for key, value in found.items()}
        scores[f"{kind}_iou"] = overlap(made[:, :, 3], truth[:, :, 3])
        for k in range(min(_PLATE_SCENES, len(scenes))):
            strips += [_strip(batch["driver"][k]), _strip(truth[k]), _strip(made[k])]
    scores |= validate_poses(networks, scenes).scores
    return Validation(scores, torch.cat(strips, 1).clamp(0, 1))


@torch.no_grad()
def validate_poses(networks: ThreeDimoNetworks, scenes: Sequence[Scene]) -> Validation:
    """How well joints are read off the tokens, how many pixels off they are seen by still and by
    travelling cameras that another one drives, and how well tokens forget the camera.

    Args:
        networks: with averaged weights.
        scenes: held out.
    """
    one = batch_of(scenes, [(0, 0)] * len(scenes))
    other = batch_of(scenes, [(2, 2)] * len(scenes))
    first, second = (networks.motion(driver_of(batch)) for batch in (one, other))
    scores = {}
    if networks.decoder is not None:
        scores["pose_error"] = float(pose_error(networks, first, one))
    if networks.layout is not None:
        for kind, target in (("still", 0), ("moving", 1)):
            batch = batch_of(scenes, [(target, 2)] * len(scenes))
            text = networks.words(batch["words"], batch["amounts"])
            own = batch["reference_joints"]
            found = networks.layout.joints_seen(
                second, text, own, batch["number"], networks.turned(driver_of(other))
            )
            apart = (found - batch["joints"])[..., :2] / 2
            size = apart.new_tensor([networks.config.width, networks.config.height])
            scores[f"{kind}_joints"] = float((apart * size).norm(dim=-1).mean())
    if networks.reader is not None:
        apart = networks.reader(one["driver"]) - one["driver_joints"]
        size = apart.new_tensor([networks.config.width, networks.config.height]) / 2
        scores["read_pixels"] = float((apart[..., :2] * size).norm(dim=-1).mean())
        scores["read_depth_cm"] = 100 * float(apart[..., 2].abs().mean())
    if networks.reader is not None and networks.layout is not None:
        looks = networks.looks(torch.cat([one["driver"], other["driver"]]))
        apart = torch.atan2(looks[..., 1], looks[..., 0])
        apart = wrapped(apart - torch.cat([one["looks"], other["looks"]])).abs().rad2deg()
        scores["facing_degrees"] = float(apart.mean())
    if first.ndim == 4:
        scores["retrieval"] = retrieval(first.flatten(2), second.flatten(2))
    return Validation(scores, None)


@torch.no_grad()
def validate_words(networks: ThreeDimoNetworks, scenes: Sequence[Scene]) -> Validation:
    """How many pixels off cameras of sentences see the joints of known poses.

    Args:
        networks: with averaged weights, and a layout. ``scenes``: held out.
    """
    batch = batch_of(scenes, [(0, 0)] * len(scenes))
    found = said_joints(networks, batch, joint_places(batch["rotations"]), batch["tilts"])
    apart = (found - batch["said_joints"].flatten(0, 1))[..., :2]
    size = apart.new_tensor([networks.config.width, networks.config.height]) / 2
    return Validation({"said_pixels": float((apart * size).norm(dim=-1).mean())}, None)


def retrieval(
    first: Float[Tensor, "S T D"], second: Float[Tensor, "S T D"]
) -> float:
    """How often a frame's tokens have the same moment from the other view as their nearest.

    Candidates are all frames of all scenes from the other view. The mean tokens of each view
    are taken away first, so that what a view has in common counts nothing.

    Args:
        first, second: tokens of the same moments, seen by two cameras.
    """
    def whitened(tokens: Tensor) -> Tensor:
        flat = tokens.flatten(0, 1)
        return F.normalize(flat - flat.mean(0), dim=-1)

    likeness = whitened(first) @ whitened(second).T
    return float((likeness.argmax(1) == torch.arange(len(likeness))).float().mean())


def overlap(made: Float[Tensor, "..."], truth: Float[Tensor, "..."]) -> float:
    """Intersection over union of mattes, the mean over the pictures.

    Args:
        made, truth: mattes ``[.., H, W]`` in [0, 1].
    """
    a, b = made > 0.5, truth > 0.5
    both, either = (a & b).sum((-1, -2)), (a | b).sum((-1, -2))
    return float((both / either.clamp(min=1)).mean())


def _strip(pictures: Float[Tensor, "T C h w"]) -> Float[Tensor, "3 h W"]:
    """Frames of a clip side by side."""
    return torch.cat(list(over_grey(pictures)), 2)
