"""The part that commands that prepare data sets share."""
import argparse

import pytest

from hourglass.cli.preparing import add_verify_arguments


@pytest.mark.parametrize('workers', ['0', '-1', '1.5', 'x'])
def test_a_number_of_threads_below_1_is_refused(workers, capsys):
    parser = argparse.ArgumentParser()
    add_verify_arguments(parser)
    assert parser.parse_args(['--workers', '3']).workers == 3
    with pytest.raises(SystemExit):
        parser.parse_args([f'--workers={workers}'])
    assert f'{workers}, a whole number from 1 needed' in capsys.readouterr().err
