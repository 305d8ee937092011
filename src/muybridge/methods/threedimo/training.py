"""3DiMo's objectives on the clips of :mod:`.clips`: joints read off motion tokens, and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.methods.picture_loss import STRUCTURE, dissimilarity, near_person
from muybridge.methods.threedimo.clips import driver_of
from muybridge.methods.threedimo.joints import joint_places
from muybridge.methods.threedimo.networks import Cue, ThreeDimoNetworks
from muybridge.networks.motion_layout import MotionLayout
from muybridge.sampling import Noised, ResidualFlow
from muybridge.sampling.objective import per_clip
from muybridge.training import Batch

GEOMETRY = 0.1
"""Weight of the geometric loss at the beginning (paper, section 3.3)."""
SEEN = 3.0
"""Weight of where the layout has the joints before the target's camera."""
READ, BLURRED = 1.0, 0.1
"""Weight of where the reader sees joints, and of its maps' cross entropy."""
PLACES = 1.0
"""Weight of the joints' places, metres, beside their rotations, while encoders learn alone."""
ALONE_DRAWING = 0.03
"""The drawing's weight meanwhile; rotations' errors fall from 0.03 or so."""
DRAWING = 0.3
"""Weight of skeleton and matte that the layout draws, whose error is 1 for nothing drawn."""


