"""Kinds of memory by hand."""

import pytest
import torch
import torch.nn.functional as F

from ntt.errors import InputError
from ntt.memory.kinds import Mean
from ntt.memory.several import Nearest, Parts, Whitened

VECTORS = [torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[-3.0, 0.0]])]


def test_every_reference_is_a_prototype():
    found = Nearest().prototypes(VECTORS)
    assert found.tolist() == [[[1, 0], [0, 1]], [[-1, 0], [-1, 0]]]


def test_drawn_towards_the_mean():
    assert torch.allclose(Nearest(mean=1.0).prototypes(VECTORS)[:, 0], Mean().prototypes(VECTORS))
    mean = F.normalize(torch.tensor([1.0, 0.5]), dim=0)
    half = F.normalize((torch.tensor([1.0, 0.0]) + mean) / 2, dim=0)
    torch.testing.assert_close(Nearest(mean=0.5).prototypes(VECTORS)[0, 0], half)


def test_parts_are_the_clusters():
    angles = torch.tensor([0.0, 0.1, 1.5, 1.6])
    vectors = [torch.stack([angles.cos(), angles.sin()], dim=1), torch.tensor([[0.0, -1.0]])]
    found = Parts(parts=2).prototypes(vectors)
    expected = torch.tensor([0.05, 1.55])
    torch.testing.assert_close(found[0], torch.stack([expected.cos(), expected.sin()], dim=1))
    assert found[1].tolist() == [[0, -1], [0, -1]]
    units = [F.normalize(some, dim=1) for some in vectors]
    torch.testing.assert_close(Parts(parts=1).prototypes(vectors)[:, 0], Mean().prototypes(units))


def test_whitening_leaves_out_what_references_of_a_class_differ_in():
    noise = torch.tensor([-0.6, 0.6])
    one = torch.stack([torch.ones(2), torch.full((2,), 0.5), noise], dim=1)
    other = torch.stack([torch.ones(2), torch.full((2,), -0.5), noise + 0.2], dim=1)
    first = Whitened(shrinkage=0.01).prototypes([one, other])[0].abs()
    plain = Whitened(shrinkage=1.0).prototypes([one, other])[0].abs()
    assert first[2] / first[1] < 0.1 * plain[2] / plain[1]
    assert torch.isfinite(Whitened().prototypes([torch.ones(1, 3)])).all()


@pytest.mark.parametrize(
    ("kind", "option"), [(Nearest, {"mean": 2.0}), (Parts, {"parts": 0}), (Whitened, {"shrinkage": 0.0})]
)
def test_a_value_outside_its_range_is_named(kind, option):
    with pytest.raises(InputError, match=f"memory.{next(iter(option))}"):
        kind(**option)
