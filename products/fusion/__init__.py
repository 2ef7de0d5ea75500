"""Fusion of fine, rare images with coarse, frequent ones: STARFM and ESTARFM."""
