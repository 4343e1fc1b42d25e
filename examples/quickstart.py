"""The package in a minute: an environment, what an agent sees of it, many copies, the exact optimum, and scores.

    python examples/quickstart.py

Needs the base installation only. ``meta-envs info MetaBandit-Dependent-v0`` tells all about this environment.
"""

import gymnasium as gym

import meta_envs
from meta_envs.wrappers import PreviousActionReward, vector

ID = "MetaBandit-Dependent-v0"

# Every reset draws a new task from the prior: here two arms that pay with probabilities p_1 and 1 - p_1, which are
# hidden. Without the wrapper a bandit shows a constant 0; with it also the previous action and reward, and the time.
env = PreviousActionReward(gym.make(ID))
observation, info = env.reset(seed=0)
print("first observation  ", observation)

# An episode is a lifetime of 100 pulls in this one task. Actions count from 0: action 1 pulls the second arm.
observation, reward, terminated, truncated, info = env.step(1)
print("after a pull       ", observation, " reward", reward)

# The hidden task is there for analysis, but in no observation and no info.
print("hidden task        ", env.unwrapped.task)  # type: ignore[attr-defined]

# Many copies at once, in NumPy. Copy i is, bit for bit, the single environment seeded with 0 + i.
venv = vector.PreviousActionReward(gym.make_vec(ID, num_envs=64))
observations, infos = venv.reset(seed=0)
print("64 copies          ", observations.shape)

# The prior is known, and so is the best expected return that any learner can have, and the policy that has it.
optimum = meta_envs.solve(ID)
print(f"optimum             {optimum.value:.4f} of 100 ({optimum.kind}); random play {optimum.random_value:.4f}")

# Learners run the same 1000 lifetimes on common random numbers. A score of 0 is random play, 1 the optimum.
for card in meta_envs.evaluate(["ucb", "thompson", optimum.policy], ID, episodes=1000):
    print(
        f"{card.learner:8}            regret {card.regret_mean:5.2f}, se {card.regret_se:.2f}   score {card.score:.3f}"
    )
