"""Joints: patches that were moved by known pixels, and limbs that are not there."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from samples import sample_of, truth_of

from muybridge.body.skeleton import JOINT_INDEX
from muybridge.evaluation import joints
from muybridge.evaluation.joints import (
    METRICS,
    NAMES,
    PARTS,
    detected,
    displacement,
    joint_shift,
    no_detector,
    seen_joints,
)
from muybridge.evaluation.sample import GROUND, Sample
from muybridge.person.keypoints import COCO_NAMES, Keypoints


def shifts(clip, made=None, matte=None) -> dict[str, float]:
    matte = clip.read().matte if matte is None else matte
    return dict(joint_shift(sample_of(clip, made, matte)))


def cloud(seed: int = 0) -> torch.Tensor:
    """A picture without any repetition, [1, 2, 40, 48]."""
    return torch.rand(1, 2, 40, 48, generator=torch.Generator().manual_seed(seed))


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_a_patch_is_found_where_it_was_moved_to(right, down):
    truth = cloud()
    made = truth.roll((down, right), (2, 3))
    step, correlation = displacement(
        made, truth, torch.zeros(2, dtype=torch.long), torch.tensor([[20.5, 17.0], [24, 22]]),
        5, torch.zeros(2),
    )
    assert step.tolist() == [[right, down]] * 2
    assert correlation.tolist() == pytest.approx([1, 1], abs=1e-4)


def test_light_and_contrast_of_a_patch_do_not_matter_and_correlation_is_as_defined():
    truth, noise = cloud(), cloud(1)
    made = 0.3 + 0.5 * truth.roll(2, 3) + 0.2 * noise
    where, at = torch.zeros(1, dtype=torch.long), torch.tensor([[21.0, 20.0]])
    step, correlation = displacement(made, truth, where, at, 4, torch.zeros(2))
    assert step.tolist() == [[2, 0]]
    a, b = truth[0, :, 16:25, 17:26], made[0, :, 16:25, 19:28]
    a, b = a - a.mean((1, 2), keepdim=True), b - b.mean((1, 2), keepdim=True)
    expected = (a * b).sum() / (a.square().sum() * b.square().sum()).sqrt()
    assert float(correlation) == pytest.approx(float(expected), abs=1e-4)


def test_nothing_is_found_where_nothing_is_and_nothing_is_told_of_nothing():
    flat = torch.full((1, 2, 40, 48), 0.5)
    where, at = torch.zeros(1, dtype=torch.long), torch.tensor([[2.0, 38.0]])
    ground = torch.tensor([0.5, 0.5])
    assert float(displacement(flat, cloud(), where, at, 4, ground)[1]) == 0
    assert bool(displacement(cloud(), flat, where, at, 4, ground)[1].isnan())
    along = torch.zeros(1, 1, 40, 48)
    along[..., 24:] = 1  # an edge: no telling how far it slid along itself
    step, _ = displacement(along, along, where, torch.tensor([[24.0, 20.0]]), 4, torch.zeros(1))
    assert step.tolist() == [[0, 0]]


def test_the_truth_is_not_displaced(grid):
    found = shifts(grid)
    assert set(found) == {"joint_shift", "joint_shift/lost"} | {f"joint_shift/{p}" for p in PARTS}
    assert set(found.values()) == {0}


@pytest.mark.parametrize("pixels", [1, 2, 4])
def test_a_step_aside_is_told_in_pixels(grid, pixels):
    truth, matte = truth_of(grid), grid.read().matte
    found = shifts(grid, truth.roll(pixels, -1), matte.roll(pixels, -1))
    assert found["joint_shift"] == pytest.approx(pixels, abs=0.15)


def test_large_pictures_are_searched_at_half_their_size(grid):
    size = (2, 8)
    part = grid.select([0, 3])
    truth, matte = (
        F.interpolate(x.flatten(0, 1), scale_factor=3).unflatten(0, size)
        for x in (truth_of(part), part.read().matte)
    )
    large = replace(part, cameras=part.cameras.resized(288, 384))
    sample = Sample(truth.roll(8, -1), truth, matte, large, matte.roll(8, -1))
    assert joint_shift(sample)["joint_shift"] == pytest.approx(8, abs=0.3)


def test_a_limb_that_is_missing_raises_its_own_part(grid):
    truth, matte = truth_of(grid), grid.read().matte.clone()
    made = truth.clone()
    legs = (grid.parts() >= 11).flatten(0, 1).float()
    gone = F.max_pool2d(legs, 13, 1, 6).unflatten(0, truth.shape[:2]) > 0
    made = torch.where(gone, GROUND, made)
    found = shifts(grid, made, matte * ~gone)
    assert found["joint_shift/legs"] > max(2, 2 * found["joint_shift/arms"])
    assert found["joint_shift/lost"] > 0.1


def test_blur_and_tint_displace_nothing_and_wrong_pictures_do(grid):
    truth, matte = truth_of(grid), grid.read().matte
    soft = F.avg_pool2d(truth.flatten(0, 1), 3, 1, 1).unflatten(0, truth.shape[:2])
    assert shifts(grid, soft)["joint_shift"] < 0.2
    assert shifts(grid, (truth * 0.8 + 0.1))["joint_shift"] < 0.2
    assert shifts(grid, truth.roll(2, 0), matte.roll(2, 0))["joint_shift"] > 1.5
    assert shifts(grid, truth.roll(4, 1), matte.roll(4, 1))["joint_shift"] > 1
    nobody = shifts(grid, torch.full_like(truth, GROUND), torch.zeros_like(matte))
    assert nobody["joint_shift/lost"] == 1
    assert nobody["joint_shift"] >= 3


def test_joints_behind_the_body_are_not_looked_at(grid):
    sample = sample_of(grid)
    places = seen_joints(sample)
    assert int(places.picture.max()) < 64 and len(places.picture.unique()) == 48
    count = torch.bincount(places.picture, minlength=64)
    assert int(count.max()) <= len(NAMES)
    # from the side, one arm and one leg hide a part of the others
    assert float(count[count > 0].float().mean()) < len(NAMES)
    xy, _ = grid.cameras.project(grid.posed().joints)
    first = places.picture[0]
    name = NAMES[int(places.joint[0])]
    expected = xy.flatten(0, 1)[first, JOINT_INDEX[name]]
    assert torch.allclose(places.pixel[0], expected.float(), atol=1e-3)


def test_without_a_body_there_is_nothing_to_tell(grid):
    foreign = replace(grid, source="others", body="smplx")
    assert all(metric.function(sample_of(foreign)) == {} for metric in METRICS)


class Told:
    """Finds the joints that it was told, pictures in the order of the call, moved aside."""

    def __init__(self, clip, aside: float, missing: int = 0) -> None:
        places = seen_joints(sample_of(clip), joints._DETECTED)
        xy, _ = clip.cameras.project(clip.posed().joints)
        order = places.picture.unique().tolist()
        self.joints = [xy.flatten(0, 1)[k].numpy() for k in order]
        self.aside, self.missing, self.calls = aside, missing, 0

    def __call__(self, image: np.ndarray) -> Keypoints | None:
        number = self.calls % len(self.joints)
        again = self.calls >= len(self.joints)  # the truth comes first
        self.calls += 1
        scale = image.shape[1] / 96
        if again and number < self.missing:
            return None
        points = np.zeros((17, 2), np.float32)
        for k, name in enumerate(COCO_NAMES):
            if name in JOINT_INDEX:
                points[k] = self.joints[number][JOINT_INDEX[name]] + [self.aside * again, 0]
        return Keypoints(points * scale, np.ones(17, np.float32), "told")


def test_detected_joints_are_measured_in_the_pictures_own_pixels(grid):
    sample = sample_of(grid)
    found = detected(sample, Told(grid, 3.0))
    assert found["joint_error"] == pytest.approx(3, abs=1e-3)
    assert found["joint_error/truth"] == pytest.approx(0, abs=1e-3)
    assert found["pck"] == found["pck/truth"] == 1
    far = detected(sample, Told(grid, 40.0))
    assert far["joint_error"] == pytest.approx(40, abs=1e-3) and far["pck"] == 0
    missing = detected(sample, Told(grid, 1.0, missing=4))
    assert 0.3 < missing["pck"] < 0.7 and missing["joint_error"] == pytest.approx(1, abs=1e-3)
    assert detected(sample, lambda image: None) == {}


def test_without_a_detector_the_reason_is_told(grid):
    if find_spec("mediapipe") is not None:
        pytest.skip("a detector is installed")
    assert "muybridge[keypoints]" in (no_detector() or "")
    assert METRICS[1].function(sample_of(grid)) == {} == METRICS[2].function(sample_of(grid))


def test_an_installed_detector_finds_our_people(grid):
    if no_detector() is not None:
        pytest.skip(no_detector() or "")
    sample = sample_of(grid.select([0, 1], [0, 4]))
    error, share = (metric.function(sample) for metric in METRICS[1:])
    assert 0 < error["joint_error"] == error["joint_error/truth"] < 12
    assert share["pck"] > 0.6
