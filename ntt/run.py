"""The command line: `ntt VERB ...`; `python -m ntt.run +experiment=NAME [option=value ...]` is `ntt run`."""

from __future__ import annotations

import logging
import os
import runpy
import signal
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from ntt.commands import complain, is_command, run_command
from ntt.commands.composition_errors import explain
from ntt.commands.failures import of_a_config, of_memory, of_the_system
from ntt.commands.own_configs import check_encoding, own_folders
from ntt.commands.verbs import answer, as_run
from ntt.composition.renamed import with_present_names
from ntt.compute.collector import keep_what_is_loaded
from ntt.config import read_config
from ntt.downloads.settings import keep_libraries_offline
from ntt.errors import InputError
from ntt.processes.participation import RunFailedElsewhere, failure_recorded
from ntt.processes.ranks import current_rank
from ntt.processes.signals import Terminated, end_as_by_ctrl_c, end_with_parent, last_words
from ntt.screen.streams import forgive_output
from ntt.sweeps.pinned_job import as_submitted

log = logging.getLogger(__name__)


def conf_folder() -> Path:
    """Folder of the Hydra configs: inside the package in a wheel, beside it in a checkout."""
    packaged = Path(__file__).resolve().parent / "conf"
    return packaged if packaged.is_dir() else packaged.parent.parent / "conf"


@hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")
def job(composed: DictConfig) -> float | None:
    """One point: compose, validate, run. Returns the segm AP (what a sweeper would optimise), None without truth."""
    hydra_config = HydraConfig.get()
    directory = Path(hydra_config.runtime.output_dir)
    if hydra_config.job.chdir:
        # Hydra is in the run's folder now: the data and the store are not.
        log.warning("hydra.job.chdir=True is not followed: relative paths count from where the command was given")
        os.chdir(hydra_config.runtime.cwd)
    try:
        # Here already: the other processes of a run have to learn of one that cannot even begin.
        with failure_recorded(current_rank(), directory, {}):
            composed = as_submitted(composed, hydra_config)
            config = read_config(composed)
            from ntt.pipeline import run_pipeline

            objective = run_pipeline(config, composed, directory)
    except InputError as error:
        if hydra_config.mode == RunMode.MULTIRUN or _full_error_wanted():
            raise
        sys.exit(complain(error))
    if hydra_config.mode == RunMode.MULTIRUN:
        keep_what_is_loaded()
    return objective


def _full_error_wanted() -> bool:
    return os.environ.get("NTT_TRACEBACK", "") not in ("", "0")


def main() -> None:
    """Entry point. Exit code 0: done; 2: something in the input; 130: interrupted, 143: SIGTERM; 1: a fault of ours.

    HYDRA_FULL_ERROR is set so that Hydra hands exceptions on instead of printing and exiting itself; whoever had
    set it already wants the traceback and gets it.
    """
    asked = os.environ.get("HYDRA_FULL_ERROR", "") not in ("", "0")
    # Not set anew in the processes of a sweep: they inherit the HYDRA_FULL_ERROR that is ours.
    os.environ.setdefault("NTT_TRACEBACK", "1" if asked else "0")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    forgive_output()
    end_as_by_ctrl_c()
    end_with_parent()
    keep_libraries_offline()
    sys.argv[1:], renamed = with_present_names(sys.argv[1:])
    for note in renamed:
        print(f"ntt: {note}.", file=sys.stderr)
    try:
        check_encoding(sys.argv[1:])
        sys.argv[1:] = _options_of_a_run(sys.argv[1:], conf_folder())
        job()
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, Terminated) else signal.SIGINT
        print(f"ntt: {last_words(error)}", file=sys.stderr)
        sys.exit(128 + number)
    except RunFailedElsewhere as error:
        complain(error)
        sys.exit(1)
    except Exception as error:
        said = _explained(error)
        if said is None or _full_error_wanted():
            raise
        sys.exit(complain(said))


def _options_of_a_run(arguments: list[str], conf: Path) -> list[str]:
    """What Hydra gets of a command line; does not return from one that is no run."""
    if (said := answer(arguments)) is not None:
        print(said)
        sys.exit(0)
    if arguments[0] in ("app", "bench"):
        # By their names: both import this module.
        sys.argv[1:] = arguments[1:]
        runpy.run_module(f"ntt.{arguments[0]}", run_name="__main__", alter_sys=True)
        sys.exit(0)
    if is_command(arguments):
        sys.exit(run_command(arguments, conf))
    return as_run(arguments)


def _explained(error: Exception) -> InputError | None:
    """The sentence for what a user can put right; None for a fault of ours."""
    if isinstance(error, InputError):
        return error
    if said := of_a_config(error, own_folders(sys.argv)) or of_the_system(error) or of_memory(error):
        return said
    return explain(error, conf_folder()) if isinstance(error, HydraException | OmegaConfBaseException) else None


if __name__ == "__main__":
    if sys.argv[1:] in (["--help"], ["-h"], []):  # of a run, not of `ntt`
        sys.argv[1:] = ["run", "--help"]
    main()
