"""Model cards and metafiles state the sizes that their configs have, and name existing files."""
import re
from functools import cache
from pathlib import Path

import pytest
import yaml
from conftest import COUNTS_MACS, REPOSITORY

from hourglass.analysis import size
from hourglass.checkpoints.names import find_weights

CONFIGS = REPOSITORY / 'configs'
size_of = cache(size.size_of)            # cards and metafiles name the same configs
CARDS = [card for card in sorted(CONFIGS.glob('*/README.md')) if '| GMACs |' in card.read_text()]
_ROW = re.compile(r'^\| `([\w/.-]+)` \| (\d+) \| ([\d,]+) \| ([\d.]+) \|', re.MULTILINE)


def rows(card: Path) -> dict[Path, list[str]]:
    """Input side, parameters and GMACs of every config in a card."""
    return {(card.parent / f'{name}.py').resolve(): row
            for name, *row in _ROW.findall(card.read_text())}


@COUNTS_MACS
@pytest.mark.slow
@pytest.mark.parametrize('card', CARDS, ids=lambda card: card.parent.name)
def test_a_card_states_the_size_of_every_config_beside_it(card):
    stated = rows(card)
    # a name with underscores is that of a twin in mmengine's new style
    beside = {path for path in card.parent.glob('*-*.py') if '-test-' not in path.stem}
    assert beside <= set(stated)
    for config, (side, parameters, gmacs) in stated.items():
        found, macs = size_of(config)
        assert f'{found:,}' == parameters, config
        assert f'{macs / 1e9:.2f}' == gmacs, config
        assert config.stem.endswith(f'-{side}x{side}')


METAFILES = yaml.safe_load((REPOSITORY / 'model-index.yml').read_text())['Import']
CONTENTS = [yaml.safe_load((REPOSITORY / path).read_text()) for path in METAFILES]
MODELS = [model for content in CONTENTS for model in content['Models']]


@COUNTS_MACS
@pytest.mark.slow
@pytest.mark.parametrize('model', MODELS, ids=lambda model: model['Name'])
def test_a_metafile_states_what_is_true_of_its_config(model):
    parameters, macs = size_of(REPOSITORY / model['Config'])
    assert model['Metadata']['Parameters'] == parameters
    assert model['Metadata']['MACs'] == macs
    assert model['Name'] in (Path(model['Config']).stem, model.get('Weights', '//')[12:-1])
    if 'Weights' in model:
        assert find_weights(model['Weights']).is_file()
        assert model['Results'][0]['Metrics']


def test_the_index_has_every_metafile_and_names_are_unique():
    assert sorted(METAFILES) == sorted(
        path.relative_to(REPOSITORY).as_posix() for path in CONFIGS.rglob('metafile.yml'))
    assert len({model['Name'] for model in MODELS}) == len(MODELS)
    collections = {collection['Name'] for content in CONTENTS
                   for collection in content.get('Collections', [])}
    assert {model['In Collection'] for model in MODELS} == collections
    for content in CONTENTS:
        for collection in content.get('Collections', []):
            assert (REPOSITORY / collection['README']).is_file()
