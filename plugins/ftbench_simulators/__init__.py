"""Simulators beside the paper's."""
