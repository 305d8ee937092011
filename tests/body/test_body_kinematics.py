"""The rotation algebra of bodies."""

from __future__ import annotations

import math

import pytest
import roma
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from muybridge.body.kinematics import (
    ancestors,
    cross_matrix,
    rotation_between,
    twist_about,
    with_roll,
    world_rotations,
)
from muybridge.body.skeleton import MIRROR, PARENTS

EYE = torch.eye(3, dtype=torch.float64)


def vector(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: math.hypot(*v) > 0.05).map(
    lambda v: torch.nn.functional.normalize(vector(*v), dim=0)
)
turns = st.tuples(directions, st.floats(-3.0, 3.0)).map(
    lambda t: roma.rotvec_to_rotmat(t[0] * t[1])
)


def angle(R: Tensor) -> float:
    return float(roma.rotmat_geodesic_distance(R, EYE))


@settings(max_examples=200, deadline=None)
@given(turns, directions)
def test_twist_and_swing_recompose(R: Tensor, axis: Tensor) -> None:
    twist = twist_about(R, axis, 1.0)
    assert (twist @ axis - axis).abs().max() < 1e-9, "a twist leaves its axis"
    swing = R @ twist.T
    assert (swing @ axis - R @ axis).abs().max() < 1e-9
    # what is left is the smallest rotation between the axis and where it goes
    if float((R @ axis) @ axis) > -0.999:
        assert (swing - rotation_between(axis, R @ axis)).abs().max() < 1e-5


@settings(max_examples=200, deadline=None)
@given(turns, directions, st.floats(-1, 1), st.floats(-1, 1))
def test_shares_of_a_twist_add_up(R: Tensor, axis: Tensor, a: float, b: float) -> None:
    both = twist_about(R, axis, a) @ twist_about(R, axis, b)
    assert (both - twist_about(R, axis, a + b)).abs().max() < 1e-9
    assert (twist_about(R, axis, 0.0) - EYE).abs().max() < 1e-12


@settings(max_examples=100, deadline=None)
@given(directions, st.floats(-3.1, 3.1), st.floats(-1, 1))
def test_a_pure_twist_is_shared_by_angle(axis: Tensor, turn: float, share: float) -> None:
    R = roma.rotvec_to_rotmat(axis * turn)
    expected = roma.rotvec_to_rotmat(axis * turn * share)
    assert (twist_about(R, axis, share) - expected).abs().max() < 1e-9


def test_twists_in_a_batch() -> None:
    R = roma.random_rotmat((4, 2)).double()
    axes = torch.stack([vector(1, 0, 0), vector(0, 0.6, 0.8)])
    shares = vector(0.5, -0.25)
    batch = twist_about(R, axes, shares)
    for i in range(4):
        for k in range(2):
            one = twist_about(R[i, k], axes[k], float(shares[k]))
            assert (batch[i, k] - one).abs().max() < 1e-12


@settings(max_examples=200, deadline=None)
@given(directions, directions)
def test_rotation_between_directions(a: Tensor, b: Tensor) -> None:
    R = rotation_between(a, b)
    assert (R @ a - b).abs().max() < 1e-5
    assert (R @ R.T - EYE).abs().max() < 1e-5 and float(torch.linalg.det(R)) > 0
    between = math.acos(max(-1.0, min(1.0, float(a @ b))))
    assert abs(angle(R) - between) < 1e-5, "no larger than it must be"


@pytest.mark.parametrize("a", [(1, 0, 0), (0, 1, 0), (0, 0, -1), (1, 1, 1), (0.3, -2, 0.1)])
def test_opposite_and_equal_directions(a: tuple[float, float, float]) -> None:
    v = torch.nn.functional.normalize(vector(*a), dim=0)
    assert (rotation_between(v, v) - EYE).abs().max() < 1e-12
    for other in (-v, torch.nn.functional.normalize(-v + 1e-9, dim=0)):
        R = rotation_between(v, other)
        assert (R @ v + v).abs().max() < 1e-5 and abs(angle(R) - math.pi) < 1e-4
        assert abs(float(torch.linalg.det(R)) - 1) < 1e-9
    single = rotation_between(v.float(), -v.float())
    assert bool(torch.isfinite(single).all())
    assert (single @ v.float() + v.float()).abs().max() < 1e-5


def test_lengths_do_not_matter() -> None:
    a, b = vector(0.2, -1, 3), vector(1, 2, 0.1)
    assert (rotation_between(a * 7, b * 1e-3) - rotation_between(a, b)).abs().max() < 1e-12


def test_world_rotations_are_products_down_the_chain() -> None:
    R = roma.random_rotmat((3, 55)).double()
    world = world_rotations(R, PARENTS)
    expected: list[Tensor] = []
    for joint, parent in enumerate(PARENTS):
        local = R[:, joint]
        expected.append(local if parent < 0 else expected[parent] @ local)
    assert (world - torch.stack(expected, 1)).abs().max() < 1e-12
    alone = world_rotations(R[0], PARENTS)
    assert (alone - world[0]).abs().max() < 1e-12


def test_any_order_of_bones_and_several_roots() -> None:
    parents = (-1, 0, 0, 2, -1, 4, 1)
    R = roma.random_rotmat(7).double()
    world = world_rotations(R, parents)
    assert (world[3] - R[0] @ R[2] @ R[3]).abs().max() < 1e-12
    assert (world[6] - R[0] @ R[1] @ R[6]).abs().max() < 1e-12
    assert torch.equal(world[4], R[4]) and (world[5] - R[4] @ R[5]).abs().max() < 1e-12


def test_ancestors_sum_down_the_chain() -> None:
    A = ancestors((-1, 0, 1, 1, 0))
    assert A.tolist() == [
        [1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [1, 0, 0, 0, 1]
    ]


@settings(max_examples=100, deadline=None)
@given(directions, directions)
def test_cross_matrix_and_roll(a: Tensor, b: Tensor) -> None:
    assert (cross_matrix(a) @ b - torch.linalg.cross(a, b)).abs().max() < 1e-12
    if float(torch.linalg.cross(a, b).norm()) > 1e-3:
        F = with_roll(a, b)
        assert (F.T @ F - EYE).abs().max() < 1e-9 and float(torch.linalg.det(F)) > 0
        assert (F[:, 0] - a).abs().max() < 1e-9 and float(F[:, 1] @ b) > 0
        assert abs(float(F[:, 2] @ b)) < 1e-9


def test_mirroring_twice_changes_nothing() -> None:
    assert [MIRROR[m] for m in MIRROR] == list(range(55))
    assert all(PARENTS[m] == (MIRROR[p] if p >= 0 else -1)
               for m, p in zip(MIRROR, PARENTS, strict=True))
