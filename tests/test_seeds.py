"""Lifetimes of one purpose are used for no other, for every seed that is accepted."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import meta_envs
from meta_envs import seeds
from meta_envs.behaviour import record_trials
from meta_envs.evaluation import evaluation_seeds
from meta_envs.learners import Random
from meta_envs.seeds import BLOCKS, CHOOSING, EVALUATION, TRAINING, SeedBlock

ID = "MetaBandit-Dependent-v0"


def test_no_two_blocks_overlap() -> None:
    """In the order of their first seeds each block ends before the next begins, all seeds and lifetimes included."""
    for block, following in pairwise(sorted(BLOCKS, key=lambda block: block.first)):
        last = block.lifetimes(block.size, block.last_seed)
        assert last.stop == block.stop <= following.first, f"{block.purpose} runs into {following.purpose}"
    assert BLOCKS[0].first == 0


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.last_seed], ids=lambda block: block.purpose)
def test_seeds_of_a_block_do_not_overlap(block: SeedBlock) -> None:
    """The lifetimes of a seed end where those of the next begin."""
    for seed in (0, 1, block.last_seed // 2, block.last_seed - 1):
        assert block.lifetimes(block.size, seed).stop == block.lifetimes(block.size, seed + 1).start


def test_every_block_is_in_the_table() -> None:
    """A block that is defined and not listed would escape these tests."""
    assert sorted(map(id, BLOCKS)) == sorted(id(kind) for kind in vars(seeds).values() if isinstance(kind, SeedBlock))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.purpose)
@pytest.mark.parametrize("seed", [-1, 2**31 + 1, 2**62, 0.0, True, "1"])
def test_other_seeds_are_refused(block: SeedBlock, seed: Any) -> None:
    """With the seed and the numbers that there are."""
    with pytest.raises(ValueError, match=f"seed={seed!r} is not possible: give a whole number from 0 to"):
        block.lifetimes(1, seed)


@pytest.mark.parametrize("seed", [EVALUATION.last_seed + 1, -1, 1.5, True])
def test_what_is_accepted_is_what_the_table_says(seed: Any) -> None:
    """Evaluation and recording refuse each seed behind their block, in the same sentence."""
    refused = "seed=.* is not possible: give a whole number from 0 to"
    for call in (meta_envs.evaluate, record_trials):
        with pytest.raises(ValueError, match=refused):
            call("random", ID, episodes=2, seed=seed)


def test_lifetimes_of_the_last_seeds_are_used() -> None:
    """The greatest evaluation seed is accepted, and its lifetimes are the block's last ones."""
    assert meta_envs.evaluate("random", ID, episodes=2, seed=EVALUATION.last_seed).seed == EVALUATION.last_seed
    table = record_trials("random", ID, episodes=2, seed=EVALUATION.last_seed, num_trials=1)
    assert table["seed"].tolist() == list(evaluation_seeds(2, EVALUATION.last_seed))
    assert meta_envs.evaluate(Random(), ID, episodes=2, seed=np.int64(3)).seed == 3


def test_training_lives_its_block() -> None:
    """Copies, held-out lifetimes and the choice of play of the first and the last run are those of the table."""
    run_of = pytest.importorskip("meta_envs.training.run")
    preset_of = pytest.importorskip("meta_envs.training.presets").preset_of
    for seed in (0, TRAINING.last_seed):
        run = run_of.Run(id=ID, seed=seed, preset=preset_of(ID, num_envs=3, minibatches=1))
        assert run.held_out_seeds == CHOOSING.lifetimes(CHOOSING.size, seed)
        assert set(run.choosing_seeds) <= set(run.held_out_seeds)
        env = run.make_env()
        env.reset()
        assert env.venv.unwrapped.np_random_seed == tuple(TRAINING.lifetimes(3, seed))
    with pytest.raises(ValueError, match=f"seed={TRAINING.last_seed + 1} is not possible"):
        run_of.Run(id=ID, seed=TRAINING.last_seed + 1, preset=preset_of(ID))
