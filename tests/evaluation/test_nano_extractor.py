import pytest
import torch
import torch.nn.functional as F

from muybridge.evaluation.extractors import cut, extractor
from muybridge.evaluation.frechet import Moments, frechet_distance

CLIPS = 24
"""Of a set."""


def dancers(count, seed, people=None):
    """Clips of 8 frames of figures on grey: a head, a body, arms and legs that swing.

    Args:
        people: how many different ones; as many as clips by default.
    """
    generator = torch.Generator().manual_seed(seed)
    who = torch.arange(count) % (people or count)
    looks = torch.rand(people or count, 5, 3, generator=generator)[who]
    wide = (0.8 + 0.4 * torch.rand(people or count, generator=generator))[who]
    start, speed = torch.rand(2, count, generator=generator)
    time = torch.arange(8) / 12
    swing = torch.sin(6.28 * (start[:, None] + (0.4 + speed[:, None]) * time)) * 0.9  # N T
    y, x = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(-0.4, 0.4, 48), indexing="ij")
    picture = torch.full((count, 8, 3, 64, 48), 0.82)

    def limb(x0, y0, angle, length, thick, colour):
        nonlocal picture
        dx, dy = torch.sin(angle), torch.cos(angle)
        px, py = x - x0, y - y0
        along = (px * dx[..., None, None] + py * dy[..., None, None]).clamp(min=0, max=length)
        off = ((px - along * dx[..., None, None]) ** 2 + (py - along * dy[..., None, None]) ** 2)
        cover = ((thick[:, None, None, None] - off.sqrt()) * 40 + 0.5).clamp(0, 1)[:, :, None]
        picture = picture + cover * (colour[:, None, :, None, None] - picture)

    still = torch.zeros(count, 8)
    limb(0, 0.5, swing * 0.6, 0.4, 0.05 * wide, looks[:, 0])
    limb(0, 0.5, -swing * 0.6, 0.4, 0.05 * wide, looks[:, 0] * 0.9)
    limb(0, 0.25, still, 0.25, 0.1 * wide, looks[:, 1])
    limb(0.1, 0.25, swing + 0.2, 0.28, 0.035 * wide, looks[:, 2])
    limb(-0.1, 0.25, -swing - 0.2, 0.28, 0.035 * wide, looks[:, 2])
    limb(0, 0.13, still, 0.02, 0.07 * wide, looks[:, 3] * 0.4 + 0.4)
    return picture


@pytest.fixture(scope="module")
def truth():
    return dancers(CLIPS, 0)


@pytest.fixture(scope="module")
def others():
    """Of the same kind as the truth, and nobody of it."""
    return dancers(CLIPS, 1)


def distances(name, truth, **sets):
    """Each set's distance from the truth; of single pictures, four of each clip."""
    taken = extractor(name)

    def moments(video):
        if taken.kind == "picture":
            video = video[:, ::2]
        return Moments.of(taken.features(cut(video, taken)))

    reference = moments(truth)
    return {what: frechet_distance(moments(video), reference) for what, video in sets.items()}


def noisy(video, amount):
    noise = torch.randn(video.shape, generator=torch.Generator().manual_seed(5))
    return (video + amount * noise).clamp(0, 1)


