"""The file system answers as a bad one: leases, artifacts and images are behind a layer that injects its faults."""

from __future__ import annotations

from pathlib import Path

from command_line import ntt

from faults.scene import Case, Outcome, Scene, begun, ending, wait_for_shard


def _behind(layer: str, what: str, *, killed: bool) -> Case:
    def case(scene: Scene, cwd: Path) -> Outcome:
        bad = {"NTT_TEST_FILES": layer, "NTT_TEST_FILES_UNDER": str(scene.root)}
        first, second = (scene.start(cwd, out, **bad) for out in ("a", "b"))
        if killed:
            wait_for_shard(cwd, first.pid)
            first.kill()
        ended = ending(first, second)
        if killed:
            again = ntt(*scene.options, "hydra.run.dir=a", cwd=cwd)
            ended = f"{ended}; again {again.returncode}"
        return Outcome(ended, begun(cwd), scene.same(cwd / "a", cwd / "b"))

    case.__doc__ = f"{what}; {'kill -9 of one of two workers' if killed else 'two workers'} on one store"
    case.__name__ = layer.replace("-", "_").replace(",", "_and_")
    return case


CASES: list[Case] = [
    _behind("no-hard-links", "no hard links (EPERM)", killed=True),
    _behind("lost-links", "every LINK is done and its answer lost (EEXIST)", killed=True),
    _behind("lost-renames", "every RENAME is done and its answer lost (ENOENT)", killed=False),
    _behind("stale", "the first reading of every file is stale (ESTALE)", killed=False),
]
