import numpy as np
import pytest


@pytest.fixture
def poses(rng) -> np.ndarray:
    return rng.uniform(1, 150, (2000, 14, 2))
