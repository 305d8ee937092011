from dataclasses import replace

import numpy as np
import pytest
import torch

from muybridge.errors import InputError
from muybridge.evaluation import kernel as module
from muybridge.evaluation.extractors import extractor
from muybridge.evaluation.kernel import kernel, kernel_distance


def features(items, seed, shift=0.0, dimension=5):
    return torch.randn(items, dimension, generator=torch.Generator().manual_seed(seed)) + shift


def by_pairs(x, y):
    """The definition, pair by pair."""
    def k(a, b):
        return (float(a @ b) / len(a) + 1) ** 3

    n, m = len(x), len(y)
    within = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within += sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


def test_as_the_definition(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 4)  # also across blocks
    x, y = features(11, 0).double(), features(7, 1, 0.3).double()
    value, error = kernel_distance(x, y)
    assert value == pytest.approx(by_pairs(x, y), rel=1e-10)
    left_out = [
        np.array([by_pairs(torch.cat([x[:i], x[i + 1:]]), y) for i in range(len(x))]),
        np.array([by_pairs(x, torch.cat([y[:i], y[i + 1:]])) for i in range(len(y))]),
    ]
    variance = sum((len(a) - 1) * a.var() for a in left_out)
    assert error == pytest.approx(variance**0.5, rel=1e-9)


def test_as_torchmetrics():
    from torchmetrics.image.kid import KernelInceptionDistance

    class Network(torch.nn.Module):
        num_features = 5

        def forward(self, pictures):
            return pictures.flatten(1)[:, :5]

    x, y = torch.rand(30, 3, 2, 2), torch.rand(30, 3, 2, 2) ** 2
    theirs = KernelInceptionDistance(feature=Network(), subsets=1, subset_size=30)
    theirs.update(x, real=True)
    theirs.update(y, real=False)
    found, _ = kernel_distance(y.flatten(1)[:, :5], x.flatten(1)[:, :5])
    assert found == pytest.approx(float(theirs.compute()[0]), rel=1e-3, abs=1e-6)


def many(shift):
    return np.array([
        kernel_distance(features(20, 2 * s), features(24, 2 * s + 1, shift)) for s in range(200)
    ]).T


def test_no_bias_for_few_items():
    values, errors = many(0.0)
    assert abs(values.mean()) < 3 * values.std() / 200**0.5
    assert 1.0 < (errors**2).mean() / values.var() < 3.0  # said to be too large here


def test_the_error_is_how_far_values_spread():
    values, errors = many(1.0)
    assert (errors**2).mean() == pytest.approx(values.var(), rel=0.3)


def test_farther_is_more():
    values = [kernel_distance(features(40, 0), features(40, 1, s))[0] for s in (0.0, 0.5, 1.0)]
    assert values == sorted(values) and values[2] > 10 * abs(values[0])


def test_a_score_of_few_items():
    nano = replace(extractor("fd-vid[nano]"), dimension=5)
    score = kernel(nano, features(20, 0), features(30, 1, 1.0))
    assert score.label == "kd-vid[nano]"
    assert "±" in score.text
    assert "20 against 30 clips" in score.conditions
    assert "not comparable to papers" in score.conditions


BAD = {
    "few": ((15, 20), (5, 5), "N of made: is 15, below 16"),
    "few true": ((20, 2), (5, 5), "N of truth: is 2"),
    "others": ((20, 20), (5, 4), "are 4 per item instead of 5"),
}


@pytest.mark.parametrize("what", BAD)
def test_refused(what):
    items, dimensions, text = BAD[what]
    nano = replace(extractor("fd[nano]"), dimension=5)
    made, truth = (features(n, 0, 0.0, d) for n, d in zip(items, dimensions, strict=True))
    with pytest.raises(InputError, match=text):
        kernel(nano, made, truth)


def test_what_is_not_finite_is_refused():
    nano = replace(extractor("fd[nano]"), dimension=5)
    bad = features(20, 0)
    bad[3, 2] = float("inf")
    with pytest.raises(InputError, match="truth: has a feature that is not finite"):
        kernel(nano, features(20, 1), bad)
