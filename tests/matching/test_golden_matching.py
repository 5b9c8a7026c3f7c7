"""docs/method.md, sections 2.5, 3, 4.5 and 5, against outputs of the published implementation."""

import importlib.util

import pytest
import torch
from golden_files import OWN, cases_of
from pycocotools import mask as coco_mask

from ntt.masks.boxes import mask_boxes
from ntt.masks.overlaps import mask_overlaps
from ntt.masks.windowed import encode_logits
from ntt.matching.match import Candidates, match
from ntt.matching.settings import MatchSettings
from ntt.memory.bank import MemoryBank
from ntt.memory.vectors import reference_vector
from ntt.proposals.vectors import mask_vectors

CASES = cases_of("matching.json", lambda case: case["name"])


@pytest.fixture(scope="module")
def inputs(golden):
    path = golden / "inputs.py"
    spec = importlib.util.spec_from_file_location("golden_inputs", path if path.is_file() else OWN / "inputs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("case", CASES)
def test_published_outputs(case, inputs):
    expected = case["expected"]
    arrays = {key: torch.from_numpy(value) for key, value in inputs.case_inputs(case).items()}

    references = [
        (label, reference_vector(features, mask.view(inputs.GRID, inputs.GRID)))
        for label in range(case["n_classes"])
        for features, mask in zip(arrays["ref_features"][label], arrays["ref_masks"][label], strict=True)
    ]
    bank = MemoryBank.from_references({c: str(c) for c in range(case["n_classes"])}, references)
    if expected["prototypes"] is not None:  # stored before their normalisation
        means = torch.stack([vectors.mean(0) for vectors in bank.vectors])
        torch.testing.assert_close(means, torch.tensor(expected["prototypes"]), rtol=0, atol=1e-5)

    low = arrays["mask_logits"] > 0
    encoded = encode_logits(arrays["mask_logits"], mask_boxes(low), case["height"], case["width"])
    candidates = Candidates(
        vectors=mask_vectors(arrays["features"], low, inputs.GRID),
        predicted_iou=arrays["pred_ious"],
        boxes_low=mask_boxes(low),
        areas=encoded.areas,
        overlaps=mask_overlaps(encoded.rles),
    )
    found = match(candidates, bank.prototypes(), MatchSettings())

    assert found.labels.tolist() == expected["labels"]
    torch.testing.assert_close(found.scores, torch.tensor(expected["scores"]), rtol=0, atol=1e-4)
    assert (encoded.boxes[found.proposals] - torch.tensor(expected["boxes_xyxy"])).abs().max() <= 1
    for proposal, mask in zip(found.proposals.tolist(), expected["masks"], strict=True):
        assert coco_mask.iou([encoded.rles[proposal]], [mask], [0])[0, 0] >= 0.999
