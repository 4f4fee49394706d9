"""Deepfakes of four kinds, each small enough to be trained by the harness on its own data and then frozen."""
