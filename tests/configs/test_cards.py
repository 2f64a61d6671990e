"""The model cards tell the sizes their configs have, and name files that are there."""
import re
from functools import cache

import pytest
import yaml
from conftest import REPOSITORY

from hourglass.checkpoints.names import find_weights
from hourglass.analysis import size

CONFIGS = REPOSITORY / 'configs'
size_of = cache(size.size_of)            # the index names what the cards do
CARDS = [card for card in sorted(CONFIGS.glob('*/README.md')) if '| GMACs |' in card.read_text()]
_ROW = re.compile(r'^\| `([\w/.]+)` \| (\d+) \| ([\d,]+) \| ([\d.]+) \|', re.MULTILINE)


def rows(card) -> dict:
    return {(card.parent / f'{name}.py').resolve(): row
            for name, *row in _ROW.findall(card.read_text())}


@pytest.mark.parametrize('card', CARDS, ids=lambda card: card.parent.name)
def test_a_card_tells_the_size_of_every_config_beside_it(card):
    told = rows(card)
    beside = set(card.parent.glob('*.py')) - {card.parent / 'td-hm_hourglass8-paper_mpii-test-256x256.py'}
    assert beside <= set(told)
    for config, (side, parameters, gmacs) in told.items():
        found, macs = size_of(config)
        assert f'{found:,}' == parameters, config
        assert f'{macs / 1e9:.2f}' == gmacs, config
        assert f'_{side}_' in config.stem or config.stem == 'synthetic'


def test_the_index_names_what_is_there():
    index = yaml.safe_load((REPOSITORY / 'model-index.yml').read_text())
    names = []
    for metafile in index['Import']:
        content = yaml.safe_load((REPOSITORY / metafile).read_text())
        for model in content['Models']:
            names.append(model['Name'])
            config = REPOSITORY / model['Config']
            parameters, macs = size_of(config)
            assert model['Metadata']['Parameters'] == parameters
            assert model['Metadata']['MACs'] == macs
            if 'Weights' in model:
                assert find_weights(model['Weights']).is_file()
    assert len(names) == len(set(names))
