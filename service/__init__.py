"""Testimony Archive: a publishing engine for archives of human-rights testimony."""

__version__ = "1.0.0"
