"""Finds other people's parts, and holds broken ones apart.

Imports the contract and the benchmark file.
"""
