"""Write the checksums of Plates that the package ships: make them, and note what they are.

Run it when the benchmark's pictures are meant to change, and raise ``VERSION`` in
``evaluation/plates.py`` with it.

    python tools/make_plates_manifest.py fast|full [--plates FOLDER] [--workers N]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from muybridge.evaluation.manifest import described
from muybridge.evaluation.plates import FAST, FULL, cache_folder
from muybridge.jobs.plates import entries, make_plates
from muybridge.jobs.progress import LineLog
from muybridge.video.atomic import replacing

OUT = Path(__file__).parents[1] / "src" / "muybridge" / "evaluation" / "data"


def main() -> None:
    """Make Plates and write their manifest."""
    options = argparse.ArgumentParser()
    options.add_argument("name", choices=("fast", "full"))
    options.add_argument("--plates", type=Path)
    options.add_argument("--workers", type=int, default=1)
    asked = options.parse_args()
    plates = {"fast": FAST, "full": FULL}[asked.name]
    folder = asked.plates or cache_folder(plates)
    make_plates(plates, folder, workers=asked.workers, listener=LineLog())
    data = {"plates": described(plates), "clips": entries(plates, folder)}
    target = OUT / f"plates-{plates.name}.json"
    with replacing(target) as part:
        part.write_text(json.dumps(data, indent=0) + "\n", encoding="utf-8")
    print(f"{target}: {len(data['clips'])} clips, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
