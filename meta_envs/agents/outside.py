"""Policies that were not trained here, as learners: models of Stable-Baselines3, callables, TorchScript and ONNX."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from meta_envs.agents.plays import PolicyLearner
from meta_envs.errors import CannotServe
from meta_envs.family import Array, TaskFamily
from meta_envs.files import is_there, reason_of
from meta_envs.wrappers.puppets import Replay

Policy = Callable[[Any, Any, Array], tuple[Any, Any]]


class OutsidePolicy(PolicyLearner):
    """A policy from outside as a learner: wherever a learner is taken, a policy is wrapped in this by itself.

    A policy is one of these:

    - a model of Stable-Baselines3 or sb3-contrib, recurrent or not: anything with its ``predict``;
    - a callable ``(observation, state, start) -> (action, state)`` on NumPy arrays;
    - a torch module, also in TorchScript, that is called alike with tensors;
    - a path to a file of ONNX (``.onnx``, which needs onnxruntime) or TorchScript (``.pt``, whose loading can run code
      that is in the file).

    Of ``num`` lifetimes the observation is (num, ...), or a table of these where the environment shows a Dict.
    ``start`` is (num,) bool, true where a lifetime begins. ``state`` is None at the first step, and then what was
    returned before. The action is (num,) whole numbers, or (num, A) float log-odds of the actions.

    An ONNX graph has an input ``observation``, or one for each key of a Dict; an input ``start`` where it needs one;
    and for every other input, which are the states, an output in the same order after the first output, the action.
    States begin as zeros; their axis of lifetimes is the one without a fixed size.

    Args:
        policy: The policy.
        env: An environment as the policy was trained in, single or vector: it sees what the wrappers of this would
            show, normalised or stacked observations included, with statistics as they are. Of a model by default that
            of ``model.get_env()``. Where there is none, `PreviousActionReward` as it is by default, or, where that does
            not fit the policy, the family's own observations.
        play: "greedy" (SB3's ``deterministic``, or the highest log-odds) or "sampled"; alike for a policy that returns
            actions.

    Raises:
        ValueError: If it is none of these, or the file cannot be read.
        ImportError: If onnxruntime or torch is missing.
    """

    def __init__(self, policy: Any, *, env: Any = None, play: str = "greedy") -> None:
        self.play, self.label, self._env = play, _name(policy), env
        self._space: Any = None
        self._actions: Any = None
        if isinstance(policy, str | Path):
            policy = _read(Path(policy))
        if hasattr(policy, "predict"):
            self._space = getattr(policy, "observation_space", None)
            self._actions = getattr(policy, "action_space", None)
            if env is None and hasattr(policy, "get_env"):
                self._env = policy.get_env()
            self._policy: Policy = self._predict(policy)
        elif hasattr(policy, "get_inputs"):
            self._space, self._policy = _session_space(policy), _run_session(policy)
        elif (torch := sys.modules.get("torch")) is not None and isinstance(policy, torch.nn.Module):
            self._policy = _call_module(policy)
        elif callable(policy) and not isinstance(policy, type) and _takes_three(policy):
            self._policy = policy
        else:
            raise ValueError(
                f"{policy!r} is no learner: give one, its name, a model with `predict`, or a callable "
                "(observation, state, start) -> (action, state)."
            )

    def check(self, family: TaskFamily) -> None:
        """Refuse families that look otherwise than what it was trained on.

        Raises:
            CannotServe: If actions or observations are others.
        """
        if not isinstance(family.action_space, spaces.Discrete):
            raise CannotServe(f"{self.name} serves finitely many actions, and {type(family).__name__} has others.")
        if self._actions is not None and self._actions != family.action_space:
            raise CannotServe(
                f"{self.name} has the actions {self._actions}, and {type(family).__name__} has {family.action_space}: "
                "evaluate it where they are the same."
            )
        self._replay(family, 1)

    def _replay(self, family: TaskFamily, num: int) -> Replay | None:
        """What the policy sees; None where these are the family's own observations."""
        replay = Replay(self._env, family, num)
        if self._env is not None or self._space is None:
            return replay
        shown = [replay.space, family.observation_space]
        for space, seen in zip(shown, (replay, None), strict=True):
            if _shapes(self._space, False) in (_shapes(space, False), _shapes(space, True)):
                return seen
        raise CannotServe(
            f"{self.name} takes observations {self._space}, and {type(family).__name__} shows {shown[1]}, with its "
            f"history {shown[0]}: give the environment as it was trained in, by model.set_env(env) or "
            "OutsidePolicy(policy, env=env)."
        )

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Forget the state."""
        self.check(family)
        self._rng, self._state = rng, None
        self._last: tuple[Array, Array] | None = None
        self._start = np.ones(num, dtype=bool)
        self._seen = self._replay(family, num)

    def act(self, observation: Any) -> Array:
        """Actions (num,)."""
        shown = observation
        if self._seen is not None:
            shown = self._seen.step(observation, *self._last) if self._last else self._seen.reset(observation)
        answer = self._policy(shown, self._state, self._start)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise ValueError(f"{self.name} gave {answer!r}: return a pair (action, state).")
        action, self._state = answer
        self._start = np.zeros_like(self._start)
        return self._choose(_to_array(action))

    def _choose(self, answer: Array) -> Array:
        """Actions (num,), of these or of log-odds (num, A)."""
        if answer.dtype.kind != "f" or answer.ndim != 2:
            return answer
        if self.play == "sampled":
            answer = answer + self._rng.gumbel(size=answer.shape)
        return np.argmax(answer, axis=-1)

    def learn(self, action: Array, outcome: Any, reward: Array) -> None:
        """Remember the step, which the wrappers show with the next observation."""
        self._last = (np.asarray(action), np.asarray(reward, np.float64))

    def _predict(self, model: Any) -> Policy:
        def call(observation: Any, state: Any, start: Array) -> tuple[Any, Any]:
            greedy = self.play == "greedy"
            with _own_chance(None if greedy else self._rng):
                return model.predict(observation, state=state, episode_start=start, deterministic=greedy)

        return call


@contextmanager
def _own_chance(rng: np.random.Generator | None) -> Iterator[None]:
    """Global random streams, which models draw from, for a moment as this stream says; None leaves them alone."""
    if rng is None:
        yield
        return
    import torch

    before = np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        np.random.seed(int(rng.integers(2**31)))  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002


def _read(path: Path) -> Any:
    """The policy in a file."""
    if not (is_there(path) and path.is_file()):
        raise ValueError(f"There is no policy at {str(path)!r}: give the file that it was exported to.")
    try:
        if path.suffix == ".onnx":
            from onnxruntime import InferenceSession

            return InferenceSession(str(path), providers=["CPUExecutionProvider"])
        import torch

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, of a format that files are in
            return torch.jit.load(str(path), map_location="cpu")
    except ImportError as error:
        raise ImportError(f"To play {path} takes {error.name}: pip install {error.name}.") from error
    except Exception as error:
        kind = "ONNX" if path.suffix == ".onnx" else "TorchScript"
        raise ValueError(f"{path} is no policy in {kind} ({reason_of(error)}): export it again.") from error


def _call_module(module: Any) -> Policy:
    import torch

    def tensors(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: tensors(each) for name, each in part.items()}
        return torch.from_numpy(np.ascontiguousarray(part))

    def call(observation: Any, state: Any, start: Array) -> tuple[Any, Any]:
        with torch.no_grad():
            return module(tensors(observation), state, tensors(start))

    return call


def _run_session(session: Any) -> Policy:
    inputs = {each.name: each for each in session.get_inputs()}

    def call(observation: Any, state: Any, start: Array) -> tuple[Any, Any]:
        parts = observation if isinstance(observation, dict) else {"observation": observation}
        fed = {**parts, "start": start}
        states = [name for name in inputs if name not in fed]
        for place, name in enumerate(states):
            sizes = [size if isinstance(size, int) else len(start) for size in inputs[name].shape]
            fed[name] = np.zeros(sizes, _dtype(inputs[name])) if state is None else state[place]
        given = {name: np.asarray(fed[name]).astype(_dtype(each), copy=False) for name, each in inputs.items()}
        action, *state = session.run(None, given)
        if len(state) < len(states):
            raise ValueError(
                f"The graph takes {', '.join(states)} and returns {len(state)} states: return each after the action."
            )
        return action, state

    return call


def _dtype(entry: Any) -> Any:
    """Of an input whose type is written as ``tensor(int64)``; ``float`` is that of C."""
    name = entry.type.removeprefix("tensor(").removesuffix(")")
    return np.float32 if name == "float" else np.sctypeDict.get(name, np.float32)


def _session_space(session: Any) -> Any:
    """What a graph's inputs say of its observations; None where that is not all fixed."""
    for entry in session.get_inputs():
        if entry.name == "observation" and all(isinstance(size, int) for size in entry.shape[1:]):
            return spaces.Box(-np.inf, np.inf, tuple(entry.shape[1:]), np.float32)
    return None


def _shapes(space: Any, transposed: bool) -> Any:
    """Shapes of a space's parts; of images with the channels first, as Stable-Baselines3 shows them."""
    if isinstance(space, spaces.Dict):
        return {name: _shapes(part, transposed) for name, part in space.items()}
    shape = space.shape
    return (shape[2], *shape[:2]) if transposed and len(shape) == 3 else shape


def _to_array(answer: Any) -> Array:
    return np.asarray(answer.detach().cpu() if hasattr(answer, "detach") else answer)


def _takes_three(policy: Callable[..., Any]) -> bool:
    try:
        inspect.signature(policy).bind(None, None, None)
    except TypeError:
        return False
    except ValueError:  # what is built in may not tell
        return True
    return True


def _name(policy: Any) -> str:
    if isinstance(policy, str | Path):
        return Path(policy).name
    return getattr(policy, "__name__", type(policy).__name__)
