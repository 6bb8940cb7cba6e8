"""The machine as labkit sees it: quota, threads, devices, generators."""

import os

import pytest
import torch

from labkit import runtime

V2 = "/sys/fs/cgroup/cpu.max"
V1 = ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us")


@pytest.fixture
def machine(monkeypatch):
    """``machine(cores, files)``: pretend to have so many cores and these cgroup files."""

    def pretend(cores, files):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
        monkeypatch.setattr(runtime, "_read", lambda path: files.get(path, ""))

    return pretend


@pytest.mark.parametrize(
    ("cores", "files", "cpus"),
    [
        (8, {}, 8),
        (64, {V2: "100000 100000\n"}, 1),  # Binder: one CPU of a large host
        (64, {V2: "250000 100000\n"}, 2.5),
        (4, {V2: "max 100000\n"}, 4),
        (2, {V2: "800000 100000\n"}, 2),  # the affinity mask is the narrower
        (64, {V1[0]: "50000\n", V1[1]: "100000\n"}, 0.5),
        (64, {V1[0]: "-1\n", V1[1]: "100000\n"}, 64),
        (64, {V1[0]: "50000\n"}, 64),
        (64, {V2: "300000 100000\n", V1[0]: "200000\n", V1[1]: "100000\n"}, 2),
    ],
)
def test_quota(machine, cores, files, cpus):
    machine(cores, files)
    assert runtime.quota() == cpus


def test_a_system_without_affinity_counts_its_cores(machine, monkeypatch):
    machine(3, {})
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert runtime.quota() == 5


def test_a_file_that_cannot_be_read_is_no_limit(tmp_path):
    assert runtime._read(str(tmp_path / "cpu.max")) == ""
    assert runtime._read(str(tmp_path)) == ""


@pytest.mark.parametrize(("quota", "before", "after"), [(0.5, 4, 1), (1.2, 4, 2), (8, 4, 4)])
def test_threads_are_capped_and_never_raised(machine, monkeypatch, quota, before, after):
    threads = [before]
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    machine(64, {V2: f"{quota * 100_000:.0f} 100000"})
    assert runtime.cap_threads() == after


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert runtime.device() == runtime.device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match=r"device: got 'cuda', which .* does not have; allowed: \['cpu'\]"):
        runtime.device("cuda")
    with pytest.raises(
        ValueError, match="device: got 'coda'; allowed: 'cpu', 'cuda', 'mps'. Did you mean 'cuda'"
    ):
        runtime.device("coda")


def test_a_second_gpu_must_be_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert runtime.device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(ValueError, match="device: got 'cuda:1', which this machine does not have"):
        runtime.device("cuda:1")


def test_precisions():
    assert runtime.dtype("float64") is torch.float64
    with pytest.raises(ValueError, match="precision: got 'float46'; .*Did you mean 'float64'"):
        runtime.dtype("float46")


def test_generators_repeat_and_their_streams_are_apart():
    def draw(seed, stream=0):
        return torch.rand(64, generator=runtime.generator(seed, stream)).tolist()

    assert draw(3, 1) == draw(3, 1)
    distinct = {tuple(draw(seed, stream)) for seed in range(5) for stream in range(5)}
    assert len(distinct) == 25
