"""The optimiser of `drn-g`: filters learn in all directions alike, and a run goes on as it was."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from model_export.training.geometry.optimizer import FilterOptimizer


def _network() -> nn.Sequential:
    torch.manual_seed(3)
    layers = nn.Sequential(
        nn.Conv2d(4, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 2, 3, padding=1),
    )
    return layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _loss(network: nn.Module, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    photo = torch.randn(2, 4, 12, 12, generator=generator)
    loss: Tensor = (network(photo) - photo[:, :2]).square().mean()
    return loss


def _optimizer(network: nn.Module) -> FilterOptimizer:
    return FilterOptimizer(network.parameters(), 1e-2, lambda step: 1 / (1 + step))


def test_a_step_moves_a_hidden_filter_equally_far_in_all_directions() -> None:
    network = _network()
    before = network[3].weight.detach().clone()
    _optimizer(network).step(_loss(network, 0))
    moved = (network[3].weight.detach() - before).permute(0, 2, 3, 1).flatten(1)
    sizes = torch.linalg.svdvals(moved)
    assert sizes.min() > 0.4 * sizes.max()
    gradient = network[3].weight.grad
    assert gradient is not None
    uneven = torch.linalg.svdvals(gradient.permute(0, 2, 3, 1).flatten(1))
    assert uneven.min() < 0.1 * uneven.max()


def test_a_first_step_moves_every_weight_of_a_head_by_the_learning_rate_as_adam_does() -> None:
    network = _network()
    head, before = network[5].weight, network[5].weight.detach().clone()
    _optimizer(network).step(_loss(network, 0))
    moved = (head.detach() - before).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 1e-2), rtol=0.01, atol=0)


def test_weights_without_a_gradient_decay() -> None:
    network = _network()
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    _optimizer(network).step(0 * _loss(network, 0))
    for name, value in network.named_parameters():
        decayed = before[name] * (1 - 1e-2 * 1e-2)  # learning rate times decay
        torch.testing.assert_close(value.detach(), decayed, rtol=1e-6, atol=1e-9, msg=name)


def test_every_weight_learns() -> None:
    network = _network()
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    optimizer = _optimizer(network)
    for step in range(2):
        optimizer.step(_loss(network, step))
    kept = [name for name, value in network.named_parameters() if torch.equal(value, before[name])]
    assert kept == []


def test_the_loss_falls() -> None:
    network = _network()
    first = _loss(network, 0).item()
    optimizer = _optimizer(network)
    for _ in range(30):
        optimizer.step(_loss(network, 0))
    assert _loss(network, 0).item() < 0.7 * first


def test_an_optimizer_that_was_saved_goes_on_as_if_it_had_not_stopped() -> None:
    straight, stopped = _network(), _network()
    first = _optimizer(straight)
    second = _optimizer(stopped)
    for step in range(3):
        first.step(_loss(straight, step))
        second.step(_loss(stopped, step))
    saved = copy.deepcopy(second.state_dict())
    third = _optimizer(stopped)
    third.load_state_dict(saved)
    for step in range(3, 6):
        first.step(_loss(straight, step))
        third.step(_loss(stopped, step))
    for one, other in zip(straight.parameters(), stopped.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_weights_of_another_memory_format_are_refused_rather_than_never_moved() -> None:
    network = nn.Conv2d(16, 16, 3)
    with pytest.raises(RuntimeError, match="view"):
        _optimizer(network)
