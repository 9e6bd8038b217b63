"""An alignment that the scans' intensities alone have made, where keypoints say otherwise."""

from __future__ import annotations

from dataclasses import replace

from ..detection.bundle import Card
from ..geometry.alignment import DegenerateError
from ..geometry.transforms import TransformType
from ..geometry.volume import Volume
from .assessment import Circumstances, assess
from .keypoint_fit import expectation, without_fit
from .matching import apart
from .pairs import pair_up
from .result import Registration, SimilarityChange, Trust, TrustLevel
from .rivals import Rival
from .similarity import likeness

_TURNED = 10.0  # degrees that are worth telling


def aligned_by_intensities(found: Registration, rival: Rival, fixed: Volume, moving: Volume, card: Card) -> Registration:
    """The pose of the ``rival``, beside the keypoints of the alignment that was ``found``, none of which carries it.

    How far off it may be is not predicted.  It is never called good, as it is at odds with the keypoints.
    """
    fixed_keypoints, moving_keypoints = found.fixed_keypoints, found.moving_keypoints
    pose = rival.moving_to_fixed
    turned = apart(pose, found.moving_to_fixed)
    said = "The keypoints agree too little with each other to align the scans by."
    if turned > _TURNED:
        said = f"The scans look more alike turned by {turned:.0f}° from where the keypoints have them."
    aligned = without_fit(
        pose,
        TransformType.RIGID,
        fixed_keypoints,
        moving_keypoints,
        pair_up(fixed_keypoints, moving_keypoints),
        expectation(card, fixed_keypoints, moving_keypoints),
        DegenerateError(said),
    )
    after = likeness(fixed, moving, pose, fixed_keypoints.positions if found.of_one_person else None)
    similarity = SimilarityChange(found.similarity.before, after)
    circumstances = Circumstances(similarity, similarity, unfamiliar=found.unfamiliar)
    result = assess(fixed_keypoints, moving_keypoints, aligned, pose, found.requested_type, circumstances)
    if rival.clear:
        trust = Trust(TrustLevel.CHECK, (said, "They were aligned by intensities alone: look whether they fit."))
    else:
        unsure = "They were aligned by intensities alone, and another pose looks nearly as good."
        trust = Trust(TrustLevel.DO_NOT_TRUST, (said, unsure))
    return replace(
        result,
        trust=trust,
        refined=True,
        device=found.device,
        model=found.model,
        seconds=found.seconds,
        warnings=found.warnings,
        fixed_heatmaps=found.fixed_heatmaps,
        moving_heatmaps=found.moving_heatmaps,
    )