def blurred(video, size):
    padded = F.pad(video.flatten(0, 1), (size // 2,) * 4, mode="replicate")
    return F.avg_pool2d(padded, size, 1).unflatten(0, video.shape[:2])


@pytest.mark.parametrize("name", ["fd[nano]", "fd-vid[nano]"])
def test_what_harms_pictures_raises_it(name, truth, others):
    headless = others.clone()
    headless[..., :13, :] = 0.82
    found = distances(
        name, truth, unharmed=others, noise=noisy(others, 0.03), more_noise=noisy(others, 0.1),
        blur=blurred(others, 3), more_blur=blurred(others, 5), headless=headless,
        red=others * torch.tensor([1.0, 0.8, 0.8]).view(3, 1, 1),
        two_people=dancers(CLIPS, 1, people=2),
    )
    unharmed = found.pop("unharmed")
    assert unharmed > 0
    # less than on people who are told apart by their looks; clips are of motion above all
    assert found.pop("headless") > (1.0 if name == "fd-vid[nano]" else 1.05) * unharmed
    for what, value in found.items():
        assert value > 1.1 * unharmed, what
    assert found["more_noise"] > 1.5 * found["noise"]
    assert found["more_blur"] > 1.2 * found["blur"]


def test_what_harms_time_raises_that_of_clips_alone(truth, others):
    wobble = torch.randn(CLIPS, 8, 1, 1, 1, generator=torch.Generator().manual_seed(6))
    shuffled = others[:, [3, 0, 6, 1, 7, 4, 2, 5]]
    found = distances(
        "fd-vid[nano]", truth, unharmed=others, shuffled=shuffled,
        frozen=others[:, :1].expand(-1, 8, -1, -1, -1),
        stutter=others[:, [0, 0, 2, 2, 4, 4, 6, 6]], slow=others[:, [0, 0, 0, 0, 1, 1, 1, 1]],
        flicker=(others * (1 + 0.08 * wobble)).clamp(0, 1),
        shaking=torch.stack([others[:, t].roll((-1) ** t, dims=-1) for t in range(8)], 1),
    )
    unharmed = found.pop("unharmed")
    for what, value in found.items():
        assert value > 1.2 * unharmed, what
    alone = distances("fd[nano]", truth, unharmed=others, shuffled=shuffled)
    assert alone["shuffled"] == pytest.approx(alone["unharmed"], rel=0.3)


def test_motion_is_told_by_its_sign_and_size():
    """A wide soft wave that moves right by one 64th of the width per frame, then down."""
    place = torch.arange(128) / 128 * 2 * torch.pi
    taken = extractor("fd-vid[nano]")
    right, down = (
        torch.stack([
            (0.5 + 0.4 * torch.sin(3 * place - 3 * t * 2 * torch.pi / 64)) for t in range(8)
        ]) for _ in range(2)
    )
    across = right[:, None, None, :].expand(8, 3, 128, 128)[None]
    along = down[:, None, :, None].expand(8, 3, 128, 128)[None]
    moves = slice(12 + 4 + 8 + 4 + 4 + 3 + 2, 12 + 4 + 8 + 4 + 4 + 3 + 2 + 16)
    for video, own in ((across, slice(0, 8)), (along, slice(8, 16))):
        found = taken.features(video.contiguous())[0, moves] * 0.33
        assert found[own].mean() == pytest.approx(1.0, abs=0.05)
        rest = torch.cat([found[: own.start], found[own.stop :]])
        assert rest.abs().max() < 0.02
        back = taken.features(video.flip(1).contiguous())[0, moves] * 0.33
        assert back[own].mean() == pytest.approx(-1.0, abs=0.05)


def test_batches_change_nothing(truth):
    for name in ("fd[nano]", "fd-vid[nano]"):
        taken = extractor(name)
        items = cut(truth[:4], taken)
        together = taken.features(items)
        assert together.shape == (len(items), taken.dimension)
        alone = torch.cat([taken.features(item[None]) for item in items])
        torch.testing.assert_close(together, alone, rtol=0, atol=2e-4)
        assert bool(torch.isfinite(together).all())


def test_flat_pictures_are_no_trouble():
    for value in (0.0, 0.82, 1.0):
        for name, frames in (("fd[nano]", 1), ("fd-vid[nano]", 8)):
            found = extractor(name).features(torch.full((1, frames, 3, 9, 7), value))
            assert bool(torch.isfinite(found).all())


def test_numbers_stay_what_they_are():
    """Scores are compared over time: who changes a number here raises the version."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 40), torch.linspace(0, 1, 30), indexing="ij")
    t = torch.linspace(0, 1, 8)[:, None, None]
    frames = torch.stack(
        [0.5 + 0.4 * torch.sin(9 * x + 4 * t), (x * y + t) / 2, 0.3 + 0.5 * y + 0 * x * t], 1)[None]
    picture, clip = extractor("fd[nano]"), extractor("fd-vid[nano]")
    assert picture.digest == clip.digest
    assert picture.digest.startswith(DIGEST)
    told = torch.arange(58) / 58
    assert float(picture.features(frames[:, :1])[0] @ told) == pytest.approx(PICTURE, abs=1e-2)
    told = torch.arange(62) / 62
    assert float(clip.features(frames)[0] @ told) == pytest.approx(CLIP, abs=1e-2)


DIGEST, PICTURE, CLIP = "1b04909b", -111.873, -58.722
