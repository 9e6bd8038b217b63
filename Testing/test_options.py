"""Options said in words: by the command line, by a message to the worker, by a script."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.transforms import TransformType
from KeypointRegistrationLib.registration.options import KeypointChoice, RegistrationOptions
from samples import sample_matrix


def test_no_words_are_the_default_options() -> None:
    said, default = RegistrationOptions.from_words(), RegistrationOptions()
    assert vars(said) == vars(default)


def test_every_word_is_heard() -> None:
    words = {"model": "other", "transform": "rigid", "refine": False, "device": "cpu", "heatmaps": True}
    options = RegistrationOptions.from_words(**words, initial=sample_matrix().tolist())
    np.testing.assert_array_equal(options.initial, sample_matrix())
    heard = (options.model, options.transform_type, options.refine, options.device, options.heatmaps)
    assert heard == ("other", TransformType.RIGID, False, "cpu", True)


@pytest.mark.parametrize(
    ("word", "meaning"), [("all", KeypointChoice.ALL), ("auto", KeypointChoice.AUTO), ("6", 6), ("40", 40)]
)
def test_keypoints_are_chosen_by_a_word_or_a_number(word: str, meaning: KeypointChoice | int) -> None:
    assert RegistrationOptions.from_words(keypoints=word).keypoints == meaning


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"transform": "elastic"}, "elastic is not a type of transform. Choose rigid, similarity, affine."),
        ({"device": "abacus"}, "abacus is not a device. Choose auto, cpu, cuda, mps."),
        ({"keypoints": "some"}, "some does not say which keypoints to use. Choose all, auto, or a number of at least 6."),
        ({"keypoints": "5"}, "5 does not say which keypoints to use."),
        ({"keypoints": "-8"}, "-8 does not say which keypoints to use."),
        ({"initial": [[1.0, 0.0], [0.0, 1.0]]}, "The initial transform is not a 4×4 matrix"),
        ({"initial": np.full((4, 4), np.nan)}, "The initial transform is not a 4×4 matrix"),
    ],
)
def test_words_without_a_meaning_are_a_sentence(words: dict, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        RegistrationOptions.from_words(**words)
    assert str(refused.value).startswith(sentence)
