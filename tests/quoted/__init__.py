"""Sentences and rows of README and docs whose figures are read from the tables under results/."""
