"""The report command refuses a file name before it tests the network."""
import pytest
from mmengine.runner import Runner
from tiny_network import write_tiny_network


def test_a_file_of_another_format_is_refused_before_anything_is_run(cli, tmp_path, monkeypatch):
    monkeypatch.setattr(Runner, 'from_cfg', lambda cfg: pytest.fail('the network was tested'))
    config, checkpoint = write_tiny_network(tmp_path)
    with pytest.raises(SystemExit, match=r'report\.txt: name an \.html file'):
        cli('report', config, checkpoint, tmp_path / 'report.txt')
