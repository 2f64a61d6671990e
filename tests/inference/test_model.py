"""A trained network by name, by config, with weights that fit; anything else in one line."""
import pytest
from mmengine.config import Config
from mmengine.registry import MODELS

from hourglass.checkpoints.names import configs_by_name
from hourglass.errors import CheckpointError, ConfigError
from hourglass.inference.model import load_model


def test_a_name_brings_its_weights_and_its_keypoints():
    model = load_model('flic-small', device='cpu')
    assert not model.training
    assert model.dataset_meta['dataset_name'] == 'flic'
    assert model.cfg.filename == str(configs_by_name()['flic-small'])


def test_a_config_names_it_as_a_trained_model():
    model = MODELS.build(dict(type='hourglass.TrainedModel', config='lsp-small', device='cpu'))
    assert model.dataset_meta['num_keypoints'] == 14


def test_names_and_weights_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="no network of that name, did you mean 'flic-small'"):
        load_model('flic-smal')
    with pytest.raises(ConfigError, match='comes without weights; name a checkpoint, or take one'):
        load_model('td-hm_hourglass8-paper_mpii-256x256')
    with pytest.raises(CheckpointError, match='a checkpoint of another network'):
        load_model('flic-small', 'lsp-small')
    with pytest.raises(CheckpointError, match='with weights: flic-small, flic-small4, lsp-small'):
        load_model('flic-small', 'none.pth')


def test_the_network_and_the_data_set_have_as_many_keypoints():
    cfg = Config.fromfile(configs_by_name()['flic-small'])
    cfg.test_dataloader.dataset.type = 'hourglass.LspDataset'
    with pytest.raises(ConfigError, match="has 11 keypoints and test_dataloader's data set 14"):
        load_model(cfg, 'flic-small')
