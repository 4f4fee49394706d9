"""Witnesses: classifiers trained on real faces, apart from the simulators, that say whether a deepfake did as asked.

Each kind's module has ``examine(attack, train, test, *, steps, seed) -> Verdict``.
"""
