"""What other programs and organisations keep, turned into records of the archive, in a folder of tables.

Knows the archive, no release. Nothing that cannot be placed is dropped in silence: it becomes an own field, or is told.
"""
