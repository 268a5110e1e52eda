"""Where Python that was copied from version 0.1.0 finds the class Study."""

from engine.store.study import Study

__all__ = ["Study"]
