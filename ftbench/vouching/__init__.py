"""Whether kept cells stand: what vouches for them, why one is made again, accepting by hand, and earlier stores.

Imports the plan, the parts and the storage; finds code without running it.
"""
