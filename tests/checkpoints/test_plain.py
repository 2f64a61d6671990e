"""What our checkpoints hold can be read by every release of torch, and is restored."""
import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from hourglass.checkpoints.loaders import load_from_local
from hourglass.checkpoints.plain import to_plain
from hourglass.datasets.skeletons import SKELETONS


def classes_in(value) -> set[type]:
    parts = (value.values() if isinstance(value, dict)
             else value if isinstance(value, (list, tuple)) else ())
    return {type(value)}.union(*map(classes_in, parts))


def test_a_checkpoint_holds_plain_values_and_mmengine_gets_its_own_back(tmp_path):
    meta = parse_pose_metainfo(SKELETONS['mpii'])
    history = HistoryBuffer([1.0, 3.0], [1, 2], max_length=7)
    plain = to_plain(dict(
        meta=dict(dataset_meta=meta, epoch=np.int64(2), names=np.array(['a'])),
        message_hub=dict(log_scalars=dict(loss=history)), pair=(1, np.zeros(2, np.uint8))))
    assert classes_in(plain) <= {dict, list, tuple, str, int, bool, type(None), torch.Tensor}
    torch.save(plain, tmp_path / 'a.pth')
    assert torch.load(tmp_path / 'a.pth', weights_only=True)['meta']['names'] == ['a']
    found = load_from_local(str(tmp_path / 'a.pth'))
    loss = found['message_hub']['log_scalars']['loss']
    assert loss.mean() == 4 / 3 and loss.max_length == 7 and loss.data[1].dtype == np.int64
    for name, value in meta.items():
        restored = found['meta']['dataset_meta'][name]
        assert type(restored) is type(value) and np.array_equal(restored, value)
        assert getattr(restored, 'dtype', None) == getattr(value, 'dtype', None)
