"""Threads, cores and steps of optimizers: the same numbers, in less time."""

import math
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

th = pytest.importorskip("torch")

from torch.optim.optimizer import register_optimizer_step_post_hook  # noqa: E402

from meta_envs.training import process  # noqa: E402
from meta_envs.training.ppo.optimizer import clip_norm, step_of  # noqa: E402
from meta_envs.training.process import beside, num_cores  # noqa: E402


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """Of torch, so that a change is seen."""
    threads = th.get_num_threads()
    th.set_num_threads(3)
    yield
    assert th.get_num_threads() == 3
    th.set_num_threads(threads)


def test_two_calls_are_made_at_once_where_there_are_two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for the other, and has one thread of torch's own."""
    monkeypatch.setattr(process, "num_cores", lambda: 2)
    meeting = threading.Barrier(2, timeout=20)

    def meet(name: str) -> tuple[str, int]:
        meeting.wait()
        return name, th.get_num_threads()

    with beside() as both:
        assert both(lambda: meet("first"), lambda: meet("second")) == (("first", 1), ("second", 1))


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_either_call_is_raised(cores: int, failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And threads are given back."""
    monkeypatch.setattr(process, "num_cores", lambda: cores)
    calls: list[Any] = [int, int]
    calls[failing] = [].pop
    with pytest.raises(IndexError), beside() as both:
        both(*calls)


def test_on_one_core_calls_are_made_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the calling thread, with one thread of torch's as on two."""
    monkeypatch.setattr(process, "num_cores", lambda: 1)
    with beside() as both:
        found = both(threading.current_thread, lambda: (threading.current_thread(), th.get_num_threads()))
    assert found == (threading.main_thread(), (threading.main_thread(), 1))


@pytest.mark.parametrize(("allowed", "expected"), [(None, 5), ("", 5), ("2", 2), ("64", 5), ("4,2", 5), ("0", 5)])
def test_cores_are_those_of_the_process(allowed: str | None, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its affinity, and OMP_NUM_THREADS if that is a number."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if allowed is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", allowed)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(5)), raising=False)
    assert num_cores() == expected


def networks() -> tuple[th.nn.Module, th.nn.Module]:
    """Twice the same, with weights that are never used."""
    made = []
    for _ in range(2):
        th.manual_seed(0)
        made.append(th.nn.ModuleDict({"used": th.nn.LSTM(3, 4), "unused": th.nn.Linear(2, 2)}))
    return made[0], made[1]


def descend(network: th.nn.Module, step: Any, number: int) -> None:
    """Take a step down a gradient that depends on the weights and the number."""
    network.zero_grad()
    network["used"](th.linspace(-number, number, 15).reshape(5, 3))[0].square().sum().backward()
    step()


@pytest.mark.parametrize(
    "settings", [{}, {"weight_decay": 0.1, "betas": (0.7, 0.9)}, {"amsgrad": True}, {"maximize": True}], ids=str
)
@pytest.mark.parametrize("cls", [th.optim.Adam, th.optim.AdamW])
def test_steps_are_those_of_the_optimizer(cls: type[th.optim.Adam], settings: dict[str, Any]) -> None:
    """Bit for bit, the state that is saved included, also where the learning rate changes in between."""
    ours, stock = networks()
    optimizers = [cls(network.parameters(), fused=True, eps=1e-5, **settings) for network in (ours, stock)]
    before = [weights.clone() for weights in ours.parameters()]
    for number in range(1, 6):
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = 0.1 / number
        if number <= 2:  # the first makes the state that the others find
            step = step_of(optimizers[0])
        descend(ours, step, number)
        descend(stock, optimizers[1].step, number)
    same = [th.equal(weights, other) for weights, other in zip(ours.parameters(), stock.parameters(), strict=True)]
    assert all(same)
    changed = [not th.equal(weights, old) for weights, old in zip(ours.parameters(), before, strict=True)]
    assert changed == [True] * 4 + [False] * 2
    saved, expected = (optimizer.state_dict() for optimizer in optimizers)
    assert saved["param_groups"] == expected["param_groups"]
    th.testing.assert_close(saved["state"], expected["state"], rtol=0, atol=0)
    assert saved["state"][0]["step"] == 5


