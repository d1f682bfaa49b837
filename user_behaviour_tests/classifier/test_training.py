"""Training on labels of a small world, in which a few words decide."""

import random

import pytest

from user_behaviour.classifier.training import Configuration, UntrainableError, train

NEUTRAL = ["film", "plot", "actor", "scene", "music", "it", "was", "the", "and"]
CONFIGURATIONS = (Configuration(1, 0.5), Configuration(2, 1.0))


def world(number: int, seed: int) -> tuple[list[str], list[bool]]:
    """Reviews of which one word in five, and a negation before it, says what they are worth."""
    chance, texts, truth = random.Random(seed), [], []
    for _ in range(number):
        words = [chance.choice(NEUTRAL) for _ in range(20)]
        positive = chance.random() < 0.5
        for _ in range(4):
            good = chance.choice(["great", "lovely", "moving"])
            bad = chance.choice(["dull", "awful", "not great", "not moving"])
            words.insert(chance.randrange(len(words)), good if positive else bad)
        texts.append(" ".join(words))
        truth.append(positive)
    return texts, truth


def test_what_was_learnt_is_right_of_reviews_that_were_not_seen_and_calibrated() -> None:
    texts, truth = world(400, seed=1)
    trained = train(texts, truth, range(len(texts)), configurations=CONFIGURATIONS)
    unseen, expected = world(200, seed=2)

    found = [trained.model.probability(text) for text in unseen]

    assert sum((one > 0.5) == positive for one, positive in zip(found, expected, strict=True)) >= 190
    assert trained.model.weights["great"][1] > 0 > trained.model.weights["NOT_great"][1]
    assert max(trained.accuracies.values()) > 0.9
    assert len(trained.accuracies) == len(CONFIGURATIONS)


def test_the_same_labels_give_the_same_model_with_its_terms_in_their_order() -> None:
    texts, truth = world(200, seed=3)

    one, other = (train(texts, truth, range(len(texts)), configurations=CONFIGURATIONS) for _ in range(2))

    assert one == other
    assert [*one.model.weights] == sorted(one.model.weights)


def test_copies_of_a_review_are_never_on_both_sides_of_a_fold() -> None:
    """Labels are drawn by lot: only who has seen the copy can be right more often than a coin."""
    chance = random.Random(4)
    texts = [" ".join(chance.choice("abcdefghijklmnopqrstuvwxyz") * 3 for _ in range(12)) for _ in range(150)]
    truth = [chance.random() < 0.5 for _ in texts]

    apart = train(texts * 2, truth * 2, [*range(150)] * 2, configurations=CONFIGURATIONS)
    together = train(texts * 2, truth * 2, range(300), configurations=CONFIGURATIONS)

    assert max(apart.accuracies.values()) < 0.65
    assert max(together.accuracies.values()) > 0.8


def test_a_configuration_is_judged_by_the_verdicts_of_its_calibrated_scores() -> None:
    """Four in five labels are positive, by lot: whoever knows no more says so of each. Raw scores said otherwise."""
    chance = random.Random(6)
    texts = [" ".join(chance.choices(NEUTRAL, k=8)) for _ in range(150)]
    truth = [number % 5 > 0 for number in range(150)]

    trained = train(texts, truth, range(150), configurations=CONFIGURATIONS)

    assert [*trained.accuracies.values()] == [0.8, 0.8]


@pytest.mark.parametrize("positives", [0, 9, 40])
def test_labels_of_one_kind_teach_nothing(positives: int) -> None:
    truth = [number < positives for number in range(49 if positives == 40 else 40)]
    with pytest.raises(UntrainableError, match=f"{positives} positive reviews of {len(truth)} are too few"):
        train(["a film"] * len(truth), truth, range(len(truth)), configurations=CONFIGURATIONS)
