"""How well a tower stands for its surroundings: bias, similarity, window size, variograms, dispersion variance."""
