"""Distortions that a marked image meets on the internet, most of them from kornia."""
