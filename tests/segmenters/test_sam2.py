from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from stand_ins import SAM2_ARCHITECTURE, sam2_overrides, write_sam2
from torch import Tensor

from ntt.errors import InputError
from ntt.segmenters.decoding import RawProposals
from ntt.segmenters.points import on_coarse_grid, point_grid
from ntt.segmenters.sam2 import Sam2
from ntt.segmenters.sam2_network import build_network
from ntt.store.hashing import file_sha256

IMAGE_SIZE = 128


def small_sam2(weights: Path, **options: Any) -> Sam2:
    return Sam2(
        weights,
        None,
        "small",
        SAM2_ARCHITECTURE,
        sam2_overrides(),
        image_size=IMAGE_SIZE,
        **{"points_per_side": 4, **options},
    )


def predictor_levels(sam: Sam2, image: Tensor) -> list[Tensor]:
    """One image's feature maps, finest first, by the methods that the package's image predictor calls."""
    network = sam.network
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 3, 1, 1)
    with torch.no_grad():
        _, features, _, sizes = network._prepare_backbone_features(network.forward_image((image - mean) / std))
        if sam.no_mem_embed:
            features[-1] = features[-1] + network.no_mem_embed
    # [HW, 1, C] -> [1, C, H, W]
    return [level.permute(1, 2, 0).view(1, -1, *size) for level, size in zip(features, sizes, strict=True)]


def predict_one_by_one(sam: Sam2, levels: list[Tensor], points: Tensor) -> tuple[Tensor, Tensor]:
    """All four masks and IoUs of every prompt by the package's own decoder, without batches."""
    network = sam.network
    predictions = []
    with torch.no_grad():
        for point in points:
            sparse, dense = network.sam_prompt_encoder((point.view(1, 1, 2), torch.ones(1, 1)), None, None)
            masks, iou, _, _ = network.sam_mask_decoder.predict_masks(
                levels[-1], network.sam_prompt_encoder.get_dense_pe(), sparse, dense, False, levels[:-1]
            )
            predictions.append((masks[0], iou[0]))
    masks, iou = zip(*predictions, strict=True)
    return torch.stack(masks), torch.stack(iou)


def expected_proposals(masks: Tensor, iou: Tensor, threshold: float) -> list[tuple[Tensor, float]]:
    kept = []
    for four_masks, four_iou in zip(masks, iou, strict=True):
        best = max((1, 2, 3), key=lambda index: float(four_iou[index]))
        if four_iou[best] > threshold and four_masks[best].max() > 0:
            kept.append((four_masks[best], float(four_iou[best])))
    return kept


