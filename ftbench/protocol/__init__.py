"""By what rules methods are ranked: the protocol, a table and page of many results folders, and credentials.

What of it a reader needs is in ``docs/protocol.md`` and ``docs/credential.md``.
"""
