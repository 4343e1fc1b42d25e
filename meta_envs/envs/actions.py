"""What an action is: one rule for one copy and for many, in environments and in wrappers around others."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.error import InvalidAction
from gymnasium.vector.utils import batch_space

from meta_envs.family import Array

INTP, UINTP = np.dtype(np.intp), np.dtype(np.uintp)


class Actions:
    """Actions of one copy, or one action of each of ``num_envs`` copies.

    Of a Discrete space it is a whole number in the space, or an array (num_envs,) of whole numbers; of a Box, an array
    of real numbers of its shape, (num_envs, ...) for many copies, that lie in it once they are of its dtype. Whatever
    NumPy reads as such an array is an action: its own and Python's numbers, arrays of no dimension, lists, and tensors
    of other packages. Truth values are no numbers, arrays of one number are no number, and NaN lies in no Box. Of other
    spaces it is what they contain.

    Args:
        space: The actions of one copy.
        num_envs: How many copies act, or None where it is one alone.

    Attributes:
        space: All actions.
    """

    def __init__(self, space: spaces.Space[Any], num_envs: int | None = None) -> None:
        self.space = space if num_envs is None else batch_space(space, num_envs)
        self._single = space
        self._batch = () if num_envs is None else (num_envs,)
        self._shape = (*self._batch, *(space.shape or ()))
        # Of a Box the number nearest to 0, of others the first.
        self._idle = np.clip(0, space.low, space.high) if isinstance(space, spaces.Box) else getattr(space, "start", 0)
        self._range = range(0)
        if isinstance(space, spaces.Discrete):
            self._range = range(int(space.start), int(space.start + space.n))
            # One for each, because NumPy takes twice as long to compare few numbers with one.
            self._beyond = np.full(self._batch, len(self._range), np.uintp)

    def one(self, action: Any) -> Any:
        """An action of one copy: an integer, an array of the Box's dtype, or what the space contains.

        Raises:
            gymnasium.error.InvalidAction: If it is none.
        """
        if type(action) is int and action in self._range:
            return action
        taken = self.many(action)
        return int(taken) if isinstance(self._single, spaces.Discrete) else taken

    def many(self, actions: Any, idle: Array | None = None) -> Array:
        """The actions of all copies: (num_envs,) intp, or (num_envs, ...) of the Box's dtype; may be those given.

        Args:
            actions: What was given.
            idle: Copies (num_envs,) bool whose actions are not looked at, but replaced by some of the space; or None.

        Raises:
            gymnasium.error.InvalidAction: If there is one that is none.
        """
        if isinstance(self._single, spaces.Discrete):
            array = self._read(actions, "iu").astype(INTP, copy=False)
            if idle is not None:
                array = self._overwrite(array, idle)
            # As unsigned numbers, those below the first are beyond the last.
            wrong = (array - self._range.start if self._range.start else array).view(UINTP) >= self._beyond
            if np.count_nonzero(wrong):
                raise self._refuse(np.asarray(actions)[wrong][0].item(), self._single)
            return array
        if isinstance(self._single, spaces.Box):
            array = self._overwrite(self._read(actions, "iuf" if self._single.dtype.kind == "f" else "iu"), idle)
            if self._single.dtype.kind == "f" and array.dtype != self._single.dtype:
                with np.errstate(over="ignore"):
                    array = array.astype(self._single.dtype)
            if not np.all((self._single.low <= array) & (array <= self._single.high)):
                raise self._refuse(actions)
            return array.astype(self._single.dtype, copy=False)
        array = self._overwrite(actions, idle)
        if not self.space.contains(array):
            raise self._refuse(actions)
        return array

    def _read(self, actions: Any, kinds: str) -> Array:
        try:
            array = np.asarray(actions)
        except Exception:  # whatever other packages raise: lists of several lengths, tensors with gradients
            raise self._refuse(actions) from None
        if array.dtype.kind not in kinds or array.shape != self._shape:
            raise self._refuse(actions)
        return array

    def _overwrite(self, actions: Any, idle: Array | None) -> Any:
        if idle is None or not isinstance(actions, np.ndarray) or actions.shape[:1] != idle.shape:
            return actions
        actions = actions.copy()
        actions[idle] = self._idle
        return actions

    def _refuse(self, action: Any, space: spaces.Space[Any] | None = None) -> InvalidAction:
        kind = type(action).__name__
        return InvalidAction(f"The action {action!r} ({kind}) is not possible: give one of {space or self.space}.")
