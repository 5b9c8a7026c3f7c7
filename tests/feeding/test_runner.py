"""The runner gives what images give one by one, holds little, and ends as a whole when something fails."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.data.images import UnreadableImage
from ntt.feeding.batches import ImageBatches
from ntt.feeding.runner import Part, Runner
from ntt.feeding.threads import Lanes, Usage
from ntt.proposals.image_proposals import ImageProposals, pack
from ntt.proposals.networks import Networks, propose
from ntt.segmenters.decoding import Embedding, RawProposals

CPU = torch.device("cpu")
WIDE = Lanes(decoders=3, ahead=6, packers=3, behind=4)
SIDE = 32


class Averages:
    """An encoder whose features are mean colours."""

    image_size = 16
    grid = 4

    def __call__(self, images: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(images, 4).flatten(2).transpose(1, 2)


class Thresholds:
    """A segmenter whose masks are what is brighter than the prompts' x; counts what it sees."""

    image_size = SIDE
    grid = torch.tensor([[0.2, 0.0], [0.4, 0.0], [0.6, 0.0], [2.0, 0.0]])

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.disturbance: Callable[[], None] = lambda: None

    def encode(self, images: Tensor) -> Embedding:
        self.batches.append(len(images))
        return Embedding(images, [])

    def propose(self, embedding: Embedding, points: Tensor) -> RawProposals:
        self.disturbance()
        grey = F.adaptive_avg_pool2d(embedding.only().image_embed.mean(1), 8)  # [1, 8, 8]
        logits = grey - points[:, 0, None, None]
        kept = (logits > 0).flatten(1).any(1)
        return RawProposals(logits[kept], points[kept, 0])


class Pictures:
    """A part of random pictures, and what was written of it."""

    def __init__(self, seed: int, count: int, unreadable: tuple[int, ...] = ()) -> None:
        random = np.random.default_rng(seed)
        self.pictures = [random.integers(0, 256, (20 + i, 30, 3), dtype=np.uint8) for i in range(count)]
        self.unreadable = unreadable
        self.loaded = 0
        self.written: list[ImageProposals] | None = None
        self.reasons: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.pictures)

    def load(self, index: int) -> np.ndarray:
        self.loaded += 1
        if index in self.unreadable:
            raise UnreadableImage(Path(f"{index}.png"), "torn")
        time.sleep(0.002 * (index % 3))  # later ones are ready earlier
        return self.pictures[index]

    def size(self, index: int) -> tuple[int, int]:
        return self.pictures[index].shape[0], 30

    def write(self, images: list[ImageProposals], unreadable: dict[int, str]) -> None:
        assert self.written is None
        self.written, self.reasons = images, unreadable


def run(
    parts: list[Part | None],
    segmenter: Thresholds | None = None,
    at_once: int = 1,
    lanes: Lanes = WIDE,
    advance: Callable[[], object] = lambda: None,
) -> Usage:
    networks = Networks(Averages(), segmenter or Thresholds())
    batches = ImageBatches(CPU, at_once, SIDE)
    return Runner(lambda: networks, CPU, SIDE, batches, lanes, torch.float16, advance).run(parts)


def own_threads() -> list[str]:
    names = ("decode", "pack", "write", "fetch")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(names)]


@pytest.mark.parametrize("at_once", [1, 2, 6])
@pytest.mark.parametrize("lanes", [WIDE, Lanes(1, 6, 1, 1)])
def test_parts_come_out_as_image_by_image(at_once: int, lanes: Lanes) -> None:
    parts = [Pictures(0, 5), Pictures(1, 1), Pictures(2, 4)]
    done = itertools.count()

    usage = run([*parts], at_once=at_once, lanes=lanes, advance=lambda: next(done))

    assert usage.images == next(done) == 10
    for part in parts:
        expected = pack([propose(picture, Averages(), Thresholds(), torch.float16) for picture in part.pictures])
        assert part.written is not None
        found = pack(part.written)
        assert expected["count"].sum() > 0
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert own_threads() == []


def test_batches_are_cut_by_an_images_place_in_its_part() -> None:
    segmenter = Thresholds()
    part = Pictures(0, 7, unreadable=(1, 6))

    usage = run([part, Pictures(1, 2)], segmenter, at_once=3)

    assert segmenter.batches == [2, 3, 2]  # 0 and 2; 3 to 5; 6 cannot be read; the other part's two
    assert part.reasons == {1: "torn", 6: "torn"}
    assert part.written is not None
    assert [len(image) > 0 for image in part.written] == [True, False, True, True, True, True, False]
    assert (part.written[6].height, part.written[6].width) == (26, 30)
    assert usage.images == 9


