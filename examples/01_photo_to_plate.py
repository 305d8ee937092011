"""From a photo to a plate.

The whole way in one call, as ``muybridge animate`` does it: the person is fitted, walks past eight
cameras, and the plate is printed. The sample person comes with the package; give a photo of your
own as the second argument.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from muybridge.jobs import Job, run
from muybridge.jobs.progress import terminal


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "out/demo")
    sample = files("muybridge") / "assets" / "sample_person.png"
    photo = sys.argv[2] if len(sys.argv) > 2 else str(sample)
    job = Job(photo, "walk", camera="orbit:8", frames=24, width=384, height=384)
    with terminal() as listener:
        result = run(job, out, listener=listener)
    print(f"the plate: {result.folder / 'plate.png'}")
    print(f"the video: {result.folder / 'video.mp4'}")


if __name__ == "__main__":
    main()
