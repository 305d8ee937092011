"""Smooth fields on a surface: what goes in comes out, and nothing wilder."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from muybridge.person.surface_graph import SurfaceGraph


def sheet(rows: int = 12, columns: int = 15) -> tuple[np.ndarray, np.ndarray]:
    """A flat net of triangles."""
    y, x = np.mgrid[:rows, :columns].astype(float)
    vertices = np.stack([x, y, 0 * x], -1).reshape(-1, 3) * 0.01
    i = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (q.ravel() for q in (i[:-1, :-1], i[:-1, 1:], i[1:, :-1], i[1:, 1:]))
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])


@pytest.fixture(scope="module")
def graph():
    return SurfaceGraph.of(*sheet())


@pytest.fixture(scope="module")
def loose():
    """The sheet with a triangle that hangs above its corner."""
    vertices, faces = sheet()
    n = len(vertices)
    extra = vertices[:3] + np.array([0, 0, 0.01])
    return SurfaceGraph.of(
        np.concatenate([vertices, extra]), np.concatenate([faces, [[n, n + 1, n + 2]]])
    )


def test_rows_are_means_and_springs_are_symmetric(loose):
    assert np.allclose(np.asarray(loose.neighbours.sum(1)), 1)
    assert np.allclose(np.asarray(loose.laplacian.sum(1)), 0)
    assert abs(loose.springs - loose.springs.T).max() < 1e-12
    assert np.allclose(loose.springs @ np.ones(loose.springs.shape[0]), 0)
    wild = np.random.default_rng(0).normal(size=loose.springs.shape[0])
    assert wild @ (loose.springs @ wild) > 0


@pytest.mark.parametrize("share", [0.01, 0.2, 1.0])
def test_fill_reproduces_a_constant(graph, share):
    n = graph.laplacian.shape[0]
    seed = np.random.default_rng(1)
    known = (seed.random(n) < share) * seed.uniform(0.1, 1, n)
    known[3] = 1
    values = np.where(known[:, None] > 0, np.array([0.2, 0.7, 0.4]), -99.0)
    found = graph.fill(values, known, stiffness=0.01)
    assert np.abs(found - np.array([0.2, 0.7, 0.4])).max() < 5e-3


@pytest.mark.parametrize("stiffness", [1e-3, 1e-2, 0.2])
@pytest.mark.parametrize("seed", range(4))
def test_fill_stays_within_what_is_known(graph, stiffness, seed):
    dice = np.random.default_rng(seed)
    n = graph.laplacian.shape[0]
    known = np.where(dice.random(n) < 0.15, dice.uniform(0.05, 1, n), 0)
    known[0] = 1
    values = dice.uniform(0.3, 0.9, n)
    found = graph.fill(np.where(known > 0, values, 1e3), known, stiffness=stiffness, pull=1e-9)
    assert found.shape == (n,)
    assert found.min() > values[known > 0].min() - 1e-4
    assert found.max() < values[known > 0].max() + 1e-4


def test_fill_keeps_what_is_surely_known_and_blends_between(graph):
    ends = np.zeros(12 * 15)
    known = np.zeros_like(ends)
    grid = np.arange(12 * 15).reshape(12, 15)
    known[grid[:, 0]] = known[grid[:, -1]] = 1
    ends[grid[:, -1]] = 1.0
    found = graph.fill(ends, known, stiffness=1e-3, pull=0.0).reshape(12, 15)
    assert np.abs(found[:, 0]).max() < 0.01 and np.abs(found[:, -1] - 1).max() < 0.01
    assert (np.diff(found, axis=1) > 0).all()
    assert abs(found[:, 7].mean() - 0.5) < 0.02


def test_solve_hits_its_observations(graph):
    n = graph.laplacian.shape[0]
    rows = sp.csr_matrix((np.full(6, 10.0), ([0, 1, 2, 3, 4, 4], [5, 70, 99, 130, 20, 21])), (5, n))
    wanted = np.array([[0.3, -1], [0.1, 0], [-0.4, 2], [0.0, 0], [0.5, 1]])
    found = graph.solve(rows, wanted, bend=1e-3, stretch=0.0, pull=1e-6)
    assert np.abs(rows @ found - wanted).max() < 0.02
    # and is the least-squares optimum: no small change makes it better
    L, pull = graph.laplacian, 1e-6

    def cost(x):
        return (
            ((rows @ x - wanted) ** 2).sum() + 1e-3 * ((L @ x) ** 2).sum() + pull * (x**2).sum()
        )

    dice = np.random.default_rng(5)
    for _ in range(20):
        assert cost(found) <= cost(found + 1e-3 * dice.normal(size=found.shape))


def test_pull_brings_what_nobody_observes_to_zero(graph):
    n = graph.laplacian.shape[0]
    rows = sp.csr_matrix((1, n))
    assert not graph.solve(rows, np.zeros((1, 2)), bend=1.0, stretch=1.0, pull=1e-3).any()


def test_smooth_keeps_constants_and_lowers_differences(graph):
    n = graph.laplacian.shape[0]
    assert np.allclose(graph.smooth(np.full((n, 2), 0.7), 9), 0.7)
    noise = np.random.default_rng(2).normal(size=n)
    soft = graph.smooth(noise, 5)
    assert soft.std() < 0.5 * noise.std()
    assert np.array_equal(graph.smooth(noise, 0), noise)


def test_loose_pieces_follow_the_body_and_do_not_move_it(loose):
    n = loose.laplacian.shape[0]
    known = np.zeros(n)
    known[: n - 3] = 1
    values = np.full(n, 0.6)
    values[n - 3 :] = 50.0
    found = loose.fill(values, known, stiffness=1e-2)
    assert np.abs(found - 0.6).max() < 2e-3
    field = np.zeros(n)
    field[n - 3 :] = 1.0
    assert np.abs(loose.smooth(field, 4)[: n - 3]).max() == 0
