"""Small landscapes and footprints for the tests of representativeness; not a test itself."""

import numpy as np

from terraflux.sites.raster_grid import Raster, local_axis


def blank(half_width=1000.0, resolution=20.0):
    """A raster of zeros around the tower."""
    axis = local_axis(half_width, resolution)
    return Raster(np.zeros((axis.size, axis.size)), axis, axis, name="NDVI")


def gaussian_footprint(grid, east=0.0, north=0.0, width=120.0, mass=0.95):
    """A round footprint (m-2) of `mass` centred at (east, north) m."""
    shape = np.exp(-((grid.x[None, :] - east) ** 2 + (grid.y[:, None] - north) ** 2) / (2 * width**2))
    return mass * shape / (shape.sum() * grid.cell_area)


def two_patches(grid, west=0.7, east=0.3, border=0.0):
    """A raster of one value west of `border` (m) and another east of it."""
    return grid.with_values(np.where(grid.x[None, :] < border, west, east) * np.ones(grid.shape))


def textured(grid, seed=1, length=150.0, sill=0.01, mean=0.6):
    """A smooth random raster of given correlation length (m), by filtering white noise."""
    noise = np.random.default_rng(seed).standard_normal(grid.shape)
    ky, kx = np.meshgrid(np.fft.fftfreq(grid.shape[0], grid.cell_size[1]), np.fft.fftfreq(grid.shape[1], grid.cell_size[0]),
                         indexing="ij")
    smooth = np.fft.ifft2(np.fft.fft2(noise) * np.exp(-2 * (np.pi * length / 2) ** 2 * (kx**2 + ky**2))).real
    return grid.with_values(mean + np.sqrt(sill) * (smooth - smooth.mean()) / smooth.std())