def test_a_batch_that_does_not_fit_is_halved_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    class Small(Thresholds):
        def encode(self, images: Tensor) -> Embedding:
            embedding = super().encode(images)
            if len(images) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return embedding

    segmenter, part = Small(), Pictures(0, 8)

    run([part], segmenter, at_once=6)

    assert segmenter.batches == [6, 3, 1, 1, 1, 1, 1, 1, 1, 1]
    assert part.written is not None
    assert all(len(image) for image in part.written)
    assert "6 images do not fit on cpu: 3 at once" in caplog.text


def test_nothing_is_loaded_where_nothing_is_to_do() -> None:
    batches = ImageBatches(CPU, 1, SIDE)
    runner = Runner(lambda: pytest.fail("loaded"), CPU, SIDE, batches, WIDE, torch.float16)

    assert runner.run([None]).images == 0


def test_parts_that_come_late_are_waited_for() -> None:
    late = Pictures(0, 2)

    usage = run([None, None, late])

    assert late.written is not None
    assert usage.others >= 0.4


def test_little_is_done_in_advance() -> None:
    parts = [Pictures(seed, 4) for seed in range(3)]
    segmenter, seen = Thresholds(), itertools.count(1)
    most = 0

    def look() -> None:
        nonlocal most
        time.sleep(0.02)
        most = max(most, sum(part.loaded for part in parts) - next(seen))

    segmenter.disturbance = look
    run([*parts], segmenter, lanes=Lanes(decoders=2, ahead=2, packers=1, behind=1))

    assert most <= 2


def test_packing_that_is_slow_makes_the_networks_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter, most = Thresholds(), 0
    seen, packed = itertools.count(1), itertools.count()
    packed_so_far = 0

    def slowly(*_: object) -> ImageProposals:
        nonlocal packed_so_far
        time.sleep(0.02)
        packed_so_far = next(packed) + 1
        return ImageProposals.nothing(1, 1)

    def look() -> None:
        nonlocal most
        most = max(most, next(seen) - packed_so_far)

    monkeypatch.setattr(Runner, "_pack", slowly)
    segmenter.disturbance = look
    run([Pictures(0, 8)], segmenter, lanes=Lanes(1, 2, 1, behind=2))

    assert most <= 3  # two that are packed or wait for it, and the one that is being looked at


def test_usage_says_how_busy_the_networks_were() -> None:
    usage = Usage(images=60, networks=19.4, input=0.5, packing=0.1, others=100)

    assert usage.busy == pytest.approx(0.97)
    assert str(usage) == (
        "60 images in 20.0 s, 3.0 images/s, networks busy 97 % (waited 0.5 s for images, 0.1 s for packing)"
    )


class Torn(Exception):
    """Nobody else's."""


def fail(*_: object) -> None:
    raise Torn("in the middle")


@pytest.mark.parametrize("where", ["load", "write", "networks", "pack", "parts"])
def test_what_fails_anywhere_is_raised_as_it_is(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter, broken = Thresholds(), Pictures(1, 3)
    if where in ("load", "write"):
        monkeypatch.setattr(broken, where, fail)
    elif where == "networks":
        segmenter.disturbance = fail
    elif where == "pack":
        monkeypatch.setattr("ntt.feeding.runner.finish", fail)

    def parts() -> Iterator[Part]:
        yield Pictures(0, 3)
        yield broken
        if where == "parts":
            fail()
        yield from (Pictures(seed, 3) for seed in range(2, 40))

    with pytest.raises(Torn, match="in the middle"):
        run(parts(), segmenter)  # type: ignore[arg-type]

    assert own_threads() == []


def test_an_interrupt_ends_all_threads_soon() -> None:
    segmenter, calls = Thresholds(), itertools.count()

    def interrupt() -> None:
        if next(calls) == 3:
            raise KeyboardInterrupt

    segmenter.disturbance = interrupt
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run([Pictures(seed, 3) for seed in range(100)], segmenter)

    assert time.monotonic() - began < 10
    assert own_threads() == []


def test_threads_of_torch_are_as_many_afterwards() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        seen = []
        segmenter = Thresholds()
        segmenter.disturbance = lambda: seen.append(torch.get_num_threads())
        run([Pictures(0, 3)], segmenter)
        fresh: list[int] = []
        thread = threading.Thread(target=lambda: fresh.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert seen == [2, 2, 2]
        assert (torch.get_num_threads(), fresh) == (2, [2])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("free", "expected"), [(4 * 2**30, 1), (24 * 2**30, 4), (10**12, 8)])
def test_a_gpu_takes_what_half_of_its_memory_holds(monkeypatch: pytest.MonkeyPatch, free: int, expected: int) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 10**12))

    assert ImageBatches(torch.device("cuda"), None, 1024).size == expected
    assert ImageBatches(torch.device("cuda"), 3, 1024).size == 3
    assert ImageBatches(CPU, None, 1024).size == 1
