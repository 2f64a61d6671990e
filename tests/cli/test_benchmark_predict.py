"""A folder is predicted in turns, and the table has every part."""
import json

import cv2
import numpy as np
import pytest

from hourglass.analysis.prediction_speed import PARTS


def test_the_parts_are_printed_and_written(cli, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((40, 50, 3), 99, np.uint8))
    cli('benchmark', 'predict', tmp_path, '--whole-image', '--no-flip', '--rounds', 1,
        '--json', tmp_path / 'found.json')
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == '1 image with 1 person'
    assert all(any(line.startswith(f'| {part} |') for line in lines) for part in PARTS)
    assert json.loads((tmp_path / 'found.json').read_text())['speed']['people'] == 1
    with pytest.raises(SystemExit, match='--rounds 0: give 1 or more'):
        cli('benchmark', 'predict', tmp_path, '--whole-image', '--rounds', 0)
