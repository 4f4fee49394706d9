"""Finished cells become a results folder: tables, figures, rows and the manifest; and the whole way there.

Imports every lower room.
"""
