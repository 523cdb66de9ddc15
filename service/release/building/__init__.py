"""The parts of a release that is being built: what `publish` writes, and what it needs only while it writes.

Nothing that answers requests imports from here.
"""
