"""Processes that a test may kill, or give little room: forked from a server that has imported what trains already."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

# torch's optimisers import torch._dynamo at their first use, and solvers scipy.stats.
PRELOADED = ["meta_envs.training.trainer", "torch._dynamo", "scipy.stats"]


def start(target: Callable[..., Any], *arguments: Any, **keywords: Any) -> BaseProcess:
    """A process that has begun to call the function."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=target, args=arguments, kwargs=keywords)
    process.start()
    return process
