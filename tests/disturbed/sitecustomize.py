"""Python runs this at the start of every process that has this folder in PYTHONPATH: what the tests of faults need.

NTT_TEST_STARTS: a file that gets one line per proposal shard that a process begins: its id, its rank, the shard's key.
NTT_TEST_STAGE: another stage whose artifacts are meant, in the place of proposals; of `export`, its file.
NTT_TEST_FILES: how the file system answers badly: one of bad_files.LAYERS, or several, joined by commas.
NTT_TEST_CLOCK: seconds that this process's clock is ahead of the machine's; NTT_TEST_CLOCK_LATER: from its first shard.
NTT_TEST_SECONDS: how long every shard takes in addition, so that there is time to disturb it.
NTT_TEST_CLAIM_SECONDS: how long a process takes to claim a proposal shard, so that all have begun before none is left.
NTT_TEST_FAILING_RANK: the SLURM process that runs out of memory at its first shard.
"""

import os
import time
from contextlib import contextmanager
from pathlib import Path

if "NTT_TEST_CLOCK" in os.environ:
    at_machine = time.time
    ahead = [float(os.environ["NTT_TEST_CLOCK"])]
    time.time = lambda: at_machine() + ahead[0]

if "NTT_TEST_FILES" in os.environ:
    from bad_files import LAYERS

    for word in os.environ["NTT_TEST_FILES"].split(","):
        LAYERS[word]()


def note(key):
    """A line for who waits until something was begun."""
    with Path(os.environ["NTT_TEST_STARTS"]).open("a") as starts:
        starts.write(f"{os.getpid()} {os.environ.get('SLURM_PROCID', '0')} {key}\n")


STAGE = {"proposals": "masks"}.get(stage := os.environ.get("NTT_TEST_STAGE", "proposals"), stage)

if STAGE == "export":
    from ntt.store import files

    at_last = files.write_atomically

    def write_atomically(path, *more):
        if path.name == "detections.json":
            note("export")
            time.sleep(float(os.environ["NTT_TEST_SECONDS"]))
        at_last(path, *more)

    files.write_atomically = write_atomically

if "NTT_TEST_STARTS" in os.environ:
    from ntt.store.artifacts import Artifact

    undisturbed = Artifact.writing

    @contextmanager
    def writing(artifact, *more):
        if artifact.stage != STAGE:
            with undisturbed(artifact, *more) as folder:
                yield folder
            return
        if "NTT_TEST_CLOCK_LATER" in os.environ:
            ahead[0] = float(os.environ["NTT_TEST_CLOCK_LATER"])
        note(artifact.key)
        if os.environ.get("NTT_TEST_FAILING_RANK") == os.environ.get("SLURM_PROCID", "none"):
            raise MemoryError("the test wanted this")
        with undisturbed(artifact, *more) as folder:
            yield folder
            time.sleep(float(os.environ.get("NTT_TEST_SECONDS", "0")))

    Artifact.writing = writing

if "NTT_TEST_CLAIM_SECONDS" in os.environ:
    from ntt.store.store import Store

    at_once = Store._claim

    def slowly(store, artifact):
        claim = at_once(store, artifact)
        if claim and artifact.stage == "masks":
            time.sleep(float(os.environ["NTT_TEST_CLAIM_SECONDS"]))
        return claim

    Store._claim = slowly
