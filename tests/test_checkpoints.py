"""Other projects' checkpoints give their own outputs in our network."""
import numpy as np
import pytest
import torch
from conftest import GOLDEN, needs

from hourglass import StackedHourglass
from hourglass.checkpoints import FAMILIES, _tensor_names, import_checkpoint
from hourglass.errors import CheckpointError


@needs(GOLDEN)
@pytest.mark.data
@pytest.mark.parametrize(('folder', 'family', 'dead'), [
    ('princeton_2stack', 'princeton', 58),      # skip layers it makes and never calls
    ('bearpaw_2stack', 'bearpaw', 0)])
def test_golden_checkpoints_give_their_heatmaps(folder, family, dead):
    network, report = import_checkpoint(GOLDEN / folder / 'checkpoint.pth')
    recorded = np.load(GOLDEN / folder / 'io.npz')
    with torch.no_grad():
        outputs = network(torch.from_numpy(recorded['images']))
    assert len(outputs) == len(recorded['heatmaps']) == 2
    for output, expected in zip(outputs, recorded['heatmaps'], strict=True):
        assert np.abs(output.numpy() - expected).max() < 1e-5 * np.abs(expected).max()
    assert report['family'] == family
    assert len(report['dropped']) == dead


@pytest.mark.parametrize('family', FAMILIES, ids=lambda family: family.name)
@pytest.mark.parametrize('prefix', ['', 'module.', 'backbone.module.'])
def test_sizes_are_recognised_behind_any_prefix(tmp_path, family, prefix):
    sizes = dict(num_stacks=3, channels=16, num_keypoints=5, depth=3, stem_channels=(4, 8, 12))
    if family.name == 'bearpaw':
        sizes['blocks_per_scale'] = 2
    network = StackedHourglass(**sizes).eval()
    values = network.state_dict()
    torch.save({'state_dict': {prefix + theirs: values[ours]
                               for ours, theirs in _tensor_names(network, family)}},
               tmp_path / 'weights.pth')
    imported, report = import_checkpoint(tmp_path / 'weights.pth')
    images = torch.rand(1, 3, 32, 32)
    assert report['config'] == sizes
    assert all(torch.equal(a, b) for a, b in zip(imported(images), network(images), strict=True))


@pytest.mark.parametrize(('content', 'message'), [
    ({'state_dict': {'a.weight': torch.zeros(1), 'b.weight': torch.zeros(1)}}, 'none of the known'),
    ({'epoch': 3}, 'no state dict'),
    ([1, 2], 'no state dict'),
    ({'pre.0.conv.weight': torch.zeros(1), 'x.y': torch.zeros(1)}, 'princeton'),
])
def test_other_checkpoints_are_refused_with_their_name(tmp_path, content, message):
    path = tmp_path / 'other.pth'
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=message) as error:
        import_checkpoint(path)
    assert str(path) in str(error.value)


def test_missing_torn_and_malicious_files_are_refused(tmp_path):
    class Malicious:
        def __reduce__(self):
            return (open, (str(tmp_path / 'trace'), 'w'))
    torch.save(torch.zeros(1000), tmp_path / 'torn.pth')
    torn = (tmp_path / 'torn.pth').read_bytes()[:700]
    (tmp_path / 'torn.pth').write_bytes(torn)
    torch.save({'state_dict': Malicious()}, tmp_path / 'malicious.pth')
    for name in ('missing.pth', 'torn.pth', 'malicious.pth'):
        with pytest.raises(CheckpointError, match=name):
            import_checkpoint(tmp_path / name)
    assert not (tmp_path / 'trace').exists()
