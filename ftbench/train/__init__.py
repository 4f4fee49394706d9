"""The loop, and what is trained in it: pairs, simulators, codes.

Imports the pipeline, data and the machine.
"""
