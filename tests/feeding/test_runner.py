"""The runner gives what images give one by one, holds little, and ends as a whole when something fails."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import pytest
import torch
from feeding_scene import CPU, MANY, SIDE, Averages, Pictures, Thresholds, own_threads, run, tensors_of
from torch import Tensor

from ntt.errors import NotFinite
from ntt.feeding.batches import ImageBatches
from ntt.feeding.runner import ImageShard, Runner
from ntt.feeding.threads import Usage, WorkerThreads
from ntt.proposals.image_proposals import ImageMasks
from ntt.proposals.networks import MasksAndVectors, NewProposals, VectorsOfStoredMasks, propose
from ntt.segmenters.decoding import Embedding, RawProposals


@pytest.mark.parametrize("at_once", [1, 2, 6])
@pytest.mark.parametrize("threads", [MANY, WorkerThreads(1, 6, 1, 1)])
def test_shards_come_out_as_image_by_image(at_once: int, threads: WorkerThreads) -> None:
    shards = [Pictures(0, 5), Pictures(1, 1), Pictures(2, 4)]
    done = itertools.count()

    usage = run([*shards], at_once=at_once, threads=threads, advance=lambda: next(done))

    assert usage.images == next(done) == 10
    for shard in shards:
        each = [propose(picture, Averages(), Thresholds(), torch.float16) for picture in shard.pictures]
        expected = tensors_of(each, [one.vectors for one in each])  # type: ignore[arg-type]
        assert shard.written is not None
        found = tensors_of([one.masks for one in shard.written], [one.vectors for one in shard.written])
        assert expected["count"].sum() > 0
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert own_threads() == []


@pytest.mark.parametrize("at_once", [1, 3])
def test_vectors_of_stored_masks_are_bit_for_bit_those_of_the_single_pass(at_once: int) -> None:
    first = Pictures(0, 6, unreadable=(2,))
    run([first], at_once=at_once)
    assert first.written is not None
    again = Pictures(0, 6, unreadable=(2,), known=first.written)

    run([again], at_once=at_once, networks=VectorsOfStoredMasks(Averages(), torch.float16))

    assert again.reasons == {2: "torn"}
    assert again.written is not None
    assert again.written[2] is None
    for new, vectors in zip(first.written, again.written, strict=True):
        assert new is None or (len(vectors) > 0 and torch.equal(new.vectors, vectors))


def test_batches_are_cut_by_an_images_place_in_its_shard() -> None:
    segmenter = Thresholds()
    shard = Pictures(0, 7, unreadable=(1, 6))

    usage = run([shard, Pictures(1, 2)], segmenter, at_once=3)

    assert segmenter.batches == [2, 3, 2]  # 0 and 2; 3 to 5; 6 cannot be read; the other shard's two
    assert shard.reasons == {1: "torn", 6: "torn"}
    assert shard.written is not None
    assert [made is not None for made in shard.written] == [True, False, True, True, True, True, False]
    assert usage.images == 9


def test_a_batch_that_does_not_fit_is_halved_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    class Small(Thresholds):
        def encode(self, images: Tensor) -> Embedding:
            embedding = super().encode(images)
            if len(images) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return embedding

    segmenter, shard = Small(), Pictures(0, 8)

    run([shard], segmenter, at_once=6)

    assert segmenter.batches == [6, 3, 1, 1, 1, 1, 1, 1, 1, 1]
    assert shard.written is not None
    assert all(len(made.masks) for made in shard.written)
    assert "6 images do not fit on cpu: 3 at once" in caplog.text


def test_nothing_is_loaded_where_nothing_is_to_do() -> None:
    batches = ImageBatches(CPU, 1, SIDE)
    runner = Runner(lambda: pytest.fail("loaded"), CPU, SIDE, batches, MANY)

    assert runner.run([None]).images == 0


def test_shards_that_come_late_are_waited_for() -> None:
    late = Pictures(0, 2)

    usage = run([None, None, late])

    assert late.written is not None
    assert usage.others >= 0.4


def test_little_is_done_in_advance() -> None:
    shards = [Pictures(seed, 4) for seed in range(3)]
    segmenter, seen = Thresholds(), itertools.count(1)
    most = 0

    def look() -> None:
        nonlocal most
        time.sleep(0.02)
        most = max(most, sum(shard.loaded for shard in shards) - next(seen))

    segmenter.disturbance = look
    run([*shards], segmenter, threads=WorkerThreads(decoders=2, ahead=2, postprocessors=1, behind=1))

    assert most <= 2


def test_postprocessing_that_is_slow_makes_the_networks_wait() -> None:
    segmenter, most = Thresholds(), 0
    seen, finished = itertools.count(1), itertools.count()
    finished_so_far = 0

    class Slow(MasksAndVectors):
        def postprocess(self, *_: object) -> NewProposals:
            nonlocal finished_so_far
            time.sleep(0.02)
            finished_so_far = next(finished) + 1
            return NewProposals(ImageMasks.nothing(1, 1), b"", torch.zeros(0, 0))

    def look() -> None:
        nonlocal most
        most = max(most, next(seen) - finished_so_far)

    segmenter.disturbance = look
    networks = Slow(Averages(), segmenter, torch.float16)
    run([Pictures(0, 8)], threads=WorkerThreads(1, 2, 1, behind=2), networks=networks)

    assert most <= 3  # two that are postprocessed or wait for it, and the one in the networks


def test_usage_says_how_busy_the_networks_were() -> None:
    usage = Usage(images=60, networks=19.4, input=0.5, postprocessing=0.1, others=100)

    assert usage.busy == pytest.approx(0.97)
    assert str(usage) == (
        "60 images in 20.0 s, 3.0 images/s, networks busy 97 % (waited 0.5 s for images, 0.1 s for postprocessing)"
    )


class Torn(Exception):
    """Nobody else's."""


