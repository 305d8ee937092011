"""Time and memory of view attention, 2D (HVG) against 3D (Human4DiT), beside the formula.

    python benchmarks/hvg_views.py                        # nano's levels
    python benchmarks/hvg_views.py --width 320 --side 72  # the paper's first level; on a GPU

One layer is the whole block: both feed-forwards, attention, and cross-attention to one token.
The formula is (15 c + V n) / (15 c + V) for width c, V views and n pixels. Operations are counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import accumulate

import torch
from diffusers.models.transformers.transformer_temporal import TransformerSpatioTemporalModel
from machine import header
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from muybridge.networks.video_blocks import Layout, use_video_blocks
from muybridge.networks.view_attention import use_view_attention

VIEWS = (2, 4, 6, 8, 12, 16, 20)


def layer(kind: str, width: int, device: str) -> torch.nn.Module:
    """A transformer of that width with view attention, and nothing else asked of it."""
    inside = torch.nn.ModuleList([
        TransformerSpatioTemporalModel(width // 32, 32, width, cross_attention_dim=64)
    ])
    use_video_blocks(inside)
    use_view_attention(inside, kind)
    return inside[0].to(device).eval()


def call_of(kind: str, views: int, width: int, pixels: int, device: str) -> Callable[[], object]:
    """One look across the views of a moment."""
    transformer = layer(kind, width, device)
    tokens = torch.randn(views, pixels, width, device=device)
    context = torch.randn(views, 1, 64, device=device)
    layout = Layout(views=views, frames=1)

    @torch.no_grad()
    def call() -> object:
        return transformer._across_views(0, tokens, context, layout)

    return call


def seconds(call: Callable[[], object], device: str, repeats: int = 3) -> float:
    """Best time of a call, after one that doesn't count; processor time on a CPU."""
    call()
    clock = time.process_time if device == "cpu" else time.perf_counter
    times = []
    for _ in range(repeats):
        if device != "cpu":
            torch.cuda.synchronize()
        start = clock()
        call()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(clock() - start)
    return min(times)


def operations(kind: str, views: int, width: int, pixels: int) -> float:
    """Of a call, two for a multiplication and addition; without computing anything."""
    call = call_of(kind, views, width, pixels, "meta")
    # other kernels are not counted everywhere
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        call()
    return float(counter.get_total_flops())


def mebibytes(call: Callable[[], object], device: str) -> float:
    """What a call needs at most beyond what lies there before it."""
    if device != "cpu":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        call()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        call()
    assert watched.profiler is not None and watched.profiler.kineto_results is not None
    events = watched.profiler.kineto_results.events()
    taken = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    return max(accumulate((size for _, size in taken), initial=0)) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--side", type=int, nargs="+", default=[16, 12])
    parser.add_argument("--views", type=int, nargs="+", default=VIEWS)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    pixels = options.side[0] * options.side[-1]
    where = "processor time, one thread"
    if options.device != "cpu":
        where = torch.cuda.get_device_name()
    print(header("View attention: 2D against 3D"))
    print(f"Width {options.width}, {pixels} pixels, one frame; {where}; float32, no gradients.\n")
    print("| V | 2D ms per picture | 3D ms per picture | time 3D / 2D | operations 3D / 2D "
          "| formula | 2D MiB | 3D MiB | 3D scores, if kept, MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for views in options.views:
        calls = {
            kind: call_of(kind, views, options.width, pixels, options.device)
            for kind in ("2d", "3d")
        }
        took = {kind: seconds(call, options.device) for kind, call in calls.items()}
        count = {kind: operations(kind, views, options.width, pixels) for kind in calls}
        need = {kind: mebibytes(call, options.device) for kind, call in calls.items()}
        scores = options.width // 32 * (views * pixels) ** 2 * 4 / 2**20
        formula = (15 * options.width + pixels * views) / (15 * options.width + views)
        print(
            f"| {views} | {1e3 * took['2d'] / views:.2f} | {1e3 * took['3d'] / views:.2f} "
            f"| {took['3d'] / took['2d']:.2f} | {count['3d'] / count['2d']:.2f} "
            f"| {formula:.2f} | {need['2d']:.1f} | {need['3d']:.1f} | {scores:.0f} |", flush=True,
        )


if __name__ == "__main__":
    main()
