import torch

from ntt.matching.scores import class_cosines, unit_vectors
from ntt.matching.scoring import Cosine

PROTOTYPES = torch.tensor([[1.0, 0.0], [0.0, 1.0]])


def best_classes(units, prototypes):
    cosines = class_cosines(units, prototypes)
    proposals, labels, scores = Cosine().candidates(cosines, torch.zeros(len(units)))
    assert proposals.tolist() == list(range(len(units)))
    return scores, labels


def test_best_cosine_and_its_class():
    scores, labels = best_classes(unit_vectors(torch.tensor([[3.0, 4.0], [5.0, 0.0]])), PROTOTYPES)
    torch.testing.assert_close(scores, torch.tensor([0.8, 1.0]))
    assert labels.tolist() == [1, 0]


def test_ties_go_to_the_first_class():
    scores, labels = best_classes(unit_vectors(torch.tensor([[1.0, 1.0]])), PROTOTYPES.repeat(2, 1))
    torch.testing.assert_close(scores, torch.tensor([0.5**0.5]))
    assert labels.tolist() == [0]


def test_resembling_nothing_is_class_0_with_score_0():
    scores, labels = best_classes(unit_vectors(torch.tensor([[-2.0, -1.0], [0.0, 0.0]])), PROTOTYPES)
    assert scores.tolist() == [0.0, 0.0]
    assert labels.tolist() == [0, 0]


def test_length_does_not_matter():
    vectors = torch.randn(20, 8, generator=torch.Generator().manual_seed(0))
    prototypes = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))
    scores, labels = best_classes(unit_vectors(vectors), prototypes)
    scaled_scores, scaled_labels = best_classes(unit_vectors(0.01 * vectors), 30 * prototypes)
    torch.testing.assert_close(scaled_scores, scores)
    assert torch.equal(scaled_labels, labels)


def test_the_best_of_several_prototypes_counts():
    several = torch.tensor([[[1.0, 0.0], [0.0, 2.0]], [[-1.0, 0.0], [0.0, -1.0]]])
    cosines = class_cosines(unit_vectors(torch.tensor([[3.0, 4.0]])), several)
    torch.testing.assert_close(cosines, torch.tensor([[0.8, -0.6]]))
    one = PROTOTYPES[:, None].repeat(1, 3, 1)  # the same one several times is one
    units = unit_vectors(torch.randn(9, 2, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(class_cosines(units, one), class_cosines(units, PROTOTYPES))
