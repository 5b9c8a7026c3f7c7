"""Our decoder against the library's, on small networks and at full size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from random_sam2 import embedding, network, small_overrides
from stand_ins import SAM2_DIM
from torch import Tensor
from torch._dynamo.backends.registry import lookup_backend

from ntt.composition.choices import read_choice
from ntt.segmenters.decoding import Embedding, RawProposals, decode_points
from ntt.segmenters.points import point_grid
from ntt.segmenters.prompt_decoder import PromptDecoder
from ntt.segmenters.sam2 import Sam2

REPOSITORY = Path(__file__).resolve().parents[2]
DEMO_WEIGHTS = REPOSITORY / "ntt" / "demo_weights" / "sam2_demo.safetensors"


def middle_threshold(model: Any, image: Embedding, points: Tensor) -> float:
    """A threshold that keeps half of the prompts, out of reach of rounding."""
    iou = decode_points(model, image, points, -1e6, 64).predicted_iou.sort().values
    assert len(iou) > 3
    middle = len(iou) // 2
    return float(iou[middle - 1 : middle + 1].mean())


def assert_equal_proposals(found: RawProposals, expected: RawProposals) -> None:
    assert len(found) == len(expected) > 0
    torch.testing.assert_close(found.predicted_iou, expected.predicted_iou, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.logits, expected.logits, rtol=0, atol=1e-3)
    changed = (found.logits > 0) != (expected.logits > 0)
    assert changed.float().mean() < 1e-5
    assert expected.logits[changed].abs().sum() < 1e-3


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pred_obj_scores": False, "pred_obj_scores_mlp": False, "fixed_no_obj_ptr": False},
        {"iou_prediction_use_sigmoid": False},
        {"use_high_res_features_in_sam": False},
    ],
    ids=["as released", "no object score", "no sigmoid", "no high-res features"],
)
def test_a_small_network_keeps_the_same_masks(changes: dict[str, Any]) -> None:
    model = network(128, small_overrides(**changes))
    image = embedding(SAM2_DIM, 8, changes.get("use_high_res_features_in_sam", True))
    points = point_grid(6, 128)
    threshold = middle_threshold(model, image, points)

    expected = decode_points(model, image, points, threshold, 64)
    found = PromptDecoder(model).propose(image, points, threshold)

    assert len(expected) < len(points)
    assert_equal_proposals(found, expected)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_mask_is_chosen_as_the_library_ranks_them(seed: int) -> None:
    model, image, points = network(64, small_overrides(), seed), embedding(SAM2_DIM, 4), point_grid(5, 64)

    assert_equal_proposals(
        PromptDecoder(model).propose(image, points, -1e6), decode_points(model, image, points, -1e6, 64)
    )


@pytest.mark.parametrize("prompt_batch", [1, 7, 64])
def test_the_batch_does_not_matter(prompt_batch: int) -> None:
    model, image, points = network(128, small_overrides()), embedding(SAM2_DIM, 8), point_grid(4, 128)

    expected = PromptDecoder(model).propose(image, points, 0.0)

    assert_equal_proposals(PromptDecoder(model, prompt_batch=prompt_batch).propose(image, points, 0.0), expected)


def test_tiny_at_full_size_keeps_the_same_masks() -> None:
    model, image = network(1024, {}), embedding(256, 64)
    points = point_grid(32, 1024)[[0, 100, 333, 500, 700, 1023]]
    threshold = middle_threshold(model, image, points)

    expected = decode_points(model, image, points, threshold, 3)
    found = PromptDecoder(model).propose(image, points, threshold)

    assert 0 < len(expected) < len(points)
    assert found.logits.shape[1:] == (256, 256)
    assert_equal_proposals(found, expected)


@pytest.mark.skipif(not DEMO_WEIGHTS.is_file(), reason="the demo's weights are not there")
def test_trained_weights_keep_the_same_masks() -> None:
    config = read_choice(REPOSITORY / "conf" / "segmenter" / "sam2_demo.yaml")
    config.weights = str(DEMO_WEIGHTS)
    options = {str(key): value for key, value in config.items() if key != "_target_"}
    fast, plain = (Sam2(**{**options, "decoder": decoder}) for decoder in ("fast", "plain"))
    side = fast.image_size
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    picture = torch.stack([0.2 + 0.001 * x, 0.5 + 0.001 * y, torch.full((side, side), 0.4)])
    picture[:, (x - 0.4 * side) ** 2 + (y - 0.6 * side) ** 2 < (0.2 * side) ** 2] = 0.9

    found, expected = (sam.propose(sam.encode(picture[None])[0], sam.grid) for sam in (fast, plain))

    assert_equal_proposals(found, expected)


def test_a_mask_without_a_positive_logit_is_dropped() -> None:
    model, image, points = network(128, small_overrides()), embedding(SAM2_DIM, 8), point_grid(4, 128)
    before = PromptDecoder(model).propose(image, points, -1e6)
    for hypernetwork in model.sam_mask_decoder.output_hypernetworks_mlps:
        hypernetwork.layers[-1].weight.zero_()
        hypernetwork.layers[-1].bias.zero_()

    after = PromptDecoder(model).propose(image, points, -1e6)

    assert len(before) > 0
    assert len(after) == len(decode_points(model, image, points, -1e6, 64)) == 0


@pytest.mark.parametrize(("count", "threshold"), [(0, -1e6), (3, 1e6)])
def test_nothing_asked_or_nothing_kept_is_an_empty_result_of_the_right_shape(count: int, threshold: float) -> None:
    model, image = network(128, small_overrides()), embedding(SAM2_DIM, 8)

    found = PromptDecoder(model).propose(image, point_grid(4, 128)[:count], threshold)

    assert found.logits.shape == (0, 32, 32)
    assert found.predicted_iou.shape == (0,)


def test_half_precision_keeps_float32_results_close() -> None:
    model, image, points = network(128, small_overrides()), embedding(SAM2_DIM, 8), point_grid(4, 128)

    expected = PromptDecoder(model).propose(image, points, -1e6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = PromptDecoder(model, torch.bfloat16).propose(image, points, -1e6)

    assert found.logits.dtype == found.predicted_iou.dtype == torch.float32
    assert 0 < (found.predicted_iou - expected.predicted_iou).abs().max() < 0.01
    assert ((found.logits > 0) == (expected.logits > 0)).float().mean() > 0.98


def test_an_embedding_of_two_images_is_refused() -> None:
    model = network(128, small_overrides())
    pair = Embedding(torch.zeros(2, SAM2_DIM, 8, 8), [])

    with pytest.raises(ValueError, match="one image"):
        PromptDecoder(model).propose(pair, point_grid(2, 128), 0.0)


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_cores_that_share_the_work_come_to_the_same_masks(mode: Any) -> None:
    model, image, points = network(128, small_overrides()), embedding(SAM2_DIM, 8), point_grid(4, 128)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    expected = PromptDecoder(model, prompt_batch=3).propose(image, points, 0.0)
    torch.set_num_threads(3)
    try:
        with mode():
            found = PromptDecoder(model.requires_grad_(True), prompt_batch=3).propose(image, points, 0.0)
    finally:
        torch.set_num_threads(before)

    assert torch.equal(found.logits, expected.logits)
    assert torch.equal(found.predicted_iou, expected.predicted_iou)
    assert not found.logits.requires_grad


class Recorder:
    """A compiler that compiles nothing and remembers the shapes that its functions were called with."""

    def __init__(self) -> None:
        self.shapes: dict[str, set[torch.Size]] = {}

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        name = type(function.__self__).__name__

        def recorded(shared: object, *more: Any) -> Any:
            self.shapes.setdefault(name, set()).add(more[-1].shape)
            return function(shared, *more)

        return recorded


def test_what_is_compiled_sees_the_same_shapes_whatever_is_asked_and_kept() -> None:
    model, image, points = network(128, small_overrides()), embedding(SAM2_DIM, 8), point_grid(5, 128)
    recorder = Recorder()
    fixed, free = PromptDecoder(model, prompt_batch=8, compiler=recorder), PromptDecoder(model)
    threshold = middle_threshold(model, image, points)

    for count, above in ((25, -1e6), (25, threshold), (7, threshold), (1, -1e6), (16, -float("inf"))):
        found = fixed.propose(image, points[:count], above)
        assert_equal_proposals(found, free.propose(image, points[:count], above))

    assert recorder.shapes == {
        "Transformer": {torch.Size([8, 8, SAM2_DIM])},
        "Upscaler": {torch.Size([2, SAM2_DIM // 8])},
    }


def test_each_part_is_compiled_once_as_one_graph() -> None:
    model, points = network(128, small_overrides()), point_grid(4, 128)
    images = [embedding(SAM2_DIM, 8), embedding(SAM2_DIM, 8)]
    images[1].image_embed.mul_(0.5)
    graphs = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        graphs.append(graph)
        return lookup_backend("aot_eager")(graph, inputs)  # all that inductor does before it writes code

    torch.compiler.reset()
    compiler = partial(torch.compile, backend=backend, fullgraph=True, dynamic=False)
    compiled = PromptDecoder(model, prompt_batch=6, compiler=compiler)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for image in images:
            found = compiled.propose(image, points, 0.0)
            assert_equal_proposals(found, PromptDecoder(model).propose(image, points, 0.0))
    finally:
        torch.set_num_threads(before)
        torch.compiler.reset()

    assert len(graphs) == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_keeps_the_same_masks() -> None:
    model, image, points = network(1024, {}), embedding(256, 64), point_grid(32, 1024)[::100]
    threshold = middle_threshold(model, image, points)
    expected = decode_points(model, image, points, threshold, 4)
    there = Embedding(image.image_embed.cuda(), [level.cuda() for level in image.high_res])

    found = PromptDecoder(model.cuda()).propose(there, points, threshold)

    assert found.logits.is_cuda
    assert_equal_proposals(RawProposals(found.logits.cpu(), found.predicted_iou.cpu()), expected)
