"""Faces drawn from numbers: the data set that needs no download and no licence."""