def assert_proposals_are(found: RawProposals, expected: list[tuple[Tensor, float]]) -> None:
    torch.testing.assert_close(found.logits, torch.stack([mask for mask, _ in expected]), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.predicted_iou, torch.tensor([iou for _, iou in expected]), rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sam2") / "small.pt"
    write_sam2(path, IMAGE_SIZE)
    return path


@pytest.fixture
def images() -> Tensor:
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(2, 3, 8, 8, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=(IMAGE_SIZE, IMAGE_SIZE), mode="nearest")


@pytest.mark.parametrize("decoder", ["fast", "plain"])
@pytest.mark.parametrize(("prompt_batch", "no_mem_embed"), [(5, True), (None, True), (None, False)])
def test_proposals_are_the_packages_own_masks(
    weights: Path, images: Tensor, prompt_batch: int | None, decoder: str, no_mem_embed: bool
) -> None:
    sam = small_sam2(weights, no_mem_embed=no_mem_embed)
    points = sam.grid
    masks, iou = predict_one_by_one(sam, predictor_levels(sam, images[1:]), points)
    # Between two prompts' values, out of reach of rounding.
    threshold = float(iou[:, 1:].amax(dim=1).sort().values[7:9].mean())
    options = {"prompt_batch": prompt_batch, "decoder": decoder, "no_mem_embed": no_mem_embed}
    sam = small_sam2(weights, iou_threshold=threshold, **options)

    found = sam.propose(sam.encode(images)[1], points)

    expected = expected_proposals(masks, iou, threshold)
    assert 3 < len(expected) < len(points)
    assert iou[:, 1:].argmax(dim=1).unique().numel() > 1
    assert found.logits.shape[1:] == (sam.mask_size, sam.mask_size)
    assert_proposals_are(found, expected)


@pytest.mark.parametrize("decoder", ["fast", "plain"])
@pytest.mark.parametrize("prompt_batch", [7, None])
def test_adaptive_prompts_leave_out_some_of_the_grids_masks_and_change_none(
    weights: Path, images: Tensor, prompt_batch: int | None, decoder: str
) -> None:
    options = {"points_per_side": 8, "iou_threshold": 0.0, "prompt_batch": prompt_batch, "decoder": decoder}
    grid = small_sam2(weights, **options)
    embedding = grid.encode(images)[0]
    everything = grid.propose(embedding, grid.grid)
    coarse = on_coarse_grid(grid.grid, grid.grid)
    values = grid.propose(embedding, grid.grid[coarse]).predicted_iou.sort().values
    cover_iou = float(values[-5:-3].mean())  # between two prompts' values, out of reach of rounding
    adaptive = small_sam2(weights, **options, prompts="adaptive", cover_iou=cover_iou, cover_area=1.0)

    found = adaptive.propose(embedding, adaptive.grid)

    expected = adaptive_by_hand(everything, grid.grid, coarse, cover_iou)
    assert coarse.sum() < len(expected) < len(everything) == len(grid.grid)
    torch.testing.assert_close(found.logits, everything.logits[expected], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.predicted_iou, everything.predicted_iou[expected], rtol=0, atol=1e-5)


def adaptive_by_hand(everything: RawProposals, grid: Tensor, coarse: Tensor, cover_iou: float) -> list[int]:
    """The points that are prompted, in that order, where every point of the grid has a mask."""
    first = coarse.nonzero().flatten().tolist()
    good = [i for i in first if everything.predicted_iou[i] > cover_iou]

    def covered(i: int) -> bool:
        x, y = (grid[i] / 4).int().tolist()
        return any(everything.logits[j, y, x] > 0 for j in good)

    return first + [i for i in range(len(grid)) if i not in first and not covered(i)]


def test_masks_where_a_reference_is_resembled_are_the_grids_too(weights: Path, images: Tensor) -> None:
    options = {"points_per_side": 8, "iou_threshold": 0.0, "prompts": "adaptive", "cover_iou": 1.0}
    grid, resembling = small_sam2(weights, **options), small_sam2(weights, **options, resemblance=0.2)
    embedding = grid.encode(images)[0]
    everything = grid.propose(embedding, grid.grid)
    generator = torch.Generator().manual_seed(5)
    features, prototypes = torch.randn(16, 6, generator=generator), torch.randn(2, 6, generator=generator)

    points = resembling.points_like(prototypes, features)
    found = resembling.propose(embedding, points)

    coarse = on_coarse_grid(grid.grid, grid.grid)
    prompted = [*grid.grid[coarse].tolist(), *grid.grid[~coarse].tolist()]  # in the order of `everything`
    rows = [
        prompted.index(p) for p in [*grid.grid[coarse].tolist(), *points[~on_coarse_grid(points, grid.grid)].tolist()]
    ]
    assert 16 < len(found) == len(rows) < len(everything) == 64
    torch.testing.assert_close(found.logits, everything.logits[rows], rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="which share"):
        grid.points_like(prototypes, features)


def test_unknown_prompts_are_refused(weights: Path) -> None:
    with pytest.raises(InputError, match=r"proposals\.prompts=boxes.*grid, adaptive"):
        small_sam2(weights, prompts="boxes")


def test_the_dynamic_choice_by_stability_is_not_involved(weights: Path, images: Tensor) -> None:
    overrides = sam2_overrides()
    overrides["sam_mask_decoder_extra_args"] = {"dynamic_multimask_via_stability": True}
    stable = Sam2(weights, None, "stable", SAM2_ARCHITECTURE, overrides, IMAGE_SIZE, points_per_side=2)
    plain = small_sam2(weights, points_per_side=2)

    found = stable.propose(stable.encode(images)[0], stable.grid)

    assert torch.equal(found.logits, plain.propose(plain.encode(images)[0], plain.grid).logits)


def test_the_sigmoid_of_the_predicted_iou_follows_the_description(weights: Path, images: Tensor) -> None:
    overrides = {**sam2_overrides(), "iou_prediction_use_sigmoid": False}
    everything = -1e6
    raw = Sam2(weights, None, "raw", SAM2_ARCHITECTURE, overrides, IMAGE_SIZE, 4, iou_threshold=everything)
    squashed = small_sam2(weights, iou_threshold=everything)

    values = raw.propose(raw.encode(images)[0], raw.grid).predicted_iou

    assert len(values) == len(raw.grid)
    torch.testing.assert_close(
        squashed.propose(squashed.encode(images)[0], squashed.grid).predicted_iou, values.sigmoid()
    )


def test_tiny_at_full_size_proposes_the_packages_own_masks(tmp_path: Path) -> None:
    torch.manual_seed(1)
    torch.save({"model": build_network(SAM2_ARCHITECTURE, {}, 1024).state_dict()}, tmp_path / "sam2_hiera_tiny.pt")
    sam = Sam2(tmp_path / "sam2_hiera_tiny.pt", None, "tiny", SAM2_ARCHITECTURE, iou_threshold=0.0, prompt_batch=2)
    image = torch.rand(1, 3, 1024, 1024)
    points = sam.grid[[0, 100, 700]]

    embedding = sam.encode(image)

    assert sam.mask_size == 256
    assert embedding.image_embed.shape == (1, 256, 64, 64)
    assert [tuple(level.shape[1:]) for level in embedding.high_res] == [(32, 256, 256), (64, 128, 128)]
    assert torch.equal(sam.grid, point_grid(32, 1024))
    levels = [*embedding.high_res, embedding.image_embed]
    expected = expected_proposals(*predict_one_by_one(sam, levels, points), threshold=0.0)
    assert len(expected) > 0
    assert_proposals_are(sam.propose(embedding, points), expected)


def test_safetensors_load_like_metas_file(weights: Path, tmp_path: Path, images: Tensor) -> None:
    state = torch.load(weights, weights_only=True)["model"]
    save_file(state, tmp_path / "small.safetensors")

    from_pt, from_safetensors = small_sam2(weights), small_sam2(tmp_path / "small.safetensors")

    assert all(torch.equal(tensor, state[key]) for key, tensor in from_safetensors.network.state_dict().items())
    found = from_safetensors.propose(from_safetensors.encode(images)[0], from_safetensors.grid)
    assert torch.equal(found.logits, from_pt.propose(from_pt.encode(images)[0], from_pt.grid).logits)
    assert from_pt.weights_sha256 == file_sha256(weights) != from_safetensors.weights_sha256


@pytest.mark.parametrize("change", ["missing", "extra", "mis-shaped"])
def test_keys_that_do_not_fit_are_named(weights: Path, tmp_path: Path, change: str) -> None:
    state = torch.load(weights, weights_only=True)["model"]
    key = "sam_mask_decoder.iou_token.weight"
    if change == "missing":
        del state[key]
    elif change == "extra":
        key = "sam_mask_decoder.another.weight"
        state[key] = torch.zeros(1)
    else:
        state[key] = state[key][:, :-1]
    path = tmp_path / "other.pt"
    torch.save({"model": state}, path)

    with pytest.raises(InputError, match=rf"other\.pt.*{key}"):
        small_sam2(path)


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    url = "https://dl.fbaipublicfiles.com/segment_anything_2/072824/sam2_hiera_tiny.pt"

    with pytest.raises(InputError, match=rf"nowhere\.pt.*segmenter\.weights.*{url}"):
        Sam2(tmp_path / "nowhere.pt", url, "tiny", SAM2_ARCHITECTURE)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_gives_nearly_the_same_masks_in_float32(weights: Path, images: Tensor, precision: str) -> None:
    full, half = (small_sam2(weights, iou_threshold=0.0, precision=p) for p in ("fp32", precision))

    expected, found = (sam.propose(sam.encode(images)[0], sam.grid) for sam in (full, half))

    assert found.logits.dtype == found.predicted_iou.dtype == torch.float32
    assert found.predicted_iou.shape == expected.predicted_iou.shape
    assert 0 < (found.predicted_iou - expected.predicted_iou).abs().max() < 0.05


def test_an_unknown_precision_is_refused(weights: Path) -> None:
    with pytest.raises(InputError, match=r"precision=int8.*exact, fp32, tf32, bf16, fp16"):
        small_sam2(weights, precision="int8")


def test_an_unknown_decoder_is_refused(weights: Path) -> None:
    with pytest.raises(InputError, match=r"segmenter\.decoder=quick.*fast, plain"):
        small_sam2(weights, decoder="quick")


@pytest.mark.parametrize("shape", [(3, IMAGE_SIZE, IMAGE_SIZE), (1, 3, IMAGE_SIZE, 64), (1, 1, IMAGE_SIZE, IMAGE_SIZE)])
def test_images_of_another_shape_are_refused(weights: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="small takes images of shape"):
        small_sam2(weights).encode(torch.zeros(shape))
