"""The recurrent actor-critic: sb3-contrib's, with a sequence in one LSTM call and a memory both heads may train."""

from typing import Any

import torch as th
from gymnasium import spaces
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.distributions import CategoricalDistribution
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, CombinedExtractor, FlattenExtractor
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import nn
from torch.distributions import Categorical


class FastCategorical(CategoricalDistribution):
    """SB3's categorical distribution at a third of its cost: no argument checks, and one normalisation for everything.

    A NaN is still refused: by ``torch.multinomial`` when acting, by ``MetaRecurrentPPO.train`` when learning.
    """

    def proba_distribution(self, action_logits: th.Tensor) -> "FastCategorical":
        """Take unnormalised log-probabilities, float32, (B, num_actions)."""
        # Across rows torch's softmax is vectorised; along rows as short as these it is several times slower.
        self.logits = action_logits.t().log_softmax(0).t().contiguous()
        return self

    @property
    def distribution(self) -> Categorical:
        """The same as a distribution of torch's, made when asked for."""
        return Categorical(logits=self.logits, validate_args=False)

    def log_prob(self, actions: th.Tensor) -> th.Tensor:
        """Log-probability, float32, (B,), of actions (B,)."""
        return self.logits.gather(1, actions.long().reshape(-1, 1)).squeeze(1)

    def entropy(self) -> th.Tensor:
        """Entropy in nats, float32, (B,)."""
        return -(self.logits * self.logits.exp()).sum(1)

    def sample(self) -> th.Tensor:
        """One action each, int64, (B,), from torch's global generator."""
        return th.multinomial(self.logits.exp(), 1, replacement=True).squeeze(1)

    def mode(self) -> th.Tensor:
        """The most probable actions, int64, (B,)."""
        return self.logits.argmax(1)


