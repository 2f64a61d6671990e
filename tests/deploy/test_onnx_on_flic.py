"""An exported file and the example that runs it against ``hourglass test``, on FLIC's test set."""
import json
from importlib.util import module_from_spec, spec_from_file_location

import cv2
import numpy as np
import pytest
from conftest import DATA, REPOSITORY, needs
from pairs import zip_equal

from hourglass.checkpoints.names import configs_by_name, weights_by_name
from hourglass.datasets.flic.dataset import FlicDataset
from hourglass.deploy.export import export

pytest.importorskip('onnxruntime')


def load_example():
    spec = spec_from_file_location('run_onnx', REPOSITORY / 'docs/examples/run_onnx.py')
    example = module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'flic')
def test_the_example_finds_and_scores_what_the_test_command_does(cli, tmp_path, monkeypatch,
                                                                capsys):
    monkeypatch.setenv('HOURGLASS_DATA', str(DATA))
    export('flic-small', 'flic-small', tmp_path / 'flic.onnx', decode=True, flip=True)
    cli('test', configs_by_name()['flic-small'], weights_by_name()['flic-small'], '--work-dir',
         tmp_path, '--people', tmp_path / 'people.json', '--out', tmp_path / 'scores.json')
    expected = json.loads((tmp_path / 'people.json').read_text())['people']
    example = load_example()
    loaded = example.load(tmp_path / 'flic.onnx')
    people = FlicDataset(data_root=str(DATA / 'flic'), split='test', test_mode=True, pipeline=[])
    found, offsets = [], []
    for person, tested in zip_equal(people, expected):
        side = person['bbox_scale'][0, 0]
        # the box whose padded square is the data set's crop
        corner = person['bbox_center'][0] + 0.5 - side / 2 / 1.25
        box = (*corner, *corner + side / 1.25)
        keypoints, scores = example.predict(*loaded, cv2.imread(person['img_path']), box)
        found.append(dict(row=tested['row'], keypoints=keypoints.tolist(),
                          scores=scores.tolist()))
        offsets.append(np.abs(keypoints - tested['keypoints']).max(-1) / side * 128)
    offsets = np.array(offsets)                             # (P, K), input px
    assert np.quantile(offsets, 0.999) < 0.01
    assert (offsets > 0.01).sum() <= 5                      # where two peaks have equal heights
    (tmp_path / 'example.json').write_text(json.dumps(
        dict(base=0, joints=json.loads((tmp_path / 'people.json').read_text())['joints'],
             people=found)))
    cli('evaluate', 'flic', '--gt', DATA / 'flic/examples.mat', '--pred', tmp_path / 'example.json',
         '--json', tmp_path / 'example_scores.json')
    ours = json.loads((tmp_path / 'scores.json').read_text())
    theirs = json.loads((tmp_path / 'example_scores.json').read_text())
    with capsys.disabled():
        print(f'\nlargest offset {offsets.max():.2g} px of the input; beyond 0.01: '
              f'{(offsets > 0.01).sum()} of {offsets.size}; elbow {theirs["Elbow"]:.2f}, wrist '
              f'{theirs["Wrist"]:.2f}')
    for name in ('Elbow', 'Wrist', 'Shoulder', 'Hip', 'Face', 'Total'):
        assert theirs[name] == pytest.approx(ours[f'flic/{name}'], abs=1e-6), name
