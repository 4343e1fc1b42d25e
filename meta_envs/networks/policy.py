"""The recurrent actor-critic: sb3-contrib's, with a sequence in one call, and a memory both heads may train."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import torch as th
from gymnasium import spaces
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.distributions import CategoricalDistribution
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, FlattenExtractor
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch.distributions import Categorical

from meta_envs.networks.actor_critic import distribution_of, log_probs_of
from meta_envs.networks.encoders import Senses
from meta_envs.networks.memories import State, add_forget_bias, make_memory, run, step
from meta_envs.networks.threads import Both, in_turn

LAYOUT: tuple[Literal["C_CONTIGUOUS", "ALIGNED"], ...] = ("C_CONTIGUOUS", "ALIGNED")
"""Of what is seen, to NumPy."""


class FastCategorical(CategoricalDistribution):
    """SB3's categorical distribution at a third of its cost: no argument checks, and one normalisation for everything.

    A NaN is still refused, by ``MetaRecurrentPPO.train``.
    """

    def proba_distribution(self, action_logits: th.Tensor) -> "FastCategorical":
        """Take unnormalised log-probabilities, float32, (B, num_actions)."""
        self.columns = log_probs_of(action_logits)
        return self

    @property
    def distribution(self) -> Categorical:
        """The same as a distribution of torch's, made when asked for."""
        return distribution_of(self.columns)

    def log_prob(self, actions: th.Tensor) -> th.Tensor:
        """Log-probability, float32, (B,), of actions (B,)."""
        return self.columns.gather(0, actions.long().reshape(1, -1)).squeeze(0)

    def entropy(self) -> th.Tensor:
        """Entropy in nats, float32, (B,)."""
        return -(self.columns * self.columns.exp()).sum(0)

    def sample(self) -> th.Tensor:
        """One action each, int64, (B,), from torch's global generator: what ``torch.multinomial`` would draw."""
        probs = self.columns.exp().t().contiguous()
        return (probs / th.empty_like(probs).exponential_()).argmax(1)

    def mode(self) -> th.Tensor:
        """The most probable actions, int64, (B,)."""
        return self.columns.argmax(0)


