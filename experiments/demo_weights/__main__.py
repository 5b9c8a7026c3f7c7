"""The whole recipe: draw, train both networks side by side, export, measure. ``make demo-weights``.

Killed and started again it goes on where the last checkpoints are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from experiments.demo_weights.export import PACKAGE
from experiments.demo_weights.scenes import load_scenes

FOLDER = Path("outputs/demo_weights")
SCENES = {"train": 6000, "check": 200, "unseen": 200}


def main() -> None:
    for split, count in SCENES.items():
        load_scenes(FOLDER, split, count)
    # Two trainings of one thread each finish earlier than one after the other with two threads.
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    trainings = [
        subprocess.Popen(
            [sys.executable, "-m", f"experiments.demo_weights.train_{name}", "--folder", str(FOLDER)], env=environment
        )
        for name in ("encoder", "segmenter")
    ]
    codes = [training.wait() for training in trainings]
    if any(codes):
        sys.exit("a training failed; its message is above")
    for module in ("export", "figures"):
        subprocess.run([sys.executable, "-m", f"experiments.demo_weights.{module}"], check=True)
    for name in ("encoder", "segmenter"):
        shutil.copyfile(FOLDER / f"{name}.curve.csv", PACKAGE / f"{name}_curve.csv")


if __name__ == "__main__":
    main()
