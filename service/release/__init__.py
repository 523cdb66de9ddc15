"""One release: written once by `publish.py`, then opened read-only by `opening.py`.

`building/` holds what only `publish.py` needs. The modules beside it are needed to read a release, or by both sides.
"""
