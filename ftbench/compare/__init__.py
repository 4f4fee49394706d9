"""Results held against themselves and against claims.

``seal`` digests what a run wrote and ``reread`` opens it again; ``audit`` asks whether a folder agrees with itself,
number by number (``recount`` from rows, ``crosscheck`` between tables); ``claims`` reads what was expected,
``evidence`` gathers what was found, ``judge`` holds one against the other.
"""
