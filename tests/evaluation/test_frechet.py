import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import torch

from muybridge.errors import InputError
from muybridge.evaluation.extractors import extractor
from muybridge.evaluation.frechet import (
    FrechetScore,
    Moments,
    chance,
    floor_of,
    frechet,
    frechet_distance,
    merged,
)

EXACT = 1e6
"""Items that moments made up by hand claim to come from; their covariance is exact."""


def normal(mean, covariance) -> Moments:
    """Moments of a distribution that is known."""
    covariance = torch.as_tensor(covariance, dtype=torch.float64)
    return Moments(int(EXACT), torch.as_tensor(mean, dtype=torch.float64),
                   covariance * (EXACT - 1))


def features(items, dimension, seed, spread=1.0, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(dimension, dimension, generator=torch.Generator().manual_seed(99))
    return (torch.randn(items, dimension, generator=generator) @ mix) * spread + shift


def wide(dimension=6, comparable=True):
    """A description of an extractor whose features are given, not taken."""
    nano = extractor("fd[nano]")
    return replace(nano, name="test", score="fid", kernel="kid", dimension=dimension,
                   comparable=comparable)


def test_two_normal_distributions_on_their_axes():
    a, b = torch.tensor([4.0, 1.0, 9.0]), torch.tensor([1.0, 16.0, 9.0])
    found = frechet_distance(normal([0, 0, 0], a.diag()), normal([1, -2, 0.5], b.diag()))
    # |m|^2 + sum (sqrt a - sqrt b)^2, by hand
    assert found == pytest.approx(1 + 4 + 0.25 + (2 - 1) ** 2 + (1 - 4) ** 2, rel=1e-12)


def test_two_normal_distributions_askew():
    a, b = np.array([[2.0, 0.7], [0.7, 1.0]]), np.array([[1.0, -0.4], [-0.4, 3.0]])
    # of two by two: tr (A B)^1/2 = sqrt(tr A B + 2 sqrt(det A det B))
    root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a) * np.linalg.det(b)))
    found = frechet_distance(normal([0, 0], a), normal([0.3, 0], b))
    assert found == pytest.approx(0.09 + np.trace(a) + np.trace(b) - 2 * root, rel=1e-12)


def test_as_scipys_matrix_root():
    first, second = features(90, 12, 0), features(120, 12, 1, spread=1.4, shift=0.2)
    a, b = first.double().numpy(), second.double().numpy()
    A, B = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(A @ B)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(A + B - 2 * root.real)
    assert frechet_distance(Moments.of(first), Moments.of(second)) == pytest.approx(
        expected, rel=1e-9)


def test_as_torchmetrics_with_the_same_features():
    from torchmetrics.image.fid import FrechetInceptionDistance

    ours = extractor("fd[nano]")

    class Network(torch.nn.Module):
        num_features = ours.dimension

        def forward(self, pictures):
            return ours.features(pictures[:, None])

    generator = torch.Generator().manual_seed(3)
    truth = torch.rand(80, 3, 24, 20, generator=generator)
    made = (0.7 * truth + 0.2 * torch.rand(truth.shape, generator=generator)).flip(0)[:70]
    theirs = FrechetInceptionDistance(feature=Network(), normalize=True,
                                      input_img_size=(3, 24, 20))
    theirs.update(truth, real=True)
    theirs.update(made, real=False)
    found = frechet_distance(
        *(Moments.of(ours.features(x[:, None])) for x in (made, truth)))
    assert found == pytest.approx(float(theirs.compute()), rel=1e-4)


@pytest.mark.parametrize("items", [5, 40, 400])
def test_the_same_set_is_no_distance_away(items):
    """Also of fewer items than features, where the covariance is singular."""
    one = Moments.of(features(items, 32, 4))
    assert frechet_distance(one, one) <= 1e-9 * float(one.covariance.trace())


