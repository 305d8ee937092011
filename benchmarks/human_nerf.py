"""What the human NeRF of size nano costs on one core: encoding, pictures, a training step.

    python benchmarks/human_nerf.py

The weights are untrained, so density reaches as far as it may and pictures take longer
than those of a trained network.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from machine import header

from muybridge.body import Shape, load_body
from muybridge.camera import Cameras
from muybridge.motion import clips
from muybridge.networks.human_nerf import NANO, HumanNeRF, posed_skin, training_item, training_loss
from muybridge.training.draws import Draws


def seconds(call: Callable[[], object], repeats: int = 5) -> float:
    """Median processor time of a call, after one that doesn't count."""
    call()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return sorted(times)[repeats // 2]


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = HumanNeRF(**NANO)
    shaped = load_body().with_shape(Shape())
    skin = posed_skin(model.canonical, shaped, clips.make("wave", frames=8))
    cameras = Cameras.orbit(8, 1, size=(96, 128), distance=4.0)
    large = cameras.resized(192, 256)
    K, T = cameras.K[:, 0].float(), cameras.T_cam_world[:, 0].float()
    K_large = large.K[:, 0].float()
    reference = torch.rand(3, 256, 192)

    def encode(bake: bool) -> object:
        return model.encode(reference, skin.select([0]), K_large[0], T[0], bake=bake)

    print(header("Human NeRF, nano, processor time on one core"))
    print("| what | ms |")
    print("| --- | --- |")
    print(f"| encode | {1e3 * seconds(lambda: encode(False)):.0f} |")
    print(f"| encode and bake | {1e3 * seconds(lambda: encode(True)):.0f} |")
    for bake in (True, False):
        person = encode(bake)
        cost = seconds(lambda person=person: model.render(person, skin, K, T, 128, 96)) / 8
        print(f"| a picture of 128 x 96, {'baked' if bake else 'not baked'} | {1e3 * cost:.0f} |")
    for items, targets in ((2, 2), (4, 1)):
        ones = [0] * targets
        item = training_item(
            reference, skin.select([0]), K_large[0], T[0], torch.rand(targets, 3, 128, 96),
            torch.rand(targets, 1, 128, 96), skin.select(ones), K[:targets], T[:targets],
        )
        batch = {key: torch.stack([value] * items) for key, value in item.items()}

        def step(batch: dict[str, torch.Tensor] = batch, items: int = items) -> None:
            loss, _ = training_loss(model, batch, Draws(0, "nerf", 0, range(items)))
            model.zero_grad()
            loss.backward()

        print(f"| a training step, {items} references, {targets} targets each | "
              f"{1e3 * seconds(step):.0f} |")


if __name__ == "__main__":
    main()
