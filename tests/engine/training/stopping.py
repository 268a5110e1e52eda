"""Stacks that are stopped as a process may be, right after a checkpoint of all members."""

from engine.training.together import stack
from engine.training.together.stack import Stack


def leave_after(monkeypatch, epochs, compute):
    """Call ``compute``, whose stack saves after every epoch and is interrupted after the last."""
    monkeypatch.setattr(stack, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(stack, "SAVING_SHARE", 0)

    def save_and_leave(self, save=Stack._save):
        seconds = save(self)
        if self._state.epoch == epochs:
            raise KeyboardInterrupt
        return seconds

    with monkeypatch.context() as patch:
        patch.setattr(Stack, "_save", save_and_leave)
        left = compute()
    assert all(isinstance(outcome, KeyboardInterrupt) for outcome in left)
