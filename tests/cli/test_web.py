"""The page's command: its errors, and the addresses under which it answers."""
import pytest

from hourglass.cli.web import is_loopback

pytest.importorskip('flask')


@pytest.mark.parametrize(('arguments', 'message'), [
    (('--model', 'lsp-smal'), "no network of that name, did you mean 'lsp-small'"),
    (('--model', 'lsp-small', '--weights', 'mine.pth'), '--model: brings its config and weights'),
    (('--weights', 'mine.pth'), 'mine.pth: no such checkpoint'),
    (('--config', 'gone.py'), 'gone.py: no such config file'),
    (('--port', 99_999), '--port 99999: give 0 to 65535'),
    (('--max-seconds', 0), '--max-seconds 0.0: give more than 0'),
    (('--max-megabytes', 'nan'), '--max-megabytes nan: give more than 0'),
    (('--public-url', 'poses.example'), '--public-url poses.example: give one such as https://'),
    (('--detector', 'yolo'), 'detector yolo: there is none of that name'),
])
def test_wrong_arguments_are_refused_in_one_line(cli, arguments, message):
    with pytest.raises(SystemExit, match=f'^error: .*{message}'):
        cli('web', *arguments)


@pytest.fixture
def served(monkeypatch) -> list:
    """Host, port and test client of every server, which is replaced by one that stops at once."""
    calls = []

    class Server:
        port = 8123

        def serve_forever(self) -> None:
            raise KeyboardInterrupt

    def make_server(host: str, port: int, app, threaded: bool, request_handler: type) -> Server:
        assert request_handler.timeout == 60
        calls.append((host, port, app.test_client()))
        return Server()
    monkeypatch.setattr('werkzeug.serving.make_server', make_server)
    return calls


def test_only_an_open_address_answers_other_names(cli, served, capsys):
    cli('web', '--model', 'flic-small', '--device', 'cpu')
    assert capsys.readouterr().out == 'flic-small: open http://127.0.0.1:8123 (Ctrl+C ends)\n'
    cli('web', '--model', 'flic-small', '--device', 'cpu', '--host', '0.0.0.0')
    assert capsys.readouterr().out.startswith('warning: --host 0.0.0.0: everyone')
    (host, port, local), (_, _, opened) = served
    assert (host, port) == ('127.0.0.1', 8000)
    elsewhere = dict(base_url='http://some.example')
    assert local.get('/about', **elsewhere).status_code == 421
    assert [model['name'] for model in opened.get('/about', **elsewhere).get_json()['models']] == [
        'flic-small']


def test_options_reach_the_page(cli, served, capsys, monkeypatch):
    found = []
    monkeypatch.setattr('hourglass.apis.find_detector',
                        lambda name, device: found.append((name, device)) or print)
    cli('web', '--model', 'flic-small', '--device', 'cpu', '--detector', '--max-megabytes', '2.5',
        '--public-url', 'https://poses.example/demo/')
    output = capsys.readouterr().out
    assert output.startswith('warning: --public-url https://poses.example/demo/: everyone who')
    assert output.endswith('open https://poses.example/demo/ (the proxy asks '
                           'http://127.0.0.1:8123) (Ctrl+C ends)\n')
    assert found == [('hourglass', 'cpu')]
    (_, _, client), = served
    about = client.get('/demo/about', base_url='http://poses.example').get_json()
    assert (about['finds_people'], about['max_bytes']) == (True, 2_500_000)


@pytest.mark.parametrize(('host', 'local'), [
    ('127.0.0.1', True), ('127.0.0.2', True), ('localhost', True), ('::1', True),
    ('0.0.0.0', False), ('::', False), ('192.168.0.7', False), ('', False)])
def test_loopback_addresses_are_recognised(host, local):
    assert is_loopback(host) == local
