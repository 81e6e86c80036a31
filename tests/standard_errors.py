"""Statistical comparison with known moments: within 4 standard errors, estimated from the same samples."""

from __future__ import annotations

import numpy as np

SIGMAS = 4.0


def check_mean(samples, expected, sigmas=SIGMAS):
    """Fail unless the mean over the first axis is `expected` within `sigmas` standard errors."""
    samples = np.asarray(samples, dtype=np.float64)
    error = samples.std(axis=0) / np.sqrt(len(samples))
    assert np.all(error > 0), "no spread: this comparison could not fail for the right reason"
    distance = np.abs(samples.mean(axis=0) - expected) / error
    assert np.all(distance < sigmas), f"mean {distance.max():.1f} standard errors off"


def check_variance(samples, expected, sigmas=SIGMAS):
    """Fail unless the variance over the first axis is `expected` within `sigmas` standard errors."""
    samples = np.asarray(samples, dtype=np.float64)
    check_mean((samples - samples.mean(axis=0)) ** 2, expected, sigmas)


def check_covariance(samples, expected, sigmas=SIGMAS):
    """Fail unless all covariances of `samples` (draws, variables) are `expected` within `sigmas` errors."""
    samples = np.asarray(samples, dtype=np.float64)
    samples = samples - samples.mean(axis=0)
    check_mean(samples[:, :, None] * samples[:, None, :], expected, sigmas)
