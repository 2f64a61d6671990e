"""What is fuzzed: every target takes its own seeds, and fixed changes of them without a finding.

``tests/fuzz.py`` goes on from there for minutes (docs/trust.md).
"""
from collections.abc import Callable
from pathlib import Path
from random import Random

import fuzz_checks as checks
import numpy as np
import pytest
from fuzz_mutators import flip_bytes
from fuzz_targets import TARGETS

from hourglass.errors import DataError, HourglassError

CHANGES = 20


@pytest.mark.parametrize('name', TARGETS)
def test_seeds_and_changed_seeds_are_read_right_or_refused(tmp_path, name, capfd):
    target = TARGETS[name]
    for seed in target.seeds:
        target.check(seed, tmp_path)
    for number in range(CHANGES):
        rng = Random(number)
        target.check(target.mutate(rng.choice(target.seeds), rng,
                                   lambda part, rng=rng: flip_bytes(part, rng)), tmp_path)


@pytest.mark.parametrize('name', TARGETS)
def test_each_seed_is_read_by_a_reader_and_changes_differ(tmp_path, name):
    target = TARGETS[name]
    path = tmp_path / f'fuzzed{target.suffix}'
    for seed in target.seeds:
        path.write_bytes(seed)
        assert any(accepts(check, path) for check in target.checks)
    rng = Random(0)
    changed = {target.mutate(target.seeds[0], rng, lambda part: flip_bytes(part, rng))
               for _ in range(20)}
    assert len(changed) > 10


def accepts(check: Callable[[Path], None], path: Path) -> bool:
    try:
        check(path)
    except HourglassError:
        return False
    return True


def test_a_finding_is_any_error_but_one_line_that_names_the_file(tmp_path):
    path = tmp_path / 'a.json'
    for error in (ValueError('a.json'), DataError('two\na.json'), DataError('b.json')):
        with pytest.raises((AssertionError, ValueError)), checks.refusal(path):
            raise error
    with checks.refusal(path):
        raise DataError(f'{path}: no file of boxes')
    with pytest.raises(AssertionError, match='scale: read 2.0 where the file has 3.0'):
        checks.same(np.float64(2), np.float64(3), 'scale')
