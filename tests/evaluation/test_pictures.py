from __future__ import annotations

import sys

import pytest
import torch
import torch.nn.functional as F
from samples import sample_of, truth_of

from muybridge.errors import InputError
from muybridge.evaluation.pictures import METRICS, l1, picture_scores, psnr, ssim
from muybridge.evaluation.similarity import LEAST_MULTISCALE, ms_ssim, ssim_image
from muybridge.training import generator_of

BY_NAME = {m.name: m for m in METRICS}


def pictures(n: int, height: int, width: int) -> torch.Tensor:
    """Smooth below, flat above, as a person on a ground is."""
    made = torch.rand(n, 3, height, width, generator=generator_of("pictures"))
    made = F.avg_pool2d(made, 5, 1, 2)
    made[:, :, : height // 3] = 0.82
    return made


def noisy(truth: torch.Tensor, strength: float) -> torch.Tensor:
    noise = torch.randn(truth.shape, generator=generator_of("noise"))
    return (truth + strength * noise).clamp(0, 1)


@pytest.mark.parametrize("size", [(40, 31), (6, 64), (7, 6)])
def test_ssim_is_that_of_torchmetrics(size):
    metrics = pytest.importorskip("torchmetrics.functional.image", reason="needs the extra 'eval'")
    truth = pictures(2, *size)
    for made in (noisy(truth, 0.1), 1 - truth, truth):
        image = metrics.structural_similarity_index_measure(
            made.double(), truth.double(), data_range=1.0, return_full_image=True,
            reduction="none",
        )[1]
        assert (ssim_image(made, truth) - image).abs().max() < 1e-6
        assert torch.allclose(ssim(made, truth), image.mean((1, 2, 3)).float(), atol=1e-6)


@pytest.mark.parametrize("size", [(176, 177), (191, 180)])
def test_ms_ssim_is_that_of_torchmetrics(size):
    metrics = pytest.importorskip("torchmetrics.functional.image", reason="needs the extra 'eval'")
    truth = pictures(1, *size)
    for made in (noisy(truth, 0.2), 1 - truth):
        expected = metrics.multiscale_structural_similarity_index_measure(
            made.double(), truth.double(), data_range=1.0, reduction="none"
        ).float()
        assert torch.allclose(ms_ssim(made, truth), expected, atol=1e-6)
    assert torch.equal(ms_ssim(truth, truth), torch.ones(1))


def test_ssim_worked_out_at_one_pixel():
    truth, made = pictures(1, 30, 30), noisy(pictures(1, 30, 30), 0.1)
    x = torch.arange(-5.0, 6.0, dtype=torch.float64)
    weight = torch.exp(-(x[:, None] ** 2 + x[None] ** 2) / (2 * 1.5**2))
    weight /= weight.sum()
    a, b = (p[0, 1, 10:21, 7:18].double() for p in (made, truth))
    ma, mb = (weight * a).sum(), (weight * b).sum()
    va, vb = (weight * (a - ma) ** 2).sum(), (weight * (b - mb) ** 2).sum()
    both = (weight * (a - ma) * (b - mb)).sum()
    expected = ((2 * ma * mb + 1e-4) * (2 * both + 9e-4)
                / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)))
    assert float(ssim_image(made, truth)[0, 1, 15, 12]) == pytest.approx(float(expected), abs=1e-6)


def test_psnr_and_l1_worked_out_by_hand():
    truth = torch.zeros(3, 3, 6, 6)
    made = truth.clone()
    made[0] = 0.1  # 20 dB everywhere
    made[1, :, :3] = 0.1  # 20 dB inside the mask, 3 more in the frame
    mask = torch.zeros(3, 1, 6, 6, dtype=torch.bool)
    mask[:2, :, :3] = True
    third = 10 * torch.log10(torch.tensor(2.0))
    assert torch.allclose(psnr(made, truth), torch.tensor([20.0, 20 + third, 100.0]))
    inside = psnr(made, truth, mask)
    assert torch.allclose(inside[:2], torch.tensor([20.0, 20.0])) and inside[2].isnan()
    assert torch.allclose(l1(made, truth), torch.tensor([0.1, 0.05, 0.0]))
    inside = l1(made, truth, mask)
    assert torch.allclose(inside[:2], torch.tensor([0.1, 0.1])) and inside[2].isnan()


def test_a_batch_scores_as_its_pictures_do(monkeypatch):
    truth = pictures(5, 16, 12)
    made = noisy(truth, 0.1)
    each = torch.cat([psnr(made[n : n + 1], truth[n : n + 1]) for n in range(5)])
    monkeypatch.setattr("muybridge.evaluation.pictures._CHUNK", 2 * truth[0].numel())
    assert torch.equal(psnr(made, truth), each)
    assert psnr(made[:0], truth[:0]).shape == (0,)


