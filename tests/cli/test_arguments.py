"""Options of the network's speed, as the runtimes take them."""
import argparse

import pytest

from hourglass.cli import benchmark_predict, predict, web
from hourglass.cli.arguments import (
    add_launcher_arguments,
    add_run_arguments,
    add_speed_arguments,
    speed_options,
)
from hourglass.errors import ConfigError


def options(*words: str) -> dict:
    parser = argparse.ArgumentParser()
    add_launcher_arguments(parser)
    add_speed_arguments(parser)
    return speed_options(parser.parse_args(words))


def test_without_options_nothing_changes():
    assert options() == {}


def test_the_number_of_stacks_becomes_a_0_based_stage():
    assert options('--stages', '2') == dict(optimize='none', stage=1, exit_tolerance=None)
    assert options('--optimize', 'fuse', '--exit-tolerance', '0.5') == dict(
        optimize='fuse', stage=None, exit_tolerance=0.5)


@pytest.mark.parametrize('command', [predict, benchmark_predict, web])
def test_a_detector_without_a_name_is_that_of_the_package(command):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    found = [parser.parse_known_args(['a.jpg', *words])[0].detector
             for words in ([], ['--detector'], ['--detector', 'hog'])]
    assert found == [None, 'hourglass', 'hog']


@pytest.mark.parametrize('words', [['a.py', '--cfg-options', 'lr'],
                                   ['--cfg-options', 'a=1', 'lr']])
def test_an_option_of_the_config_without_a_value_is_named(words, capsys):
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(words)
    assert '--cfg-options lr: no KEY=VALUE; a config comes before the options' in (
        capsys.readouterr().err)


def test_a_text_of_an_option_of_the_config_keeps_its_spaces():
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    found = parser.parse_args(['a.py', '--cfg-options', 'load_from=/my data/a.pth', 'a="b  c"',
                               'b=[1, 2]', 'c= 3 ', 'd=(x, y)', 'e=a=b c']).cfg_options
    assert found == dict(load_from='/my data/a.pth', a='b  c', b=[1, 2], c=3, d=('x', 'y'),
                         e='a=b c')


@pytest.mark.parametrize(('words', 'message'), [
    (('--stages', '0'), '--stages 0: give 1 or more'),
    (('--optimize', 'auto', '--launcher', 'pytorch'), 'name one, such as fuse')])
def test_options_without_a_meaning_are_refused(words, message):
    with pytest.raises(ConfigError, match=message):
        options(*words)
