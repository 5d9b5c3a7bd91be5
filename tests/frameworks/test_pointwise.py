"""Strided 1 x 1 convolutions: which calls kill, and that no network makes one.

A call that may kill gets a process of its own, with a limit. AVX2 is what most laptops
have, and what a larger processor can be asked to imitate.
"""

import copy
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
# ruff: noqa: E402 -- what follows imports torch

from torch import nn

from ece662.check.recipes.torch_models import run_torch_challenge
from ece662.frameworks.pointwise import PointwiseConv2d, avoid_crash, may_crash
from ece662.frameworks.torch_tools import TorchModel, channels_last
from ece662.pruning import torch_net
from ece662.pruning.architecture import residual
from tests import limits

ROOT = Path(__file__).parents[2]
NATIVE = {}
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}

# A process that imports torch once, before any thread starts, and forks for each call.
# It prints how each call ended: "right", "wrong", "hangs", or the signal's name.
CALLS = """
    import json, os, signal, sys, time
    import torch
    import torch.nn.functional as F
    from ece662.frameworks.pointwise import PointwiseConv2d

    def gradients(x, w, stride, layer):
        x, w = x.clone(memory_format=torch.channels_last), w.clone()
        conv = layer(x.shape[1], len(w), 1, stride, bias=False)
        conv.weight.data = w
        out = conv(x)
        out.square().sum().backward()
        return conv.weight.grad

    def call(C, filters, stride, size, N, taken):
        torch.manual_seed(0)
        x, w = torch.randn(N, C, size, size), torch.randn(filters, C, 1, 1)
        layer = PointwiseConv2d if taken else torch.nn.Conv2d
        found = gradients(x, w, stride, layer)
        with torch.backends.mkldnn.flags(enabled=False):
            expected = gradients(x, w, stride, torch.nn.Conv2d)
        error = (found - expected).abs().max() / expected.abs().max()
        return "right" if error < 1e-3 else "wrong"

    def end_of(arguments, limit):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            torch.set_num_threads(arguments.pop("threads"))
            os.write(write, call(**arguments).encode())
            os._exit(0)
        os.close(write)
        until = time.monotonic() + limit
        while time.monotonic() < until:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                if os.WIFSIGNALED(status):
                    return signal.Signals(os.WTERMSIG(status)).name
                return os.read(read, 100).decode()
            time.sleep(0.005)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return "hangs"

    for arguments in json.load(sys.stdin):
        print(end_of(arguments, LIMIT), flush=True)
"""

forks = pytest.mark.skipif(
    not hasattr(os, "fork") or sys.platform == "darwin", reason="needs a safe fork"
)


def run_script(script, environment, stdin=""):
    """Run Python in a process of its own; return how it ended and what it printed."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=limits.WAIT,
    )


def ends_of(calls, environment, limit):
    """Make calls, each in a process of its own; return how each of them ended."""
    script = textwrap.dedent(CALLS).replace("LIMIT", str(limit))
    done = run_script(script, environment, json.dumps(calls))
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def a_call(C, *, taken, filters=5, stride=2, size=32, N=12, threads=1):
    return locals()


SWEEP = [
    *({"C": C, "filters": F} for C in (1, 3, 7, 8, 9, 15, 17, 40) for F in (5, 16)),
    *({"C": 3, "stride": stride, "size": 24} for stride in (1, 3, 4)),
    *({"C": 3, "size": size} for size in (2, 8, 33, 64)),
    *({"C": C, "N": 1} for C in (3, 6)),
    *({"C": C, "threads": 2} for C in (3, 7)),
]


@forks
@pytest.mark.parametrize("environment", [NATIVE, AVX2], ids=["native", "AVX2"])
def test_pixels_taken_first_give_the_right_gradient_everywhere(environment):
    calls = [a_call(**arguments, taken=True) for arguments in SWEEP]
    ends = ends_of(calls, environment, limit=limits.WAIT / 2)
    wrong = {str(c): e for c, e in zip(SWEEP, ends, strict=True) if e != "right"}
    assert not wrong


def pinned_torch():
    """Return the version of torch that this repository is tested with."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return next(line[len("torch==") :] for line in lines if line.startswith("torch=="))


@forks
@pytest.mark.skipif(
    not (torch.backends.mkldnn.is_available() and torch.cpu._is_avx2_supported()),
    reason="needs oneDNN and a processor that has AVX2",
)
def test_the_fault_is_still_there():
    """Fails when a renewed constraints.txt brings a torch that computes these calls."""
    calls = [a_call(C, filters=F, taken=False) for C, F in ((3, 5), (4, 8), (7, 5))]
    if set(ends_of(calls, AVX2, limit=20)) == {"right"}:
        version = torch.__version__.partition("+")[0]
        message = (
            f"torch {version} computes the calls that killed 2.13: "
            "see 'When this can go' in ece662/frameworks/pointwise.py"
        )
        (pytest.fail if version == pinned_torch() else pytest.skip)(message)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("stride", "size"), [(2, 7), ((1, 3), 6), (1, 5)])
def test_pointwise_convolution_computes_what_a_convolution_does(memory, stride, size):
    torch.manual_seed(0)
    conv, x = nn.Conv2d(20, 3, 1, stride), torch.randn(2, 20, size, size)
    pointwise = PointwiseConv2d(20, 3, 1, stride)
    pointwise.load_state_dict(conv.state_dict())
    inputs = [x.clone(memory_format=memory).requires_grad_() for _ in range(2)]
    for layer, x in zip((conv, pointwise), inputs, strict=True):
        layer(x).square().sum().backward()
    for ours, theirs in [
        (inputs[1].grad, inputs[0].grad),
        (pointwise.weight.grad, conv.weight.grad),
        (pointwise.bias.grad, conv.bias.grad),
    ]:
        torch.testing.assert_close(ours, theirs)