def fail(*_: object) -> None:
    raise Torn("in the middle")


@pytest.mark.parametrize("where", ["load", "write", "networks", "postprocess", "shards"])
def test_what_fails_anywhere_is_raised_as_it_is(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter, broken = Thresholds(), Pictures(1, 3)
    if where in ("load", "write"):
        monkeypatch.setattr(broken, where, fail)
    elif where == "networks":
        segmenter.disturbance = fail
    elif where == "postprocess":
        monkeypatch.setattr("ntt.proposals.networks.postprocess_masks", fail)

    def shards() -> Iterator[ImageShard]:
        yield Pictures(0, 3)
        yield broken
        if where == "shards":
            fail()
        yield from (Pictures(seed, 3) for seed in range(2, 40))

    with pytest.raises(Torn, match="in the middle"):
        run(shards(), segmenter)  # type: ignore[arg-type]

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


class Poisoned(Thresholds):
    """A segmenter whose numbers are not finite for one of its masks."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where
        self.name = "poisoned"

    def propose(self, embedding: Embedding, points: Tensor) -> RawProposals:
        raw = super().propose(embedding, points)
        poisoned = RawProposals(raw.logits.clone(), raw.predicted_iou.clone())
        getattr(poisoned, self.where)[-1] = float("nan")
        return poisoned


@pytest.mark.parametrize("where", ["logits", "predicted_iou"])
def test_numbers_that_are_not_finite_end_the_run_and_name_network_and_image(where):
    shard = Pictures(3, 4)
    with pytest.raises(NotFinite, match=r"^poisoned gives numbers that are not finite .* for \d.png") as caught:
        run([shard], Poisoned(where))
    assert caught.value.exit_code == 1
    assert shard.written is None


def test_an_encoder_whose_numbers_are_not_finite_is_named_where_masks_are_stored():
    class Endless(Averages):
        name = "endless"

        def __call__(self, images: Tensor) -> Tensor:
            return super().__call__(images) / 0

    shard = Pictures(4, 2)
    with pytest.raises(NotFinite, match=r"^endless gives numbers"):
        run([shard], networks=MasksAndVectors(Endless(), Thresholds(), torch.float16))
    assert shard.written is None
