"""The networks' side: a GPU that runs out of memory in every step (simulated on a CPU), numbers that are not finite."""

from __future__ import annotations

from pathlib import Path

from command_line import ntt

from faults.scene import Case, Outcome, Scene, last_sentence

# A step of the program -> what it is done by, and which argument holds the items.
STEPS = {
    "a reference's encoding": ("ntt.backbones.encoder", "PatchEncoder.__call__"),
    "the image encoders": ("ntt.proposals.networks", "MasksAndVectors.encode"),
    "the prompts": ("ntt.segmenters.prompt_decoder", "PromptDecoder._decode"),
    "final masks": ("ntt.proposals.networks", "MasksAndVectors.postprocess"),
}
_CHANGED = """
import importlib, torch
def change(module, name, new):
    owner, method = name.split(".")
    owner = getattr(importlib.import_module(module), owner)
    setattr(owner, method, new(getattr(owner, method)))
"""
# On a CPU every core has prompts of its own, and nothing is halved.
_AS_ON_A_GPU = """
from types import SimpleNamespace
def on_a_gpu(init):
    def call(self, *given, **named):
        init(self, *given, **named)
        self._device = SimpleNamespace(type="simulated")
    return call
change("ntt.segmenters.prompt_batches", "PromptBatches.__init__", on_a_gpu)
"""


def _out_of_memory(step: str, most: int, *more: str) -> Case:
    """Memory for so many items at once, 0: for none."""
    module, name = STEPS[step]
    # The first tensor that has several rows counts; where there is none it is one item.
    code = f"""{_CHANGED}
def limited(compute):
    def call(*given, **named):
        tensors = [one for one in given if isinstance(one, torch.Tensor)]
        if (len(tensors[0]) if tensors else 1) > {most}:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return compute(*given, **named)
    return call
change({module!r}, {name!r}, limited)
{_AS_ON_A_GPU}
"""

    def case(scene: Scene, cwd: Path) -> Outcome:
        done = scene.patched(cwd, code, *more)
        if most:
            halved = "at once from here on" in done.stderr
            ended = f"{done.returncode}{', in smaller batches' if halved else ', NOT HALVED'}"
            return Outcome(ended, [], halved and scene.same(cwd / "a"))
        return _again(scene, cwd, done.returncode, last_sentence(done.stderr), 2)

    case.__doc__ = f"the GPU has memory for {f'{most} at once' if most else 'not even one'} of {step}"
    case.__name__ = f"memory_{most}_{step.split()[-1]}"
    return case


def _not_finite(network: str, module: str, name: str, hit: str) -> Case:
    # One reference of either class comes before the targets.
    code = f"""{_CHANGED}
from itertools import count
calls = count(1)
def poisoned(compute):
    def call(*given, **named):
        number = next(calls)
        found = compute(*given, **named)
        if number == {3 if hit == "target" else 1}:
            numbers = found if isinstance(found, torch.Tensor) else found.image_embed
            numbers[(0,) * numbers.ndim] = torch.nan
        return found
    return call
change({module!r}, {name!r}, poisoned)
"""

    def case(scene: Scene, cwd: Path) -> Outcome:
        done = scene.patched(cwd, code)
        said = last_sentence(done.stderr)
        named = "gives numbers that are not finite" in said and ".png" in said
        return _again(scene, cwd, done.returncode, said if named else f"NOT NAMED: {said}", 1)

    case.__doc__ = f"NaN from {network} for a {hit}"
    case.__name__ = f"nan_{network.split()[-1]}_{hit}"
    return case


def _again(scene: Scene, cwd: Path, code: int, said: str, expected: int) -> Outcome:
    """The same command without the fault continues, and ends as if nothing had been."""
    again = ntt(*scene.options, "hydra.run.dir=a", cwd=cwd)
    good = code == expected and said.startswith("ntt: ") and again.returncode == 0
    return Outcome(f"{code} ({said}); again {again.returncode}", [], good and scene.same(cwd / "a"))


CASES: list[Case] = [
    *(_out_of_memory(step, 0) for step in STEPS),
    _out_of_memory("the image encoders", 1, "images_per_batch=4", "store.shard_size=4"),
    _out_of_memory("the prompts", 4),
    _not_finite("the encoder", *STEPS["a reference's encoding"], "reference"),
    _not_finite("the encoder", *STEPS["a reference's encoding"], "target"),
    _not_finite("the segmenter", "ntt.segmenters.sam2", "Sam2.encode", "picture"),
]
