"""Two vector environments that should be one and the same, through everything that can happen to them."""

import copy

import numpy as np

from meta_envs.testing.playing import difference, tasks


def compare(ours, theirs, mode, steps, *, task=True):
    """Both through the same seeds, resets with masks and tasks, and actions; all that they give is the same."""
    num, rng = ours.num_envs, np.random.default_rng(0)
    assert ours.single_observation_space == theirs.single_observation_space
    assert ours.observation_space == theirs.observation_space
    assert ours.metadata["autoreset_mode"] == theirs.metadata["autoreset_mode"]
    ours.action_space.seed(num)
    over = np.zeros(num, dtype=bool)

    def expect(first, second, when):
        found = difference([*first], [*second]) or (task and difference(tasks(ours), tasks(theirs), "task"))
        assert not found, f"{mode}, {when}: {found}"

    def reset(when, seed=None, **options):
        kept = copy.deepcopy(options)
        expect(ours.reset(seed=seed, options=options), theirs.reset(seed=seed, options=copy.deepcopy(kept)), when)
        assert not difference(options, kept)

    reset("seed", seed=7)
    reset("seeds", seed=[100 - copy for copy in range(num)])
    own = tasks(ours)[0].tolist() if task else None
    for step in range(steps):
        if step % 11 == 5:
            mask = rng.random(num) < 0.5
            mask[rng.integers(num)] = True
            mask |= over if mode == "Disabled" else False
            seed = [None if copy % 2 else step + copy for copy in range(num)] if step % 3 == 0 else None
            reset(f"mask before step {step}", seed, reset_mask=mask, **({"task": own} if task and step % 2 else {}))
        elif mode == "Disabled" and over.any():
            reset(f"ended before step {step}", reset_mask=over.copy())
        actions = ours.action_space.sample()
        results = [[*each.step(actions)] for each in (ours, theirs)]
        expect(*results, f"step {step}")
        assert ours.observation_space.contains(results[0][0])
        over = results[1][2] | results[1][3]
    reset("at the end", seed=8, **({"task": own} if task else {}))