def test_may_crash_only_where_pixels_are_left_out():
    assert may_crash(nn.Conv2d(3, 5, 1, stride=2))
    assert may_crash(nn.Conv2d(64, 5, 1, stride=(1, 2), padding="valid"))
    for safe in (
        nn.Conv2d(3, 5, 1),
        nn.Conv2d(3, 5, 3, stride=2),
        nn.Conv2d(3, 5, 1, stride=2, padding=1),
        nn.Conv2d(4, 6, 1, stride=2, groups=2),
        PointwiseConv2d(3, 5, 1, stride=2),
        nn.MaxPool2d(1, stride=2),
    ):
        assert not may_crash(safe), safe


def test_avoid_crash_keeps_layers_weights_and_copies():
    conv = nn.Conv2d(3, 5, 1, stride=2)
    network = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), conv)
    weight, state = conv.weight, copy.deepcopy(network.state_dict())
    assert avoid_crash(network) is network
    assert network[1] is conv
    assert conv.weight is weight
    assert type(conv) is PointwiseConv2d
    assert type(copy.deepcopy(network)[1]) is PointwiseConv2d
    network.load_state_dict(state)


def look_through_the_check(network):
    code = SimpleNamespace(ChallengeNet=lambda width: network)
    run_torch_challenge(code, {"x": torch.zeros(1, 3, 8, 8).numpy()})


@pytest.mark.parametrize(
    "prepare",
    [channels_last, lambda net: TorchModel(net, None), look_through_the_check],
    ids=["channels_last", "Solver", "check"],
)
def test_networks_from_elsewhere_are_made_safe(prepare):
    network = nn.Sequential(nn.Conv2d(3, 5, 1, stride=2), nn.ReLU())
    prepare(network)
    assert type(network[0]) is PointwiseConv2d


def test_channels_last_lays_filters_out():
    network = channels_last(nn.Sequential(nn.Conv2d(3, 5, 3), nn.Conv2d(5, 2, 1)))
    maps = network(torch.zeros(2, 3, 8, 8))
    assert maps.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("width", [1, 8, 24])
def test_the_networks_of_q6_make_no_such_call(width):
    net = torch_net.build(residual(width), seed=0)
    assert not [layer for layer in net.modules() if may_crash(layer)]


def test_the_networks_of_q6_in_keras_make_no_such_call():
    pytest.importorskip("tensorflow")
    from ece662.pruning import keras_net

    convs = [x for x in keras_net.build(residual(2)).layers if hasattr(x, "strides")]
    assert len(convs) == 14
    assert not [c for c in convs if c.kernel_size == (1, 1) and c.strides != (1, 1)]


PICTURES = """
    import numpy as np
    rng = np.random.default_rng(0)
    X = rng.normal(scale=64, size=(24, 3, 32, 32)).astype(np.float32)
    y = rng.integers(0, 6, 24)
"""
EVERY_SIZE = """
    import torch
    from ece662.pruning import torch_net
    from ece662.pruning.architecture import residual
    from ece662.pruning.filters import filter_sizes, keep_largest, shrink, shrink_to
    from ece662.pruning.training import TrainingPlan

    torch.set_num_threads(THREADS)
    net = torch_net.build(residual(8), seed=0)
    sizes = filter_sizes(net)
    nets = [shrink_to(net, net.architecture.macs() / 2, multiple=1)]
    for share in np.arange(0, 1, STEP):
        smaller = shrink(net, keep_largest(sizes, share))
        if smaller.architecture != nets[-1].architecture:
            nets.append(smaller)
    for smaller in nets:
        torch_net.train(smaller, X, y, TrainingPlan(epochs=1, batch_size=12))
        assert all(p.isfinite().all() for p in smaller.parameters())
    print(len(nets), min(conv.channels for conv in smaller.architecture.convs()))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("threads", "step", "least"), [(1, 0.01, 30), (2, 0.2, 4)])
def test_every_size_that_pruning_leaves_can_be_tuned(threads, step, least):
    script = textwrap.dedent(PICTURES) + textwrap.dedent(EVERY_SIZE)
    script = script.replace("THREADS", str(threads)).replace("STEP", str(step))
    done = run_script(script, AVX2)
    assert done.returncode == 0, (done.returncode, done.stderr)
    count, fewest = map(int, done.stdout.split())
    assert count >= least
    assert fewest <= 2


IN_KERAS = """
    from ece662.pruning import keras_net
    from ece662.pruning.architecture import residual
    from ece662.pruning.training import TrainingPlan

    for width in (1, 3):
        net = keras_net.build(residual(width), seed=0)
        keras_net.train(net, X, y, TrainingPlan(epochs=1, batch_size=12))
        assert all(np.isfinite(w).all() for w in keras_net.get_weights(net).values())
    print("tuned")
"""


def test_few_channels_can_be_tuned_in_keras():
    pytest.importorskip("tensorflow")
    done = run_script(textwrap.dedent(PICTURES) + textwrap.dedent(IN_KERAS), AVX2)
    assert (done.returncode, done.stdout.split()) == (0, ["tuned"]), done.stderr