def test_hooks_of_all_optimizers_and_steps_that_were_replaced_are_called() -> None:
    """As schedulers of torch replace them."""
    network, _ = networks()
    optimizer = th.optim.Adam(network.parameters(), fused=True)
    called: list[int] = []
    handle = register_optimizer_step_post_hook(lambda *_: called.append(1))
    try:
        descend(network, step_of(optimizer), 1)
    finally:
        handle.remove()
    assert called == [1]
    scheduler = th.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
    descend(network, step_of(optimizer), 2)
    scheduler.step()  # warns if it saw no step


def test_groups_with_settings_of_their_own_keep_them() -> None:
    """And without any gradient nothing happens."""
    ours, stock = networks()
    groups = [
        [{"params": network["used"].parameters(), "lr": 0.1}, {"params": network["unused"].parameters(), "lr": 0.0}]
        for network in (ours, stock)
    ]
    optimizers = [th.optim.Adam(group, fused=True) for group in groups]
    step = step_of(optimizers[0])
    step()
    for number in (1, 2):
        descend(ours, step, number)
        descend(stock, optimizers[1].step, number)
    th.testing.assert_close(ours.state_dict(), stock.state_dict(), rtol=0, atol=0)
    step_of(th.optim.Adam(ours.parameters(), fused=True))()


def test_weights_that_join_later_are_trained_too() -> None:
    """Those that had no gradient when the step was asked for, and those that have none any more."""
    ours, stock = networks()
    optimizers = [th.optim.Adam(network.parameters(), fused=True) for network in (ours, stock)]
    descend(ours, step_of(optimizers[0]), 1)
    descend(stock, optimizers[1].step, 1)
    for network, step in ((ours, step_of(optimizers[0])), (stock, optimizers[1].step)):
        for parts in (("used", "unused"), ("unused",), ("used",)):
            network.zero_grad()
            for part in parts:
                for weights in network[part].parameters():
                    weights.grad = weights.detach() + 1.0
            step()
    th.testing.assert_close(ours.state_dict(), stock.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("size", [1e-6, 1.0])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.99, 1.01, 1.5, 100.0])
def test_norms_are_clipped_as_by_torch(share: float, size: float) -> None:
    """To a share of what the norm is; weights without a gradient do not count."""
    ours, stock = networks()
    for network in (ours, stock):
        for number, weights in enumerate(network["used"].parameters()):
            gradient = size * (number + 1) * weights.detach()
            weights.grad = gradient.t().clone().t()  # some are transposed in memory
    norm = math.sqrt(sum(float(weights.grad.square().sum()) for weights in ours["used"].parameters()))
    assert clip_norm(list(ours.parameters()), share * norm) == pytest.approx(norm, rel=1e-5)
    th.nn.utils.clip_grad_norm_(stock.parameters(), share * norm)
    gradients = [[weights.grad for weights in network["used"].parameters()] for network in (ours, stock)]
    th.testing.assert_close(*gradients, rtol=1e-5, atol=0.0)
    assert all(weights.grad is None for weights in ours["unused"].parameters())


@pytest.mark.parametrize("worst", [math.nan, math.inf])
def test_norms_that_are_not_finite_are_told(worst: float) -> None:
    """And the gradients are left for their reader to look at."""
    network, _ = networks()
    gradient = th.full((16, 3), 2.0)
    gradient[3, 1] = worst
    network["used"].weight_ih_l0.grad = gradient.clone()
    assert not math.isfinite(clip_norm(list(network.parameters()), 0.5))
    th.testing.assert_close(network["used"].weight_ih_l0.grad, gradient, rtol=0, atol=0, equal_nan=True)


def test_fused_adam_is_called_without_what_is_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the first step has made its state; with hooks torch does it all."""
    network, _ = networks()
    optimizer = th.optim.Adam(network.parameters(), fused=True)
    descend(network, step_of(optimizer), 1)
    step = step_of(optimizer)
    with monkeypatch.context() as patch:
        patch.setattr(type(optimizer), "step", None)
        descend(network, step, 2)
    called: list[int] = []
    optimizer.register_step_post_hook(lambda *_: called.append(1))
    descend(network, step_of(optimizer), 3)
    assert called == [1]
