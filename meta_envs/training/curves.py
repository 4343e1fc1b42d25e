"""Learning curves for TensorBoard, through Stable-Baselines3's own logger."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import Logger, SummaryWriter, TensorBoardOutputFormat

from meta_envs.training.checkpoint import writing
from meta_envs.training.ppo.ppo import MetaRecurrentPPO

FILES = "events.out.tfevents.*"
"""What TensorBoard calls its files."""


class _Curves(TensorBoardOutputFormat):
    """SB3's, of a run that may be resumed: what an interrupted one wrote of later steps is not shown."""

    def __init__(self, directory: Path, step: int) -> None:
        self.writer = SummaryWriter(str(directory), purge_step=step + 1)
        self._is_closed, self._directory = False, directory

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        """As there, also where the directory has been taken away."""
        self._directory.mkdir(parents=True, exist_ok=True)
        super().write(key_values, key_excluded, step)


def require_tensorboard() -> None:
    """Raise an ImportError where TensorBoard is not installed."""
    if SummaryWriter is None:
        raise ImportError("TensorBoard is not installed: pip install 'meta-envs[train]', or train without it.")


@contextmanager
def logging_curves(model: MetaRecurrentPPO, directory: Path) -> Iterator[None]:
    """Let a model write its curves into a directory, after those of its steps so far if there are any.

    Raises:
        OSError: In one sentence, if they cannot be opened or closed.
    """
    with writing(directory, model):
        logger = Logger(str(directory), [_Curves(directory, model.num_timesteps)])
    model.set_logger(logger)
    try:
        yield
    finally:
        with writing(directory, model):
            logger.close()
