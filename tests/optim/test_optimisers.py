import pytest
import torch

from labkit.nn.shares import on_one_core
from labkit.optim import OPTIMISERS

SETTINGS = {
    "adamw": dict(lr=0.01, weight_decay=2.0, beta1=0.9, beta2=0.98, eps=1e-6, momentum=0.3),
    "adamw no decay": dict(lr=0.3, weight_decay=0.0, beta1=0.0, beta2=0.999, eps=1e-8, momentum=0.0),
    "sgd": dict(lr=0.05, weight_decay=0.1, beta1=0.9, beta2=0.98, eps=1e-8, momentum=0.9),
    "sgd plain": dict(lr=0.05, weight_decay=0.0, beta1=0.9, beta2=0.98, eps=1e-8, momentum=0.0),
}


def reference(name, parameter, lr, weight_decay, beta1, beta2, eps, momentum):
    if name == "adamw":
        return torch.optim.AdamW([parameter], lr=lr, weight_decay=weight_decay, betas=(beta1, beta2), eps=eps)
    return torch.optim.SGD([parameter], lr=lr, weight_decay=weight_decay, momentum=momentum)


def gradient(w):
    return torch.sin(3 * w) + 0.1 * w**2


def start():
    return torch.randn(40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("setting", SETTINGS)
def test_twenty_steps_equal_torch(setting):
    name, values = setting.split()[0], SETTINGS[setting]
    wanted = start().requires_grad_()
    torch_optimiser = reference(name, wanted, **values)
    flat = start()
    buffers = OPTIMISERS[name].new_buffers(flat)
    for _ in range(20):
        wanted.grad = gradient(wanted.detach())
        torch_optimiser.step()
        OPTIMISERS[name].update(flat, gradient(flat), buffers, **values)
    assert (flat - wanted.detach()).abs().max() < 1e-12
    assert (flat - start()).abs().max() > 0.1
    assert int(buffers["updates"]) == 20


@pytest.mark.parametrize("name", OPTIMISERS)
def test_buffers_hold_everything(name):
    values = SETTINGS[name]
    flat = start()
    buffers = OPTIMISERS[name].new_buffers(flat)
    for _ in range(5):
        OPTIMISERS[name].update(flat, gradient(flat), buffers, **values)
    saved = {key: tensor.clone() for key, tensor in buffers.items()}
    copy = flat.clone()
    for _ in range(5):
        OPTIMISERS[name].update(flat, gradient(flat), buffers, **values)
        OPTIMISERS[name].update(copy, gradient(copy), saved, **values)
    assert torch.equal(flat, copy)
    assert all(torch.equal(buffers[key], saved[key]) for key in buffers)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_hyperparameters_may_be_tensors_that_broadcast(name):
    values = SETTINGS[name]
    rates = [0.01, 0.2]
    both = torch.stack([start(), start()])
    buffers = OPTIMISERS[name].new_buffers(both)
    column = {key: torch.tensor([[value]] * 2, dtype=torch.float64) for key, value in values.items()}
    column["lr"] = torch.tensor([[rate] for rate in rates], dtype=torch.float64)
    singles = [(start(), rate) for rate in rates]
    states = [OPTIMISERS[name].new_buffers(flat) for flat, _ in singles]
    for _ in range(5):
        OPTIMISERS[name].update(both, gradient(both), buffers, **column)
        for (flat, rate), state in zip(singles, states, strict=True):
            OPTIMISERS[name].update(flat, gradient(flat), state, **{**values, "lr": rate})
    for row, (flat, _) in zip(both, singles, strict=True):
        assert (row - flat).abs().max() < 1e-12


@pytest.mark.parametrize("name", OPTIMISERS)
def test_gradient_is_left_unchanged(name):
    flat, grad = start(), start()
    OPTIMISERS[name].update(flat, grad, OPTIMISERS[name].new_buffers(flat), **SETTINGS[name])
    assert torch.equal(grad, start())


@pytest.mark.parametrize("setting", [name for name in SETTINGS if name.startswith("adamw")])
def test_adamw_by_row_in_passes_and_in_parts_is_the_same(setting):
    values = SETTINGS[setting]
    rows, passes, parts = (torch.stack([start(), 2 * start()]) for _ in range(3))
    states = [OPTIMISERS["adamw"].new_buffers(flat) for flat in (rows, passes, parts)]
    for step in range(5):
        OPTIMISERS["adamw"].update(rows, gradient(rows), states[0], **values)
        # a rate for every entry is not one for each row
        every = {**values, "lr": torch.full_like(passes, values["lr"])}
        OPTIMISERS["adamw"].update(passes, gradient(passes), states[1], **every)
        for columns in (slice(0, 7), slice(7, 40)):
            grad = gradient(parts[:, columns])
            part = {name: states[2][name][:, columns] for name in ("mean", "square")}
            part |= {"updates": step, "scratch": grad}
            OPTIMISERS["adamw"].update(parts[:, columns], grad, part, **{**every, "lr": values["lr"]})
    assert (rows - passes).abs().max() < 1e-12
    assert (rows - parts).abs().max() < 1e-12
    assert (states[0]["square"] - states[1]["square"]).abs().max() < 1e-12
    assert [int(state["updates"]) for state in states] == [5, 5, 0]


@pytest.mark.parametrize("name", OPTIMISERS)
def test_rows_may_lie_in_memory_as_columns(name):
    values = SETTINGS[name]
    wanted = torch.stack([start(), 2 * start()])
    came = wanted.T.contiguous().T
    states = [OPTIMISERS[name].new_buffers(flat) for flat in (wanted, came)]
    assert came.stride() == (1, 2)
    for _ in range(3):
        OPTIMISERS[name].update(wanted, gradient(wanted), states[0], **values)
        OPTIMISERS[name].update(came, gradient(came), states[1], **values)
    assert (came - wanted).abs().max() < 1e-12


@pytest.mark.parametrize("name, buffer", [("adamw", "mean"), ("sgd", "velocity")])
def test_what_is_left_of_a_gradient_that_is_over_becomes_0_in_training(name, buffer):
    """Elsewhere it stays at the smallest number there is, since 0.9 times that is rounded up to it."""

    def left():
        flat, none = torch.zeros(3), torch.zeros(3)
        buffers = OPTIMISERS[name].new_buffers(flat)
        buffers[buffer].fill_(1.0)
        for _ in range(1_100):
            OPTIMISERS[name].update(flat, none, buffers, **(SETTINGS["sgd"] | {"weight_decay": 0.0}))
        return buffers[buffer].double()

    assert (left() > 0).all()
    assert (on_one_core(left, torch.device("cpu")) == 0).all()