class LstmPolicy(RecurrentActorCriticPolicy):
    """Recurrent actor-critic whose LSTM runs once over a sequence, not once a step.

    Same mathematics, same parameters and same ``state_dict`` keys as sb3-contrib's ``RecurrentActorCriticPolicy``;
    weights go either way between the two (with ``shared_memory``, to and from its ``shared_lstm=True``).

    Args:
        observation_space: Box or Dict space of one observation.
        action_space: Any action space of RecurrentPPO.
        lr_schedule: Learning rate as a function of the progress remaining, from 1 to 0.
        shared_memory: One LSTM for the policy and the value, trained by the gradients of both, as in Wang et al. (2016,
            2018). By default there are two. (With sb3-contrib's ``shared_lstm``, the value does not train the LSTM.)
        features_extractor_class: By default ``CombinedExtractor`` for a Dict of observations, else
            ``FlattenExtractor``.
        optimizer_class: By default Adam.
        optimizer_kwargs: By default, for Adam, SB3's ``eps=1e-5`` with torch's fused step: the same, only faster.
        **kwargs: As for ``RecurrentActorCriticPolicy``: ``lstm_hidden_size``, ``n_lstm_layers``, ``net_arch``, ... With
            ``net_arch=[]`` both heads are linear in the LSTM's output, as in the papers.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        shared_memory: bool = False,
        features_extractor_class: type[BaseFeaturesExtractor] | None = None,
        optimizer_class: type[th.optim.Optimizer] = th.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if features_extractor_class is None:
            is_dict = isinstance(observation_space, spaces.Dict)
            features_extractor_class = CombinedExtractor if is_dict else FlattenExtractor
        if optimizer_kwargs is None and optimizer_class is th.optim.Adam:
            optimizer_kwargs = {"eps": 1e-5, "fused": True}
        if shared_memory:
            kwargs |= {"shared_lstm": True, "enable_critic_lstm": False}
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            features_extractor_class=features_extractor_class,
            optimizer_class=optimizer_class,
            optimizer_kwargs=optimizer_kwargs,
            **kwargs,
        )
        self.shared_memory = shared_memory
        if type(self.action_dist) is CategoricalDistribution:
            self.action_dist = FastCategorical(self.action_dist.action_dim)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        # sb3-contrib leaves the LSTM's own arguments out, so a policy saved alone came back with the default sizes.
        return super()._get_constructor_parameters() | {
            "lstm_hidden_size": self.lstm_output_dim,
            "n_lstm_layers": self.lstm_actor.num_layers,
            "lstm_kwargs": self.lstm_kwargs,
            "shared_lstm": self.shared_lstm,
            "enable_critic_lstm": self.enable_critic_lstm,
            "shared_memory": self.shared_memory,
        }

    @staticmethod
    def _process_sequence(
        features: th.Tensor,
        lstm_states: tuple[th.Tensor, th.Tensor],
        episode_starts: th.Tensor,
        lstm: nn.LSTM,
    ) -> tuple[th.Tensor, tuple[th.Tensor, th.Tensor]]:
        """Run the LSTM over sequences of equal length.

        Args:
            features: float32, (S * L, F): S sequences of L steps, one sequence after the other.
            lstm_states: Hidden and cell state before the first step, each float32, (num_layers, S, H).
            episode_starts: float32, (S * L,): 1 where the memory is cleared before the step.
            lstm: The LSTM to run.

        Returns:
            Its output, float32, (S * L, H), and its hidden and cell state after the last step.
        """
        num_sequences = lstm_states[0].shape[1]
        starts = episode_starts.reshape(num_sequences, -1)
        if starts.shape[1] > 1 and starts[:, 1:].any():
            return RecurrentActorCriticPolicy._process_sequence(features, lstm_states, episode_starts, lstm)
        keep = 1.0 - starts[:, :1]
        states = (keep * lstm_states[0], keep * lstm_states[1])
        if starts.shape[1] == 1 and not th.is_grad_enabled() and _is_plain(lstm):
            return _step(features, states, lstm)
        sequences = features.reshape(num_sequences, -1, lstm.input_size).transpose(0, 1)
        output, states = lstm(sequences, states)
        return output.transpose(0, 1).flatten(0, 1), states

    def evaluate_actions(
        self, obs: PyTorchObs, actions: th.Tensor, lstm_states: RNNStates, episode_starts: th.Tensor
    ) -> tuple[th.Tensor, th.Tensor, th.Tensor | None]:
        """Value (B, 1), log-probability (B,) and entropy (B,) of actions taken; arguments as in sb3-contrib."""
        if not self.shared_memory:
            return super().evaluate_actions(obs, actions, lstm_states, episode_starts)
        features = self.extract_features(obs)
        latent, _ = self._process_sequence(features, lstm_states.pi, episode_starts, self.lstm_actor)
        distribution = self._get_action_dist_from_latent(self.mlp_extractor.forward_actor(latent))
        values = self.value_net(self.mlp_extractor.forward_critic(latent))
        return values, distribution.log_prob(actions), distribution.entropy()


def _is_plain(lstm: nn.LSTM) -> bool:
    return lstm.bias and not (lstm.bidirectional or lstm.proj_size or (lstm.dropout and lstm.training))


def _step(
    features: th.Tensor, states: tuple[th.Tensor, th.Tensor], lstm: nn.LSTM
) -> tuple[th.Tensor, tuple[th.Tensor, th.Tensor]]:
    """Run a plain LSTM for a single step, in half the time of ``nn.LSTM``, whose fixed costs are made for sequences.

    Shapes: features (S, F); states (num_layers, S, H); returns the output (S, H) and the new states.
    """
    new: list[tuple[th.Tensor, th.Tensor]] = []
    for hidden, cell, (w_input, w_hidden, b_input, b_hidden) in zip(*states, lstm.all_weights, strict=True):
        weight = th.cat((w_input, w_hidden), 1).t()
        gates = th.addmm(b_input + b_hidden, th.cat((features, hidden), 1), weight)
        entered, forgotten, _, shown = gates.sigmoid().chunk(4, 1)
        next_cell = th.addcmul(forgotten * cell, entered, gates.chunk(4, 1)[2].tanh())
        features = shown * next_cell.tanh()
        new.append((features, next_cell))
    hiddens, cells = zip(*new, strict=True)
    return features, (th.stack(hiddens), th.stack(cells))
