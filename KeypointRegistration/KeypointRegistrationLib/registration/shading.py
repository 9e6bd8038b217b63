"""How much brighter coils make one scan than another, from place to place, as far as a smooth field tells it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .mutual_information import BINS

_ROUNDS = 3  # the value that each fixed value goes with depends on the field, and the field on it
_STRONGEST = 2.0  # what would be brighter by more is no shading
_SURPRISING = 4.0  # medians: what differs by more shows something else
_LEAST_SPREAD = 0.1  # of all values: rare ones seem to differ less than that
_RIDGE = 1e-6  # of the mean squared weight of a term


def shading(first: NDArray, second: NDArray, where: NDArray) -> NDArray[np.float64]:
    """The coefficients (9,) of a field, for ``shading_at``, by which one scan's values are brighter than they should be.

    A value ``second`` (n,) at a place ``where`` (n, 3) should be the median of those that go with the same value of the
    other scan, whose ``first`` (n,) are places in bins (``mutual_information.Bins``).  What differs from it smoothly, as a
    polynomial of the second order, is fitted by least squares, each value weighed by how little its like differ; those
    that differ surprisingly are left out.
    """
    terms = _terms(where)
    order = np.argsort(np.rint(first), kind="stable")
    ends = np.searchsorted(np.rint(first)[order], np.arange(1, BINS))
    bins = [part for part in np.split(order, ends) if len(part)]
    typical, weight = np.empty(len(second)), np.empty(len(second))
    coefficients = np.zeros(terms.shape[1])
    for _ in range(_ROUNDS):
        evened = second / _bounded(terms, coefficients)
        least = _LEAST_SPREAD * evened.std() + 1e-30
        for part in bins:
            typical[part] = np.median(evened[part])
            weight[part] = 1 / max(np.median(np.abs(evened[part] - typical[part])), least)
        surprise = np.abs(evened - typical) * weight
        fits = surprise <= _SURPRISING * np.median(surprise)
        system = terms[fits] * (typical * weight)[fits, None]
        normal = system.T @ system
        normal += np.eye(len(normal)) * (_RIDGE * np.trace(normal) / len(normal) + 1e-30)
        coefficients = np.linalg.solve(normal, system.T @ ((second - typical) * weight)[fits]).astype(float)
    return coefficients


def shading_at(coefficients: NDArray, where: NDArray) -> NDArray[np.float64]:
    """How many times too bright (n,) values at places ``where`` (n, 3) are."""
    return _bounded(_terms(where), coefficients)


def _bounded(terms: NDArray, coefficients: NDArray) -> NDArray[np.float64]:
    return np.clip(1 + terms @ coefficients, 1 / _STRONGEST, _STRONGEST)


def _terms(where: NDArray) -> NDArray[np.float64]:
    """The nine terms (n, 9) of first and second order."""
    x, y, z = where.astype(float).T
    return np.stack([x, y, z, x * x, y * y, z * z, x * y, x * z, y * z], axis=1)
