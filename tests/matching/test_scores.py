import torch

from ntt.matching.scores import best_classes, unit_vectors

PROTOTYPES = torch.tensor([[1.0, 0.0], [0.0, 1.0]])


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
