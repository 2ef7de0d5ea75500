"""Invented scenes: objects after Gao et al. (2006), and a patchwork of classes finer than a coarse pixel."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

SIZE = 150
COARSE_EDGES = (0, 17, 34, 51, 67, 84, 101, 117, 134, 150)
"""A coarse pixel of 16.7 fine ones, cut at whole pixels."""


@dataclass(frozen=True)
class Scene:
    """Fine and coarse image of the first date, coarse image and true fine image of the target date."""

    fine: np.ndarray
    coarse: np.ndarray
    coarse_target: np.ndarray
    truth: np.ndarray

    @property
    def inputs(self):
        """What a fusion is given."""
        return self.fine, self.coarse, self.coarse_target


def block_means(fine):
    """Means of coarse pixels as whole digital numbers, on the fine grid."""
    coarse = np.empty_like(fine)
    for top, bottom in itertools.pairwise(COARSE_EDGES):
        for left, right in itertools.pairwise(COARSE_EDGES):
            coarse[top:bottom, left:right] = fine[top:bottom, left:right].sum() // ((bottom - top) * (right - left))
    return coarse


def disc(inner, outer, radius_square):
    """A disc on a background, digital numbers; a pixel whose centre lies on the rim is half of each."""
    row, column = np.indices((SIZE, SIZE)) - 75
    square = row**2 + column**2
    return np.where(square < radius_square, inner, np.where(square > radius_square, outer, (inner + outer) // 2))


def object_scene(name):
    """"change": the background grows bright; "growth": a disc grows; "line": as change, with a bright unchanging line."""
    if name == "growth":
        first, last = disc(1000, 4000, (50 / 3) ** 2), disc(1000, 4000, (200 / 3) ** 2)
    else:
        first, last = disc(500, 1000, 2500), disc(500, 4000, 2500)
    if name == "line":
        for image in (first, last):
            np.fill_diagonal(image, 5000)
    return Scene(first, block_means(first), block_means(last), last)


@pytest.fixture(scope="session")
def scene():
    """Gives a scene by name: change, growth, line."""
    return object_scene


def patchwork_images():
    """Fine and coarse images [band, row, column] of three dates: four classes in patches of a few pixels.

    Reflectance of two bands; each class has its own course, texture stays. Coarse pixels are 12 fine ones wide.
    """
    from scipy.ndimage import gaussian_filter

    size, block = 96, 12
    random = np.random.default_rng(1)
    rank = np.argsort(np.argsort(gaussian_filter(random.normal(size=(size, size)), 3).ravel()))
    classes = (rank * 4 // size**2).reshape(size, size)
    courses = np.array([[[0.05, 0.05, 0.05], [0.1, 0.3, 0.45], [0.2, 0.25, 0.15], [0.3, 0.2, 0.35]],
                        [[0.02, 0.02, 0.03], [0.12, 0.08, 0.04], [0.15, 0.1, 0.12], [0.2, 0.22, 0.15]]])
    texture = random.normal(0.0, 0.01, (2, size, size))
    fine = [courses[:, classes, date] + texture for date in range(3)]
    cells = size // block
    coarse = [np.kron(one.reshape(2, cells, block, cells, block).mean(axis=(2, 4)), np.ones((block, block))) for one in fine]
    return fine, coarse


@pytest.fixture(scope="session")
def patchwork():
    """The patchwork: fine images, coarse images."""
    return patchwork_images()