class RecurrentPolicy(RecurrentActorCriticPolicy):
    """Recurrent actor-critic whose memory runs once over a sequence, not once a step.

    With ``memory="lstm"`` it has the mathematics, the parameters and the ``state_dict`` keys of sb3-contrib's
    ``RecurrentActorCriticPolicy``; weights go either way between the two (with ``shared_memory``, to and from its
    ``shared_lstm=True``).

    Args:
        observation_space: Box or Dict space of one observation.
        action_space: Any action space of RecurrentPPO.
        lr_schedule: Learning rate as a function of the progress remaining, from 1 to 0.
        memory: "lstm"; "gru"; "rnn", vanilla with tanh; "stacked", the paper's pair of LSTMs (figure 1c), see
            `StackedLSTM`; "fast_weights", an LSTM with an associative memory, see `FastWeightLSTM`; or "feedforward",
            none.
        lstm_hidden_size: Units of the memory, two numbers for "stacked".
        forget_bias: Added to the first bias of the forget gates of LSTMs; 1 lets them remember for longer from the
            beginning (Jozefowicz et al. 2015). Other memories have none.
        shared_memory: One memory for the policy and the value, trained by the gradients of both, as in Wang et al.
            (2016, 2018). By default there are two. (With sb3-contrib's ``shared_lstm``, the value does not train it.)
        encoder: Of images in a Dict, "small", "places" or "paper", see `Senses`.
        parts: Name and width of each part of a flat observation, which "stacked" and "fast_weights" have to
            know; a Dict has names.
        features_extractor_class: By default `Senses` for a Dict of observations, else ``FlattenExtractor``.
        optimizer_class: By default Adam.
        optimizer_kwargs: By default, for Adam, SB3's ``eps=1e-5`` with torch's fused step: the same, only faster.
        **kwargs: As for ``RecurrentActorCriticPolicy``: ``n_lstm_layers``, ``net_arch``, ... With ``net_arch=[]`` both
            heads are linear in the memory's output, as in the papers.

    Raises:
        ValueError: If there is no such memory or encoder, sizes or parts do not fit, or a memory that is no LSTM is to
            have several layers or other arguments of one.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        memory: str = "lstm",
        lstm_hidden_size: int | Sequence[int] = 256,
        forget_bias: float = 0.0,
        shared_memory: bool = False,
        encoder: str = "small",
        parts: Sequence[tuple[str, int]] | None = None,
        features_extractor_class: type[BaseFeaturesExtractor] | None = None,
        features_extractor_kwargs: dict[str, Any] | None = None,
        optimizer_class: type[th.optim.Optimizer] = th.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if features_extractor_class is None:
            is_dict = isinstance(observation_space, spaces.Dict)
            features_extractor_class = Senses if is_dict else FlattenExtractor
            features_extractor_kwargs = {"encoder": encoder} if is_dict else {}
        if optimizer_kwargs is None and optimizer_class is th.optim.Adam:
            optimizer_kwargs = {"eps": 1e-5, "fused": True}
        if shared_memory:
            kwargs |= {"shared_lstm": True, "enable_critic_lstm": False}
        size = lstm_hidden_size if isinstance(lstm_hidden_size, int) else tuple(lstm_hidden_size)
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            features_extractor_class=features_extractor_class,
            features_extractor_kwargs=features_extractor_kwargs,
            optimizer_class=optimizer_class,
            optimizer_kwargs=optimizer_kwargs,
            lstm_hidden_size=size if isinstance(size, int) else size[-1],
            **kwargs,
        )
        self.memory, self.memory_size, self.shared_memory = memory, size, shared_memory
        self.encoder, self.parts, self.forget_bias = encoder, parts, forget_bias
        if type(self.action_dist) is CategoricalDistribution:
            self.action_dist = FastCategorical(self.action_dist.action_dim)
        if memory != "lstm" or not isinstance(size, int):
            self._replace_memory(lr_schedule)
        for module in self.modules():
            if isinstance(module, th.nn.LSTM):
                add_forget_bias(module, forget_bias)

    def _replace_memory(self, lr_schedule: Schedule) -> None:
        if self.lstm_actor.num_layers > 1 or self.lstm_kwargs:
            raise ValueError(f"n_lstm_layers and lstm_kwargs are of LSTMs, and memory={self.memory!r}: leave them out.")
        parts = self.parts or getattr(self.features_extractor, "parts", None)
        if parts is None and self.memory in ("stacked", "fast_weights"):
            raise ValueError(
                f"memory={self.memory!r} has to know what is where in a flat observation: give parts=, name and width "
                "of each."
            )
        parts = parts or [("observation", self.features_dim)]
        self.lstm_actor = make_memory(self.memory, parts, self.memory_size)
        if self.lstm_critic is not None:
            self.lstm_critic = make_memory(self.memory, parts, self.memory_size)
        if self.lstm_actor.input_size != self.features_dim:
            raise ValueError(f"The parts {list(parts)} do not add up to the {self.features_dim} numbers of the input.")
        self.lstm_hidden_state_shape = (self.lstm_actor.num_layers, 1, self.lstm_actor.hidden_size)
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)

    def obs_to_tensor(self, observation: Any) -> tuple[PyTorchObs, bool]:
        """Observations as SB3 makes tensors of them, in whatever layout they are, negative strides included."""
        if isinstance(observation, dict):
            observation = {name: np.require(part, requirements=LAYOUT) for name, part in observation.items()}
        elif not isinstance(observation, tuple):
            observation = np.require(observation, requirements=LAYOUT)
        return super().obs_to_tensor(observation)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        # sb3-contrib leaves the LSTM's own arguments out, so a policy saved alone came back with the default sizes.
        return super()._get_constructor_parameters() | {
            "memory": self.memory,
            "lstm_hidden_size": self.memory_size,
            "n_lstm_layers": self.lstm_actor.num_layers,
            "lstm_kwargs": self.lstm_kwargs,
            "shared_lstm": self.shared_lstm,
            "enable_critic_lstm": self.enable_critic_lstm,
            "forget_bias": self.forget_bias,
            "shared_memory": self.shared_memory,
            "encoder": self.encoder,
            "parts": self.parts,
        }

    @staticmethod
    def _process_sequence(
        features: th.Tensor, lstm_states: State, episode_starts: th.Tensor, lstm: Any
    ) -> tuple[th.Tensor, State]:
        """Run a memory over sequences of equal length.

        Args:
            features: float32, (S * L, F): S sequences of L steps, one sequence after the other.
            lstm_states: Its state before the first step, each float32, (num_layers, S, H).
            episode_starts: float32, (S * L,): 1 where the memory is cleared before the step.
            lstm: The memory to run.

        Returns:
            Its output, float32, (S * L, H), and its state after the last step.
        """
        num_sequences = lstm_states[0].shape[1]
        starts = episode_starts.reshape(num_sequences, -1)
        if starts.shape[1] > 1 and starts[:, 1:].any():
            return RecurrentActorCriticPolicy._process_sequence(features, lstm_states, episode_starts, lstm)
        keep = 1.0 - starts[:, :1]
        cleared = keep * lstm_states[0], keep * lstm_states[1]
        if starts.shape[1] == 1:
            return step(features, cleared, lstm)
        output, states = run(features, cleared, lstm)
        return output.transpose(0, 1).flatten(0, 1), states

    def remember(
        self,
        obs: PyTorchObs,
        lstm_states: RNNStates,
        episode_starts: th.Tensor,
        mask: th.Tensor | None = None,
        process: Callable[..., tuple[th.Tensor, State]] | None = None,
        both: Both = in_turn,
    ) -> tuple[th.Tensor, th.Tensor, RNNStates]:
        """What policy and value are made of, each (B, H), and the new states; with one memory twice the same.

        Arguments as for `evaluate_actions`; ``process``, another function in the place of `_process_sequence`; and
        ``both``, which calls it for the two memories.
        """
        process = process or self._process_sequence
        seen = obs if mask is None else _choose(obs, mask)
        features = self.extract_features(seen)
        for_policy, for_value = (features, features) if isinstance(features, th.Tensor) else features
        if mask is not None:
            # Padding has the features of the step before it.
            place = mask.cumsum(0) - 1
            for_policy, for_value = for_policy[place], for_value[place]
        for_actor = partial(process, for_policy, lstm_states.pi, episode_starts, self.lstm_actor)
        if self.enable_critic_lstm:
            for_critic = partial(process, for_value, lstm_states.vf, episode_starts, self.lstm_critic)
            (latent, states), (value_latent, value_states) = both(for_actor, for_critic)
            return latent, value_latent, RNNStates(states, value_states)
        latent, states = for_actor()
        if self.shared_memory:
            return latent, latent, RNNStates(states, states)
        value_latent = latent.detach() if self.shared_lstm else self.critic(for_value)
        return latent, value_latent, RNNStates(states, states)

    def forward(
        self, obs: PyTorchObs, lstm_states: RNNStates, episode_starts: th.Tensor, deterministic: bool = False
    ) -> tuple[th.Tensor, th.Tensor, th.Tensor, RNNStates]:
        """Actions (B, ...), values (B, 1), log-probabilities (B,) and new states; arguments as in sb3-contrib."""
        latent, value_latent, states = self.remember(obs, lstm_states, episode_starts)
        distribution = self._get_action_dist_from_latent(self.mlp_extractor.forward_actor(latent))
        values = self.value_net(self.mlp_extractor.forward_critic(value_latent))
        actions = distribution.get_actions(deterministic=deterministic)
        return actions.reshape(-1, *self.action_space.shape), values, distribution.log_prob(actions), states

    def evaluate_actions(
        self,
        obs: PyTorchObs,
        actions: th.Tensor,
        lstm_states: RNNStates,
        episode_starts: th.Tensor,
        mask: th.Tensor | None = None,
    ) -> tuple[th.Tensor, th.Tensor, th.Tensor | None]:
        """Value (B, 1), log-probability (B,) and entropy (B,) of actions taken.

        Arguments as in sb3-contrib, and ``mask``, bool (B,): False where a step is padding, at the end of a sequence,
        whose observation is then not looked at; what comes out there is of no use.
        """
        latent, value_latent, _ = self.remember(obs, lstm_states, episode_starts, mask)
        distribution = self._get_action_dist_from_latent(self.mlp_extractor.forward_actor(latent))
        values = self.value_net(self.mlp_extractor.forward_critic(value_latent))
        return values, distribution.log_prob(actions), distribution.entropy()


def _choose(obs: PyTorchObs, mask: th.Tensor) -> PyTorchObs:
    return {name: part[mask] for name, part in obs.items()} if isinstance(obs, dict) else obs[mask]
