from __future__ import annotations

import pytest
import torch
from gas_recorded import recording

from muybridge.sampling import draw_noise, item_generator, ramp, triangular


def test_noise_belongs_to_its_view_and_frame():
    whole = draw_noise(7, range(3), range(5), (2, 4, 3))
    assert whole.shape == (3, 5, 2, 4, 3)
    assert torch.equal(draw_noise(7, [2, 1], [4, 0, 3], (2, 4, 3)), whole[[2, 1]][:, [4, 0, 3]])
    torch.manual_seed(1)  # whatever the global generator does
    assert torch.equal(draw_noise(7, range(3), range(5), (2, 4, 3)), whole)



def test_noise_differs_between_places_and_seeds_and_is_normal():
    many = torch.cat([draw_noise(s, range(4), range(4), (1, 8, 8)).flatten(0, 1) for s in (0, 1)])
    flat = many.flatten(1)
    correlation = torch.corrcoef(flat) - torch.eye(32)
    assert float(correlation.abs().max()) < 0.6  # 64 numbers: five sigmas
    assert float(flat.mean()) == pytest.approx(0, abs=0.1)
    assert float(flat.std()) == pytest.approx(1, abs=0.1)


def test_numbers_name_an_item_and_not_their_digits():
    def draw(*numbers):
        return torch.rand(1, generator=item_generator(*numbers)).item()

    assert len({draw(1, 11), draw(11, 1), draw(1, 1, 1), draw(111), draw(0, 111)}) == 5
    assert 0 <= draw(2**70, -3) < 1


def test_triangular_is_the_releases_at_20_views(shared):
    _, tensors = recording(shared)
    assert torch.equal(triangular(20, 1, 2), tensors["pipe_mv/guidance_scale"])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 8, 12, 19, 20, 33])
def test_triangular_rises_to_the_far_side_and_falls_back(count):
    scale = triangular(count, 1, 3)
    assert scale.shape == (count,)
    assert scale[0] == 1
    assert bool((scale >= 1).all()) and bool((scale <= 3).all())
    half = count // 2
    assert bool((scale[: half + 1].diff() > 0).all()) and bool((scale[half:].diff() < 0).all())
    if count > 1:
        assert scale[half] == 3
    if count % 2 == 0:
        assert torch.allclose(scale[1:], scale[1:].flip(0), atol=1e-6)  # left as right


def test_ramp():
    assert ramp(3, 1, 2).tolist() == [1, 1.5, 2]
    assert ramp(1, 1, 2).tolist() == [1]
