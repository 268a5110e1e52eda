"""The fixtures of the engine's tests, for comparisons that train a network first."""

from tests.engine.conftest import computed, study

__all__ = ["computed", "study"]
