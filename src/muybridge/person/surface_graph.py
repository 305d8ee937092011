"""Smooth fields on a body's surface: diffusion and least squares over its mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree


@dataclass(frozen=True)
class SurfaceGraph:
    """The vertices of a mesh and who is next to whom.

    Attributes:
        neighbours: ``[N, N]`` rows sum to 1: the mean over a vertex' neighbours.
        laplacian: ``[N, N]`` identity minus ``neighbours``.
        springs: ``[N, N]`` symmetric: ``x' springs x`` is the mean squared difference
            between neighbours.
    """

    neighbours: sp.csr_matrix
    laplacian: sp.csr_matrix
    springs: sp.csr_matrix

    @staticmethod
    def of(vertices: np.ndarray, faces: np.ndarray) -> SurfaceGraph:
        """Builds the graph; loose pieces (eyes, tongue) hang on the largest one.

        Args:
            vertices: ``[N, 3]`` metres.
            faces: ``[F, 3]``.
        """
        n = len(vertices)
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        adjacency = sp.coo_matrix((np.ones(len(edges)), edges.T), shape=(n, n)).tocsr()
        adjacency = ((adjacency + adjacency.T) > 0).astype(float)
        _, label = connected_components(adjacency, directed=False)
        main = np.bincount(label).argmax()
        loose = np.nonzero(label != main)[0]
        if len(loose):
            anchor = np.nonzero(label == main)[0]
            _, near = cKDTree(vertices[anchor]).query(vertices[loose], k=3)
            rows = np.repeat(loose, 3)
            columns = anchor[near.ravel()]
            # one way only: a loose piece follows the body, the body does not feel it
            bonds = sp.coo_matrix((np.full(len(rows), 2.0), (rows, columns)), shape=(n, n))
            adjacency = adjacency + bonds.tocsr()
        degree = np.maximum(np.asarray(adjacency.sum(1)).ravel(), 1e-9)
        mean = sp.diags(1 / degree) @ adjacency
        both = 0.5 * (adjacency + adjacency.T)
        springs = (sp.diags(np.asarray(both.sum(1)).ravel()) - both) / 6.0
        return SurfaceGraph(mean.tocsr(), (sp.identity(n) - mean).tocsr(), springs.tocsr())

    def smooth(self, field: np.ndarray, rounds: int, keep: float = 0.5) -> np.ndarray:
        """Blends each vertex with its neighbours' mean, ``rounds`` times."""
        for _ in range(rounds):
            field = keep * field + (1 - keep) * (self.neighbours @ field)
        return field

    def solve(
        self,
        rows: sp.csr_matrix,
        goal: np.ndarray,
        *,
        bend: np.ndarray | float,
        stretch: float,
        pull: np.ndarray | float,
    ) -> np.ndarray:
        """The smooth field ``x`` with ``rows @ x`` near ``goal``.

        Minimises ``|rows x - goal|^2 + bend |L x|^2 + stretch |grad x|^2 + pull |x|^2``.

        Args:
            rows: ``[M, N]`` weighted observations.
            goal: ``[M, C]`` weighted values.
            bend, stretch: how stiff the field is; ``bend`` for all vertices or for each.
            pull: towards zero, per vertex or for all.
        """
        n = self.laplacian.shape[0]
        pull_diagonal = sp.diags(np.broadcast_to(np.asarray(pull, float), (n,)))
        L = self.laplacian
        stiff = sp.diags(np.broadcast_to(np.asarray(bend, float), (n,)))
        system = rows.T @ rows + L.T @ stiff @ L + stretch * self.springs + pull_diagonal
        factor = splu(system.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        return np.asarray(factor.solve(np.asarray(rows.T @ goal)))

    def fill(
        self, values: np.ndarray, known: np.ndarray, stiffness: float, pull: float = 1e-7
    ) -> np.ndarray:
        """Spreads known values over the vertices that have none.

        Args:
            values: ``[N]`` or ``[N, C]``; read where ``known`` > 0.
            known: ``[N]`` weight of each value, 0 where there is none.
            stiffness: of the field against following single values.
            pull: towards zero, where nothing is known for far around.
        """
        flat = values.reshape(len(values), -1)
        root = np.sqrt(known)
        rows = sp.diags(root).tocsr()
        # springs only: between known values a spread field never leaves their range
        found = self.solve(rows, flat * root[:, None], bend=0.0, stretch=stiffness, pull=pull)
        return found.reshape(values.shape)
