"""``ntt ablate``: many settings over the same proposals, against a baseline."""

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path

from hydra import compose, initialize_config_dir

from ntt.ablation import pages
from ntt.ablation.settings import BASELINE, Setting, cleaning_of, listed, require_same_encodings
from ntt.compute.cores import usable_cores
from ntt.config import RunConfig, read_config, user_path
from ntt.errors import InputError
from ntt.evaluation.settings import Coco
from ntt.store.files import write_atomically

log = logging.getLogger(__name__)
_BEFORE = "stages=[references,prompt,memory,proposals,truth]"


def run(arguments: list[str], conf: Path) -> int:
    """See the parser's help; returns the exit code."""
    given = _parser().parse_args(arguments)
    settings = listed(given.setting, given.grid)
    if len(settings) == 1:
        raise InputError("There is nothing to compare with the baseline: give --setting or --grid.")
    seeds = list(dict.fromkeys(given.seeds))
    with initialize_config_dir(str(conf), version_base="1.3"):
        configs = [read_config(compose("config", overrides=[*given.options, *one.options])) for one in settings]
        runs = [read_config(compose("config", overrides=[*given.options, f"seed={seed}", _BEFORE])) for seed in seeds]
    if not isinstance(configs[0].evaluation, Coco):
        raise InputError("ntt ablate measures COCO's AP only: leave out experiments with another evaluation.")
    for one, config in zip(settings, configs, strict=True):
        require_same_encodings(config, configs[0], one.name)
    rows = _measured(settings, configs, runs, given.resamples)
    _write(rows, seeds, configs[0].name, user_path(given.out))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ntt ablate",
        description="Settings of matcher, memory, scoring and refine over an experiment's stored proposals (made if "
        "they are not there): COCO's AP over seeds, differences to the experiment as it is, with intervals over "
        "images; on the screen, and as CSV, Markdown, LaTeX and a forest plot.",
    )
    parser.add_argument("options", nargs="+", metavar="OPTION", help="+experiment=NAME and other options of a run")
    parser.add_argument(
        "--setting",
        action="append",
        default=[],
        metavar="'OPTIONS'",
        help="a row, such as 'scoring=quality'; repeat it",
    )
    parser.add_argument(
        "--grid",
        action="append",
        default=[],
        metavar="KEY=A,B",
        help="an axis; all combinations are rows; - is without",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[33, 42, 13], metavar="N", help="of the references")
    parser.add_argument("--resamples", type=int, default=1000, metavar="N", help="of the bootstrap (1000)")
    parser.add_argument(
        "--out", default="outputs/ablation", metavar="DIR", help="folder to write to (outputs/ablation)"
    )
    return parser


def _measured(settings: list[Setting], configs: list[RunConfig], runs: list[RunConfig], resamples: int) -> pages.Rows:
    # Imported here: torch takes seconds that a wrong option should not cost.
    from ntt.ablation.figures import measure
    from ntt.ablation.many import Matcher, match_many
    from ntt.pipeline import open_stages
    from ntt.processes.ranks import current_rank
    from ntt.refining.cleaning import Cleaning
    from ntt.stages import memory
    from ntt.stages.clean import Clean
    from ntt.stages.evaluate import ground_truth
    from ntt.stages.inputs import check_files
    from ntt.stages.shards import asks_references, shards
    from ntt.stages.workspace import Workspace

    cleanings = []
    for one, config in zip(settings, configs, strict=True):
        options = cleaning_of(config, one.name)
        cleanings.append(None if options is None else Cleaning(**vars(Clean(**options))))
    banks = []
    with tempfile.TemporaryDirectory() as folder:
        for config in runs:
            check_files(config)
            work = Workspace(config, Path(folder), current_rank())
            if asks_references(work):
                raise InputError("proposals.resemblance gives each memory proposals of its own: nothing is shared.")
            work.stages = open_stages(config)
            for stage in work.stages.listed:
                stage.run(work)
            banks.append(memory.load(work))
        if not work.inputs.has_truth:
            raise InputError("The targets have no ground truth, so no setting can be measured.")
        matchers = [
            [Matcher(bank.prototypes(config.memory.kind), config.matcher, cleaning) for bank in banks]
            for config, cleaning in zip(configs, cleanings, strict=True)
        ]
        pieces = shards(work)
        flat = [one for some in matchers for one in some]
        found = list(match_many(pieces, flat, min(usable_cores(), len(pieces))))
        ids = [work.inputs.target_category[i] for i in banks[0].category_ids]
        figures = measure(ground_truth(work), found, matchers, ids, resamples)
    return list(zip([one.name for one in settings], figures, strict=True))


def _write(rows: pages.Rows, seeds: list[int], name: str, out: Path) -> None:
    from ntt.ablation.forest import draw_forest
    from ntt.commands.options import columns

    try:
        out.mkdir(parents=True, exist_ok=True)
        written = {
            "ablation.md": pages.markdown(f"{name}: ablation over {len(seeds)} seeds", rows, "ablation.png"),
            "ablation.tex": pages.latex(rows),
            "ablation.csv": pages.csv_table(rows, seeds),
        }
        for file, page in written.items():
            write_atomically(out / file, page.encode())
        draw_forest(rows, [out / f"ablation.{kind}" for kind in ("png", "svg", "pdf")])
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror}): give another folder with --out.") from error
    print(columns([pages.HEADER, *(pages.cells(row, figures) for row, figures in rows)]))
    print(pages.REMARK)
    log.info("wrote %s and a forest plot to %s; the first row is the %s", ", ".join(written), out, BASELINE)
