"""``python -m experiments.lvis TRUTH PREDICTIONS``: LVIS' figures of a run's predictions.json."""

from __future__ import annotations

import sys
from pathlib import Path

from ntt.errors import InputError
from ntt.evaluation.files import read_predictions
from ntt.evaluation.lvis import evaluate_lvis
from ntt.foreign.documents import read_object


def main(arguments: list[str]) -> int:
    """Print a line per task; returns the exit code."""
    if len(arguments) != 2:
        print("usage: python -m experiments.lvis lvis_v1_val.json predictions.json", file=sys.stderr)
        return 2
    truth, predictions = map(Path, arguments)
    try:
        ground_truth = read_object(truth, "give an LVIS annotation file")
        results = read_predictions(predictions)
        for task in ("bbox", "segm"):
            figures = evaluate_lvis(ground_truth, results, task)
            print(f"{task}:", ", ".join(f"{k} {100 * v:.1f}" if v >= 0 else f"{k} -" for k, v in figures.items()))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
