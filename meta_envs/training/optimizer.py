"""Steps of an optimizer without what torch does around them."""

from collections.abc import Callable
from typing import Any

import torch as th

UNUSED = ("amsgrad", "maximize", "differentiable", "capturable", "decoupled_weight_decay")
"""Variants of Adam that `step_of` leaves to torch."""


def step_of(optimizer: th.optim.Optimizer) -> Callable[[], Any]:
    """An optimizer's ``step``; for torch's fused Adam the same in less than half the time, as one call of its kernel.

    What torch does around it (profiling, hooks, grouping by device, checks) takes longer than the kernel for networks
    as small as these. Where there are hooks, or variants of Adam, torch does it all.
    """
    if type(optimizer) is not th.optim.Adam or len(optimizer.param_groups) != 1:
        return optimizer.step
    (group,) = optimizer.param_groups
    hooks = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks
    if not group["fused"] or hooks or any(group.get(name) for name in UNUSED):
        return optimizer.step

    @th.no_grad()
    def step() -> None:
        trained = [weights for weights in group["params"] if weights.grad is not None]
        states = [optimizer.state[weights] for weights in trained]
        if not all(states):  # the very first one, which makes them
            optimizer.step()
            return
        times = [state["step"] for state in states]
        th._foreach_add_(times, 1)
        th._fused_adam_(
            trained,
            [weights.grad for weights in trained],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            times,
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )

    return step