def test_scores_of_a_training():
    truth = pictures(2, 16, 12)
    mask = torch.zeros(2, 1, 16, 12, dtype=torch.bool)
    mask[:, :, :, :6] = True
    made = truth.clone()
    made[..., :6] = truth[..., :6] * 0.8 + 0.1
    scores = picture_scores(made, truth, mask)
    error = (made - truth).square()
    for name, e in (("psnr", error), ("psnr_person", error[..., :6])):
        assert scores[name] == pytest.approx(
            float((-10 * e.mean((1, 2, 3)).log10()).mean()), abs=1e-3
        )
    assert scores["ssim_person"] < scores["ssim"] < 1
    same = picture_scores(truth, truth, torch.zeros_like(mask))
    assert same == {"psnr": 100.0, "ssim": pytest.approx(1.0)}


@pytest.mark.parametrize(
    "function, least", [(ssim, 6), (ms_ssim, LEAST_MULTISCALE), (picture_scores, 6)]
)
def test_pictures_that_are_too_small(function, least):
    truth = torch.rand(1, 3, least - 1, 2 * least)
    with pytest.raises(InputError, match=f"give at least {least} a side"):
        function(truth, truth)


def test_scores_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.functional", None)
    with pytest.raises(InputError, match=r"muybridge\[eval\]"):
        psnr(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))


# ------------------------------------------------------------------ of real items


def scores(sample) -> dict[str, float]:
    return {k: v for metric in METRICS for k, v in metric.function(sample).items()}


def test_the_truth_itself_is_perfect(orbit):
    assert scores(sample_of(orbit)) == {
        "psnr": 100.0, "psnr/frame": 100.0, "l1": 0.0, "l1/frame": 0.0,
        "ssim": pytest.approx(1.0), "ssim/frame": pytest.approx(1.0),
    }


def test_a_frame_scores_better_than_its_foreground(orbit):
    found = scores(sample_of(orbit, noisy(truth_of(orbit), 0.0).flip(0), orbit.read().matte))
    assert found["psnr/frame"] > found["psnr"] + 1
    assert found["ssim/frame"] > found["ssim"]
    assert found["l1/frame"] < found["l1"]


def blurred(truth: torch.Tensor, times: int) -> torch.Tensor:
    flat = truth.flatten(0, 1)
    for _ in range(times):
        flat = F.avg_pool2d(F.pad(flat, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return flat.unflatten(0, truth.shape[:2])


SPOILT = {
    "noise": lambda t: (noisy(t, 0.03), noisy(t, 0.12)),
    "blur": lambda t: (blurred(t, 1), blurred(t, 4)),
    "shift": lambda t: (t.roll(1, 4), t.roll(4, 4)),
    "brightness": lambda t: (t * 0.97, t * 0.8),
    "view": lambda t: (t, t.roll(1, 0)),
}


@pytest.mark.parametrize("name", ["psnr", "psnr/frame", "ssim", "ssim/frame", "l1", "l1/frame"])
@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_is_spoilt_more_scores_worse(orbit, spoilt, name):
    metric = BY_NAME[name.partition("/")[0]]
    truth, matte = truth_of(orbit), orbit.read().matte
    little, much = (
        metric.function(sample_of(orbit, made, matte))[name] for made in SPOILT[spoilt](truth)
    )
    assert little > much if metric.better == "higher" else little < much


@pytest.mark.parametrize("name", ["psnr", "ssim", "l1"])
def test_somebody_else_scores_worse_than_a_blurred_self(orbit, other, name):
    metric = BY_NAME[name]
    self_ = metric.function(sample_of(orbit, blurred(truth_of(orbit), 2)))[name]
    stranger = metric.function(sample_of(orbit, truth_of(other), other.read().matte))[name]
    assert self_ > stranger if metric.better == "higher" else self_ < stranger


def test_ms_ssim_where_pictures_are_large_enough(orbit):
    def larger(pictures):
        return F.interpolate(pictures.flatten(0, 1), scale_factor=2).unflatten(0, (4, 1))

    sample = sample_of(orbit)
    assert BY_NAME["ms-ssim"].function(sample) == {}
    from muybridge.evaluation.sample import Sample

    found = [
        BY_NAME["ms-ssim"].function(
            Sample(larger(made), larger(sample.truth), larger(sample.truth_matte), orbit)
        )["ms-ssim/frame"]
        for made in (sample.truth, blurred(sample.truth, 2), truth_of(orbit).roll(1, 0))
    ]
    assert found[0] == 1 and found[0] > found[1] > found[2]