def geometry_loss(module: Any, batch: Batch, draws: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Joint rotations read off the motion tokens, where they put the joints, and the layout that
    the target's camera sees; nothing is painted.

    Args:
        module: :class:`~muybridge.methods.threedimo.networks.ThreeDimoNetworks`, in training.
        batch: of :class:`.clips.Clips`.
        draws: not needed.
    """
    networks: ThreeDimoNetworks = module
    assert networks.decoder is not None
    driver = driver_of(batch)
    read, read_loss = reading_of(networks, batch)
    motion = networks.motion(driver, read)
    found = networks.decoder(motion).float()
    error = rotation_error(found, batch)
    apart = joint_places(found) - joint_places(batch["rotations"])
    loss = error + PLACES * apart.square().mean() + read_loss
    scalars = {
        "pose_error": error.detach(), "joint_cm": 100 * apart.norm(dim=-1).mean().detach(),
    }
    text = networks.words(batch["words"], batch["amounts"])
    layout = networks.layout
    if layout is not None and networks.config.drawn:
        places, turn = layout.places(motion)
        apart = places.float() - joint_places(batch["rotations"])
        leant = turn.float() - batch["tilts"]
        maps = layout(
            motion, text, batch["reference_joints"], batch["number"], batch["turned"]
        )
        drawing = drawing_error(maps[:, :, : networks.config.drawn].float(), batch)
        seen = seen_error(layout, motion, text, batch)
        said = said_error(networks, motion, batch)
        loss = loss + PLACES * (apart.square().mean() + leant.square().mean())
        loss = loss + ALONE_DRAWING * drawing + SEEN * (seen + said)
        scalars |= {
            "layout_cm": 100 * apart.norm(dim=-1).mean().detach(), "seen_error": seen.detach(),
            "said_error": said.detach(), "drawing_error": drawing.detach(),
        }
    if read is not None:
        scalars["read_error"] = read_loss.detach()
    return loss, scalars


def words_loss(module: Any, batch: Batch, draws: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Where cameras of sentences see the joints of poses that are known; no picture is looked at.

    Args:
        module: :class:`~muybridge.methods.threedimo.networks.ThreeDimoNetworks`, in training.
        batch: of :class:`.clips.Clips`.
        draws: not needed.
    """
    error = _said_apart(module, batch, joint_places(batch["rotations"]), batch["tilts"])
    return error, {"said_error": error.detach()}


def said_joints(
    networks: ThreeDimoNetworks, batch: Batch, places: Float[Tensor, "B F J 3"],
    turn: Float[Tensor, "B F 3 3"],
) -> Float[Tensor, "N F P 3"]:
    """Where cameras of the sentences see the joints of some poses, the sentences of each clip one
    behind the other.

    Args:
        networks: with a layout. ``batch``: of :class:`.clips.Clips`.
        places, turn: of the poses, as the layout gives them.
    """
    layout = networks.layout
    assert layout is not None
    sentences = batch["said_words"].shape[1]
    text = networks.words(batch["said_words"].flatten(0, 1), batch["said_amounts"].flatten(0, 1))
    places, turn, own, number, turned = (
        part.repeat_interleave(sentences, 0)
        for part in (places, turn, batch["reference_joints"], batch["number"], batch["turned"])
    )
    return layout.before_camera(places, turn, text, own, number, turned)


def reading_loss(module: Any, batch: Batch, draws: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Where joints are seen in driving pictures.

    Args:
        module: :class:`~muybridge.methods.threedimo.networks.ThreeDimoNetworks`, in training.
        batch: of :class:`.clips.Clips`.
        draws: not needed.
    """
    networks: ThreeDimoNetworks = module
    _, loss = reading_of(networks, batch)
    return loss, {"read_error": loss.detach()}


def reading_of(
    networks: ThreeDimoNetworks, batch: Batch
) -> tuple[Float[Tensor, "B F P 3"] | None, Float[Tensor, ""]]:
    """Where the reader sees the drivers' joints, and its objective: how far off they are, half
    pictures and metres, and how blurred its maps are. Nothing, in sizes without one.

    Args:
        networks: in training. ``batch``: of :class:`.clips.Clips`.
    """
    if networks.reader is None:
        return None, torch.zeros(())
    where, near = networks.reader.maps_of(batch["driver"].flatten(0, 1))
    truth = batch["driver_joints"].flatten(0, 1)
    read = networks.reader.places_in(where, near)
    blurred = networks.reader.surprise(where, truth[..., :2])
    loss = READ * (read - truth).abs().mean() + BLURRED * blurred
    return read.unflatten(0, batch["driver"].shape[:2]), loss


def pose_error(
    networks: ThreeDimoNetworks, tokens: Float[Tensor, "B F N D"], batch: Batch
) -> Float[Tensor, ""]:
    """Mean squared error of rotations; those of hands that are not seen don't count."""
    assert networks.decoder is not None
    return rotation_error(networks.decoder(tokens).float(), batch)


def rotation_error(found: Float[Tensor, "B F J 6"], batch: Batch) -> Float[Tensor, ""]:
    """The same, of rotations that were read off already."""
    squares = (found - batch["rotations"]).square().mean(-1)
    body = torch.ones_like(squares[:, :, :21])
    hands = batch["seen"].to(squares).repeat_interleave(15, 2)
    weight = torch.cat([body, 0.3 * hands], 2)
    return (squares * weight).sum() / weight.sum()


def clip_loss(
    module: Any, batch: Batch, draws: Any, geometry: tuple[float, float, int] = (0.0, 0.0, 1),
    blind: float = 0.0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The objective on a batch of :class:`.clips.Clips`.

    The reference is moved to where the joints truly are. Where it is moved by what was read, what
    paints learns to smear every limb over all places where it may be.

    Args:
        module: :class:`~muybridge.methods.threedimo.networks.ThreeDimoNetworks`, in training.
        batch: of :class:`.clips.Clips`.
        draws: noise levels and noise.
        geometry: weight of the geometric loss at first, in the end, and steps in between.
        blind: how often the latents are the noise's mean, as where sampling begins: then nothing
            but the motion tells the pose. Where noise lets the pose through, small networks take it
            from there, and are slow to learn what the tokens say.
    """
    networks: ThreeDimoNetworks = module
    flow = ResidualFlow()
    clean = networks.encode(batch["truth"])
    reference = networks.encode(batch["reference"])
    learns = networks.reader is not None and _learns(networks.reader)
    read, read_loss = reading_of(networks, batch) if learns else (None, torch.zeros(()))
    motion = networks.motion(driver_of(batch), read)
    text = networks.words(batch["words"], batch["amounts"])
    cue = cue_of(networks, motion, text, batch, batch["joints"], batch["turned"])
    base = cue.latents
    unseen = draws.uniform() < blind
    sigmas = flow.sigmas(draws.normal()).masked_fill(unseen, flow.sigma_max)
    noised = flow.noised(clean, draws.normal(*clean.shape[1:]), sigmas)
    shown = per_clip((~unseen).to(noised.latents))
    noised = Noised(noised.latents * shown, noised.timesteps)
    output = networks(
        noised.latents, noised.timesteps, reference, motion, text, cue, batch["number"]
    ).float()
    errors = flow.errors(output, noised, clean, sigmas, base)
    weight = near_person(batch["truth"][:, :, 3:], networks.patch)
    estimate = flow.estimate(output, noised, sigmas, base)
    unlike = dissimilarity(networks.vae, estimate / networks.latent_scale, batch["truth"])
    loss = (errors.mean(2, keepdim=True) * weight).sum() / weight.sum() + STRUCTURE * unlike

    def plain(found: Tensor) -> Tensor:
        squares = (found - clean).square().mean(2, keepdim=True) * weight
        return (squares.sum() / weight.sum()).detach()

    scalars = {"error": plain(estimate), "error_cue": plain(base), "unlike": unlike.detach()}
    if networks.layout is not None and networks.config.drawn and _learns(networks.layout):
        assert cue.maps is not None
        drawing = drawing_error(cue.maps[:, :, : networks.config.drawn].float(), batch)
        seen = seen_error(networks.layout, motion, text, batch)
        said = said_error(networks, motion, batch)
        loss = loss + DRAWING * drawing + SEEN * (seen + said)
        scalars |= {
            "drawing_error": drawing.detach(), "seen_error": seen.detach(),
            "said_error": said.detach(),
        }
    if read is not None:
        loss = loss + read_loss
        scalars["read_error"] = read_loss.detach()
    if networks.decoder is not None and _learns(networks.decoder):
        start, end, steps = geometry
        share = min(1.0, draws.step / steps)
        pose = pose_error(networks, motion, batch)
        loss = loss + (start + (end - start) * share) * pose
        scalars["pose_error"] = pose.detach()
    return loss, scalars


def _learns(part: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in part.parameters())


def cue_of(
    networks: ThreeDimoNetworks, motion: Float[Tensor, "B F ..."], text: Float[Tensor, "B L D"],
    batch: Batch, target: Float[Tensor, "B F P 3"] | None = None,
    turned: Float[Tensor, "B F"] | None = None,
) -> Cue:
    """What is known of the frames of a batch.

    Args:
        networks: of the size.
        motion: of the drivers. ``text``: of the words.
        batch: of :class:`.clips.Clips`.
        target: where joints shall be, if not where the layout has them.
        turned: how far the drivers have turned, if it is known.
    """
    return networks.cue(
        batch["reference"], batch["reference_joints"], motion, text, batch["number"], target,
        turned,
    )


def seen_error(
    layout: MotionLayout, motion: Float[Tensor, "B F N D"], text: Float[Tensor, "B L C"],
    batch: Batch,
) -> Float[Tensor, ""]:
    """Mean squared error of where the layout has the joints before the target's camera: half
    pictures, and metres of depth. It counts where anything is said of the camera.

    Args:
        layout: in training.
        motion: of the drivers. ``text``: of the words.
        batch: of :class:`.clips.Clips`.
    """
    found = layout.joints_seen(
        motion, text, batch["reference_joints"], batch["number"], batch["turned"]
    )
    return _of_joints(found, batch["joints"], batch["told"])


def said_error(
    networks: ThreeDimoNetworks, motion: Float[Tensor, "B F N D"], batch: Batch
) -> Float[Tensor, ""]:
    """The same before cameras of other sentences, of which there are no pictures.

    Args:
        networks: with a layout, in training.
        motion: of the drivers. ``batch``: of :class:`.clips.Clips`.
    """
    assert networks.layout is not None
    return _said_apart(networks, batch, *networks.layout.places(motion))


def _said_apart(
    networks: ThreeDimoNetworks, batch: Batch, places: Float[Tensor, "B F J 3"],
    turn: Float[Tensor, "B F 3 3"],
) -> Float[Tensor, ""]:
    found = said_joints(networks, batch, places, turn)
    told = batch["told"].repeat_interleave(batch["said_words"].shape[1], 0)
    return _of_joints(found, batch["said_joints"].flatten(0, 1), told)


def _of_joints(
    found: Float[Tensor, "B F P 3"], truth: Float[Tensor, "B F P 3"], told: Float[Tensor, "B"]
) -> Float[Tensor, ""]:
    return ((found - truth).square().mean((1, 2, 3)) * told).mean()


def drawing_error(
    found: Float[Tensor, "B F D h w"], batch: Batch
) -> Float[Tensor, ""]:
    """Squared error of skeletons and mattes as the target's camera sees them, over that of
    drawing nothing, the mean of both.

    Where a limb lies decides on few of a picture's colours; who has to say it learns sooner to
    put it there (as VideoJAM, arXiv 2502.02492, has a video model paint its own flow). People
    whom one camera sees at a time do not count: nothing is said of it.

    Args:
        found: the skeleton's channels, then the matte's.
        batch: of :class:`.clips.Clips`.
    """
    shown = {"drawing": batch["drawing"], "matte": batch["truth"][:, :, 3:]}
    told = batch["told"].view(-1, 1, 1, 1, 1)
    counted = {"drawing": told * batch["drawn"].view(-1, 1, 1, 1, 1), "matte": told}
    errors, first = [], 0
    for name, pictures in shown.items():
        small = F.avg_pool2d(pictures.flatten(0, 1), 2)
        truth = F.pixel_unshuffle(small, small.shape[-1] // found.shape[-1])
        truth = truth.unflatten(0, found.shape[:2])
        drawn = found[:, :, first : first + truth.shape[2]]
        first += truth.shape[2]
        nothing = (truth.square() * counted[name]).mean().clamp(min=1e-4)
        errors.append(((drawn - truth).square() * counted[name]).mean() / nothing)
    return torch.stack(errors).mean()


def train_only(
    networks: ThreeDimoNetworks, *names: str, known: Sequence[str] = ()
) -> None:
    """Freeze all weights but some.

    Args:
        networks: to be trained.
        names: what the names of those weights begin with that are.
        known: of them, what the names of those begin with that stay as they are.
    """
    for name, parameter in networks.named_parameters():
        parameter.requires_grad_(name.startswith(names) and not name.startswith(tuple(known)))


def export(networks: ThreeDimoNetworks, folder: Path) -> None:
    """Write the networks as a 3DiMo folder."""
    from muybridge.methods.threedimo.checkpoints import save

    save(networks, folder)