def test_parts_in_any_order_are_the_set():
    whole = features(97, 8, 5, shift=1000.0)  # far from zero, where sums of squares lose digits
    parts = [Moments.of(part) for part in whole.split([1, 0, 40, 7, 49])]
    at_once = Moments.of(whole)
    other = Moments.of(features(200, 8, 6, shift=1000.0))
    expected = frechet_distance(at_once, other)
    for order in itertools.permutations(parts):
        total = merged(order)
        assert total.count == 97
        torch.testing.assert_close(total.mean, at_once.mean, rtol=1e-12, atol=0)
        torch.testing.assert_close(total.covariance, at_once.covariance, rtol=1e-9, atol=1e-9)
        assert frechet_distance(total, other) == pytest.approx(expected, rel=1e-9)
    tree = merged([merged(parts[:2]), merged(parts[2:])])
    assert frechet_distance(tree, other) == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(
        at_once.covariance, np.cov(whole.double().numpy().T), rtol=1e-9, atol=1e-9)


def test_chance_is_what_halves_of_one_distribution_score():
    spread = torch.tensor([3.0, 1.0, 1.0, 0.5, 0.1, 0.0])
    generator = torch.Generator().manual_seed(7)
    scores = []
    for _ in range(300):
        x, y = (torch.randn(n, 6, generator=generator) * spread.sqrt() for n in (80, 120))
        scores.append(frechet_distance(Moments.of(x), Moments.of(y)))
    expected = chance(normal(torch.zeros(6), spread.diag()), 80, 120)
    assert np.mean(scores) == pytest.approx(expected, rel=0.06)


def test_a_score_says_under_which_conditions():
    clips = replace(extractor("fd-vid[nano]"), dimension=6)
    score = frechet(clips, Moments.of(features(40, 6, 0, 1.1)), Moments.of(features(50, 6, 1)))
    assert isinstance(score, FrechetScore)
    assert score.label == "fd-vid[nano]"
    assert score.text.startswith(f"{score.value:.4g} (") and "by chance" in score.text
    for word in ("fd-vid[nano]", "40 against 50 clips of 8 frames, one every 4", "128 x 128",
                 "bilinear", score.digest[:8], "not comparable to papers"):
        assert word in score.conditions
    told = json.loads(json.dumps(score.as_dict()))
    assert told["made"] == 40 and told["digest"] == clips.digest and told["value"] == score.value


def test_a_score_of_papers_says_no_such_thing():
    score = frechet(wide(), Moments.of(features(256, 6, 0)), Moments.of(features(300, 6, 1)))
    assert "comparable" not in score.conditions
    assert "256 against 300 pictures" in score.conditions


def test_floors():
    assert floor_of(wide(6, comparable=False)) == 12
    assert floor_of(wide(6)) == 256
    assert floor_of(wide(2048)) == 4096


BAD = {
    "too few made": (lambda: frechet(wide(), Moments.of(features(255, 6, 0)),
                                     Moments.of(features(300, 6, 1))),
                     r"fid\[test\]: N of made: is 255; below 256 .*; use kid\[test\]"),
    "too few true": (lambda: frechet(wide(), Moments.of(features(300, 6, 0)),
                                     Moments.of(features(3, 6, 1))), "N of truth: is 3"),
    "other extractor": (lambda: frechet(wide(7), Moments.of(features(300, 6, 0)),
                                        Moments.of(features(300, 6, 1))),
                        "are 6 per item instead of 7"),
    "mixed": (lambda: Moments.of(features(3, 6, 0)) + Moments.of(features(3, 5, 0)),
              "are 6 and 5 per item"),
    "not a number": (lambda: Moments.of(torch.tensor([[float("nan")]])), "not finite"),
    "nothing": (lambda: merged([]), "N: is 0"),
    "one item": (lambda: frechet_distance(*[Moments.of(features(1, 3, 0))] * 2), "N: is 1"),
}


@pytest.mark.parametrize("what", BAD)
def test_refused(what):
    act, text = BAD[what]
    with pytest.raises(InputError, match=text):
        act()
