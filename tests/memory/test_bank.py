from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ntt.errors import InputError
from ntt.memory.bank import MemoryBank


@pytest.fixture
def bank() -> MemoryBank:
    """Two classes with two and one shots; references arrive mixed."""
    references = [
        (7, torch.tensor([3.0, 0.0])),
        (2, torch.tensor([0.0, 0.5])),
        (7, torch.tensor([0.0, 1.0])),
    ]
    return MemoryBank.from_references({7: "bird", 2: "boat"}, references)


def test_groups_follow_the_order_of_the_classes(bank: MemoryBank) -> None:
    assert bank.category_ids == (7, 2)
    assert bank.names == ("bird", "boat")
    assert bank.vectors[0].tolist() == [[3.0, 0.0], [0.0, 1.0]]
    assert bank.vectors[1].tolist() == [[0.0, 0.5]]


def test_prototype_is_the_plain_mean_then_normalised(bank: MemoryBank) -> None:
    # (3, 1) / 2, normalised; normalising each reference first would give (1, 1) / sqrt(2).
    expected = torch.tensor([[3.0, 1.0], [0.0, 1.0]])
    expected[0] /= 10**0.5
    torch.testing.assert_close(bank.prototypes(), expected)


def test_safetensors_round_trip(bank: MemoryBank, tmp_path: Path) -> None:
    save_file(bank.to_tensors(), tmp_path / "bank.safetensors")
    loaded = MemoryBank.from_tensors(load_file(tmp_path / "bank.safetensors"), bank.names)
    assert loaded.category_ids == bank.category_ids
    assert loaded.names == bank.names
    for ours, theirs in zip(bank.vectors, loaded.vectors, strict=True):
        assert torch.equal(ours, theirs)


def test_single_class_round_trip() -> None:
    bank = MemoryBank.from_references({1: "only"}, [(1, torch.ones(3)), (1, torch.zeros(3))])
    loaded = MemoryBank.from_tensors(bank.to_tensors(), ["only"])
    assert torch.equal(loaded.vectors[0], bank.vectors[0])


def test_class_without_a_reference_is_an_error() -> None:
    with pytest.raises(InputError, match="'cup'"):
        MemoryBank.from_references({1: "mug", 2: "cup"}, [(1, torch.ones(3))])


def test_no_class_is_an_error() -> None:
    with pytest.raises(InputError, match="no class"):
        MemoryBank.from_references({}, [])


def test_lvis_takes_less_than_100_mb_in_memory_and_on_disk(tmp_path: Path) -> None:
    classes, shots, width = 1203, 10, 1024
    references = ((number % classes, torch.full((width,), float(number))) for number in range(classes * shots))
    bank = MemoryBank.from_references({number: str(number) for number in range(classes)}, references)
    storages = {vectors.untyped_storage().data_ptr(): vectors.untyped_storage() for vectors in bank.vectors}
    assert sum(storage.nbytes() for storage in storages.values()) < 100e6
    save_file(bank.to_tensors(), tmp_path / "bank.safetensors")
    assert (tmp_path / "bank.safetensors").stat().st_size < 100e6
    assert [vectors[:, 0].tolist() for vectors in bank.vectors[:2]] == [
        [float(first + classes * shot) for shot in range(shots)] for first in (0, 1)
    ]


FILL = """
import resource, sys, torch
from ntt.memory.bank import MemoryBank

def references(classes):
    for number in range(classes * 10):
        features = torch.full((1369, 1024), 1.0)  # of a reference, as ViT-L makes them: 5.6 MB
        yield number // 10, features[:20].mean(0)

classes = int(sys.argv[1])
MemoryBank.from_references({number: str(number) for number in range(classes)}, references(classes))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_filling_streams() -> None:
    """The features of the references leave nothing behind, however many classes there are."""
    few, many = (
        int(subprocess.run([sys.executable, "-c", FILL, classes], capture_output=True, check=True).stdout)
        for classes in ("2", "40")
    )
    assert many - few < 100  # MB; the features were 2.2 GB
