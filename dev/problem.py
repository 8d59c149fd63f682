"""A failure that is told in one sentence."""

from __future__ import annotations


class Problem(Exception):
    """Something that the person at the keyboard can mend; its text says what and how.

    Args:
        sentence: What happened and what to do about it.
        code: The exit code.
    """

    def __init__(self, sentence: str, code: int = 1) -> None:
        """Keep the sentence and the exit code."""
        super().__init__(sentence)
        self.code = code
