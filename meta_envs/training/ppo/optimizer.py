"""Steps of an optimizer and norms of gradients without what torch does around them.

On a CPU small tensors are counted up, summed and scaled as NumPy's arrays, whose calls cost a fraction of torch's.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch as th
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

VARIANTS = ("amsgrad", "maximize", "differentiable", "capturable", "decoupled_weight_decay")
"""Variants of Adam that `step_of` leaves to torch."""
STATE = ("exp_avg", "exp_avg_sq", "step")
"""What Adam keeps of each of its weights."""


def step_of(optimizer: th.optim.Optimizer) -> Callable[[], Any]:
    """An optimizer's ``step``; for torch's fused Adam the same in less than half the time, as one call of its kernel.

    What torch does around it (profiling, hooks, grouping by device, checks) takes longer than the kernel for networks
    as small as these. Where there are hooks by now, or another ``step`` in its place, or variants of Adam, or no step
    was taken yet, torch does it all. To be asked for again whenever that, or the optimizer's state, may have changed.
    """
    if type(optimizer) is not th.optim.Adam or len(optimizer.param_groups) != 1:
        return optimizer.step
    hooks = (
        optimizer._optimizer_step_pre_hooks,
        optimizer._optimizer_step_post_hooks,
        _global_optimizer_pre_hooks,
        _global_optimizer_post_hooks,
    )
    (group,) = optimizer.param_groups
    known = [weights for weights in group["params"] if optimizer.state.get(weights)]
    if any(hooks) or "step" in vars(optimizer) or not _is_plain(group) or not known:
        return optimizer.step
    names = list(map(id, known))
    trained = [weights.detach() for weights in known]
    means, squares, times = ([optimizer.state[weights][key] for weights in known] for key in STATE)
    counts = [time.numpy() for time in times if time.is_cpu]

    def step() -> None:
        if [id(weights) for weights in group["params"] if weights.grad is not None] != names:
            optimizer.step()
            return
        for count in counts:
            np.add(count, 1.0, out=count)
        if not counts:
            th._foreach_add_(times, 1)
        th._fused_adam_(
            trained,
            [weights.grad for weights in known],
            means,
            squares,
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


def clip_norm(parameters: Sequence[th.nn.Parameter], max_norm: float) -> float:
    """Scale gradients down to a joint 2-norm of ``max_norm``, as torch's ``clip_grad_norm_``; gives the norm before.

    On a CPU they are float32 or float64, and left as they are if their norm is not finite.
    """
    gradients = [weights.grad for weights in parameters if weights.grad is not None]
    if not all(gradient.is_cpu for gradient in gradients):
        return float(th.nn.utils.clip_grad_norm_(parameters, max_norm))
    arrays = [gradient.numpy() for gradient in gradients]
    norm = math.sqrt(sum(float(np.vdot(array, array)) for array in arrays))
    scale = max_norm / (norm + 1e-6)
    if scale < 1.0 and math.isfinite(norm):
        for array in arrays:
            np.multiply(array, scale, out=array)
    return norm


def _is_plain(group: dict[str, Any]) -> bool:
    return group["fused"] and not any(group.get(name) for name in VARIANTS)
