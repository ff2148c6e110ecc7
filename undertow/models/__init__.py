"""Models: the matrix and known labels in, calibrated probabilities with their reasons out."""
