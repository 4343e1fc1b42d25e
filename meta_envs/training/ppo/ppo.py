"""RecurrentPPO for learners that live whole lifetimes."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch as th
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import GymEnv, Schedule
from stable_baselines3.common.utils import explained_variance, obs_as_tensor
from stable_baselines3.common.vec_env import VecEnv

from meta_envs.networks.policy import LAYOUT, RecurrentPolicy
from meta_envs.training.ppo.buffer import LifetimeDictRolloutBuffer, LifetimeRolloutBuffer
from meta_envs.training.ppo.fast.by_hand import by_hand
from meta_envs.training.ppo.fast.gate import fast_paths
from meta_envs.training.ppo.fast.stepper import Stepper
from meta_envs.training.ppo.loss import Evaluated, Loss
from meta_envs.training.process import beside


class MetaRecurrentPPO(RecurrentPPO):
    """sb3-contrib's ``RecurrentPPO``, many times faster where ``n_steps`` is a whole number of lifetimes.

    The same algorithm (Schulman et al., 2017) and the same public behaviour. A minibatch is a random set of whole
    lifetimes, or of their parts where a rollout begins or ends within one, padded if these are not equally long. The
    logger also gets ``rollout/lifetime_return_mean``, the mean undiscounted return of the lifetimes that ended in the
    rollout.

    What decides the future at the boundary of two rollouts: the policy's and the optimizer's ``state_dict``,
    ``num_timesteps``, ``_n_updates``, ``_last_obs``, ``_last_episode_starts``, ``_last_lstm_states``, ``_lived`` (the
    returns of unfinished lifetimes so far, which only the logger needs), the environment,
    and the global random states of torch (actions), NumPy (minibatches) and Python.

    Args:
        policy: ``"RecurrentPolicy"``, or any recurrent policy of sb3-contrib (which then runs its LSTM step by step).
        env: As for ``RecurrentPPO``.
        gamma: Discount, or a function of the progress remaining, from 1 to 0, taken at the beginning of each rollout.
        ent_coef: Weight of the entropy in the loss, or a function of the progress remaining, from 1 to 0.
        *args: As for ``RecurrentPPO``, in its order.
        **kwargs: As for ``RecurrentPPO``.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        **RecurrentPPO.policy_aliases,
        "RecurrentPolicy": RecurrentPolicy,
    }

    gamma_schedule: Schedule | None = None

    def __init__(self, policy: str | type[RecurrentActorCriticPolicy], env: GymEnv | str, *args: Any, **kwargs: Any):
        super().__init__(policy, env, *args, **kwargs)

    def _setup_model(self) -> None:
        gamma: Any = self.gamma
        if callable(gamma):
            self.gamma_schedule, self.gamma = gamma, gamma(1.0)
        self._lived = np.zeros(self.n_envs)
        super()._setup_model()
        is_dict = isinstance(self.observation_space, spaces.Dict)
        self.rollout_buffer = (LifetimeDictRolloutBuffer if is_dict else LifetimeRolloutBuffer)(
            self.n_steps,
            self.observation_space,
            self.action_space,
            self.rollout_buffer.hidden_state_shape,
            self.device,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            n_envs=self.n_envs,
        )

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """Live ``n_rollout_steps`` steps in every copy and fill the buffer.

        Args:
            env: The environment.
            callback: Called at every step, and before and after the rollout.
            rollout_buffer: The buffer, which is emptied first.
            n_rollout_steps: Steps of each copy.

        Returns:
            False if the callback stopped the training.
        """
        assert isinstance(rollout_buffer, LifetimeRolloutBuffer | LifetimeDictRolloutBuffer)
        assert self._last_obs is not None
        self.policy.set_training_mode(False)
        rollout_buffer.reset()
        if self.gamma_schedule is not None:
            self.gamma = rollout_buffer.gamma = self.gamma_schedule(1.0 - self.num_timesteps / self._total_timesteps)
        if self.use_sde:
            self.policy.reset_noise(env.num_envs)
        callback.on_rollout_start()
        act: Callable[..., Any] = th.inference_mode()(self.policy.__call__)
        if (paths := fast_paths(self.policy)) and paths.steps:
            act = Stepper(self.policy, env.num_envs)
        lstm_states = self._last_lstm_states
        self._lived[np.asarray(self._last_episode_starts, np.bool_)] = 0.0
        ended: list[np.ndarray] = []

        for n_steps in range(n_rollout_steps):
            if self.use_sde and self.sde_sample_freq > 0 and n_steps % self.sde_sample_freq == 0:
                self.policy.reset_noise(env.num_envs)

            obs_tensor = self._show(self._last_obs)
            episode_starts = th.as_tensor(self._last_episode_starts, dtype=th.float32, device=self.device)
            actions, values, log_probs, lstm_states = act(obs_tensor, lstm_states, episode_starts)
            actions = actions.cpu().numpy()
            clipped_actions = actions
            if isinstance(self.action_space, spaces.Box):
                clipped_actions = np.clip(actions, self.action_space.low, self.action_space.high)

            new_obs, rewards, dones, infos = env.step(clipped_actions)
            self.num_timesteps += env.num_envs

            callback.update_locals(locals())
            if not callback.on_step():
                return False

            self._lived += rewards
            if dones.any():
                ended.append(self._lived[dones])
                self._lived[dones] = 0.0
                self._update_info_buffer(infos, dones)
                rewards = self._bootstrap_truncated(rewards, dones, infos, lstm_states)

            rollout_buffer.add(
                self._last_obs,
                actions,
                rewards,
                self._last_episode_starts,
                values,
                log_probs,
                lstm_states=self._last_lstm_states,
            )
            self._last_obs = new_obs
            self._last_episode_starts = dones
            self._last_lstm_states = lstm_states

        with th.no_grad():
            episode_starts = th.as_tensor(dones, dtype=th.float32, device=self.device)
            values = self.policy.predict_values(self._show(new_obs), lstm_states.vf, episode_starts)
        rollout_buffer.compute_returns_and_advantage(last_values=values, dones=dones)
        if ended:
            self.logger.record("rollout/lifetime_return_mean", float(np.mean(np.concatenate(ended))))
        callback.on_rollout_end()
        return True

    def _show(self, obs: Any) -> Any:
        """Observations (num_envs, ...) as tensors, each contiguous and aligned.

        SB3 shows images as views with the channels first, a checkpoint gives them back contiguous, and a convolution
        takes another kernel for another layout, with other last bits.
        """
        if isinstance(obs, dict):
            return {name: self._show(part) for name, part in obs.items()}
        return obs_as_tensor(np.require(obs, requirements=LAYOUT), self.device)

    def _bootstrap_truncated(
        self, rewards: np.ndarray, dones: np.ndarray, infos: list[dict[str, Any]], lstm_states: RNNStates
    ) -> np.ndarray:
        """Add the discounted value of the last observation to the last reward where a time limit cut the episode.

        See https://github.com/DLR-RM/stable-baselines3/issues/633. Shapes: rewards and dones, (num_envs,).
        """
        truncated = [
            copy
            for copy in np.flatnonzero(dones)
            if infos[copy].get("TimeLimit.truncated", False) and infos[copy].get("terminal_observation") is not None
        ]
        if not truncated:
            return rewards
        last = [infos[copy]["terminal_observation"] for copy in truncated]
        stacked = {key: np.stack([one[key] for one in last]) for key in last[0]} if isinstance(last[0], dict) else None
        obs = self._show(np.stack(last) if stacked is None else stacked)
        with th.no_grad():
            states = tuple(state[:, truncated].contiguous() for state in lstm_states.vf)
            values = self.policy.predict_values(obs, states, th.zeros(len(truncated), device=self.device))
        rewards = rewards.copy()
        rewards[truncated] += self.gamma * values.flatten().cpu().numpy()
        return rewards

    def train(self) -> None:
        """Update the policy on the rollout collected last.

        Raises:
            FloatingPointError: The loss or its gradient is not finite. The weights are those before this minibatch.
        """
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        progress = self._current_progress_remaining
        clip_range = self.clip_range(progress)
        clip_range_vf = None if self.clip_range_vf is None else self.clip_range_vf(progress)
        ent_coef = self.ent_coef(progress) if callable(self.ent_coef) else self.ent_coef

        loss = Loss(
            clip_range=clip_range,
            clip_range_vf=clip_range_vf,
            ent_coef=float(ent_coef),
            vf_coef=float(self.vf_coef),
            normalize_advantage=self.normalize_advantage,
        )
        paths = fast_paths(self.policy)
        with beside() if paths and paths.apart else nullcontext() as both:
            logs, approx_kl_divs = self._descend(partial(by_hand, loss, both=both) if paths else loss.by_torch)

        for name in ("entropy_loss", "policy_gradient_loss", "value_loss", "clip_fraction"):
            self.logger.record(f"train/{name}", np.mean([log[name] for log in logs]))
        self.logger.record("train/approx_kl", np.mean(approx_kl_divs))
        self.logger.record("train/loss", logs[-1]["loss"])
        explained = explained_variance(self.rollout_buffer.values.flatten(), self.rollout_buffer.returns.flatten())
        self.logger.record("train/explained_variance", explained)
        if hasattr(self.policy, "log_std"):
            self.logger.record("train/std", th.exp(self.policy.log_std).mean().item())
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/clip_range", clip_range)
        if clip_range_vf is not None:
            self.logger.record("train/clip_range_vf", clip_range_vf)
        if callable(self.ent_coef):
            self.logger.record("train/ent_coef", ent_coef)

    def _descend(self, evaluate: Callable[..., Evaluated]) -> tuple[list[dict[str, float]], list[float]]:
        """Take all epochs' steps; gives what is logged of each minibatch, and the divergences of the last epoch's."""
        parameters = list(self.policy.parameters())
        logs: list[dict[str, float]] = []
        for epoch in range(self.n_epochs):
            approx_kl_divs: list[float] = []
            stop = False
            for minibatch, samples in enumerate(self.rollout_buffer.get(self.batch_size)):
                for weights in parameters:
                    weights.grad = None
                mask = None if self.rollout_buffer.sequence_length else samples.mask > 1e-8
                log, backward = evaluate(self.policy, samples, mask)
                logs.append(log)
                approx_kl_divs.append(log["approx_kl"])
                if self.target_kl is not None and log["approx_kl"] > 1.5 * self.target_kl:
                    stop = True
                    if self.verbose >= 1:
                        print(f"Early stopping at step {epoch} due to reaching max kl: {log['approx_kl']:.2f}")
                    break
                backward()
                norm = float(th.nn.utils.clip_grad_norm_(parameters, self.max_grad_norm))
                if not (math.isfinite(log["loss"]) and math.isfinite(norm)):
                    raise FloatingPointError(
                        f"The loss is {log['loss']} and its gradient's norm {norm} in minibatch {minibatch} of "
                        f"update {self._n_updates + 1} (step {self.num_timesteps}); the weights were left as they are: "
                        "lower the learning rate, or look for infinite or missing numbers in observations and rewards."
                    )
                self.policy.optimizer.step()
            self._n_updates += 1
            if stop:
                break
        return logs, approx_kl_divs
