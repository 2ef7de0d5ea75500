"""Fusion of fine, rare images with coarse, frequent ones: STARFM and ESTARFM.

    from terraflux.products.fusion.starfm import starfm
    from terraflux.products.fusion.estarfm import estarfm
    from terraflux.products.fusion.resampling import on_fine_grid

    image = starfm(fine, coarse, coarse_target)                                  # one pair of images
    image = starfm([fine_1, fine_2], [coarse_1, coarse_2], coarse_target)        # two pairs
    image = estarfm([fine_1, fine_2], [coarse_1, coarse_2], coarse_target)

`methods.fuse("starfm", ...)` does the same by short name and also tells why each pixel is what it is.
"""
