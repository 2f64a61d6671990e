"""Serve the demo page, then open http://127.0.0.1:8000 in a browser."""
import argparse
import ipaddress
import math
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from hourglass.cli.arguments import add_detector_argument
from hourglass.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--model', metavar='NAME',
                        help='flic, flic-small, flic-small4, lsp-small, people or people-small; '
                        'default: all')
    parser.add_argument('--config', help='config file of another network')
    parser.add_argument('--weights', help='checkpoint; without --config a file that describes '
                        'itself, or a name; default: that of the config')
    add_detector_argument(parser, 'what the button "Find people" runs, as for hourglass predict')
    parser.add_argument('--max-megabytes', type=float, default=64, metavar='MB',
                        help='of an uploaded image or video; default %(default)s')
    parser.add_argument('--max-seconds', type=float, default=30, metavar='S',
                        help='of a video, from its start; default %(default)s')
    parser.add_argument('--public-url', metavar='URL',
                        help='address of the page behind a proxy, such as https://host/path/')
    parser.add_argument('--host', default='127.0.0.1',
                        help='address to listen on; default %(default)s: for this machine alone')
    parser.add_argument('--port', type=int, default=8000, help='default %(default)s; 0: a free one')
    parser.add_argument('--device', help='as for torch.device; default: the accelerator, else cpu')


def _load_models(args: argparse.Namespace) -> dict:
    """Load the page's models by name, the default one first."""
    from hourglass.apis import init_model  # takes seconds, not for --help
    from hourglass.checkpoints.names import weights_by_name
    if args.model and (args.config or args.weights):
        raise ConfigError('--model: brings its config and weights; leave out --config, --weights')
    if args.config or args.weights:
        return {Path(args.config or args.weights).stem: init_model(
            args.config or args.weights, args.weights, args.device)}
    # in reverse order the network of the whole body, which the examples show, is the first
    names = [args.model] if args.model else sorted(weights_by_name(), reverse=True)
    return {name: init_model(name, device=args.device) for name in names}


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == 'localhost'


def run(args: argparse.Namespace) -> None:
    try:
        from werkzeug.serving import WSGIRequestHandler, make_server

        from hourglass.web.app import LOOPBACK, create_app
    except ModuleNotFoundError as error:
        if error.name not in ('flask', 'werkzeug'):
            raise
        raise ConfigError(f'the page needs {error.name}: pip install flask') from None
    from hourglass.apis import find_detector
    if not 0 <= args.port < 1 << 16:
        raise ConfigError(f'--port {args.port}: give 0 to 65535')
    for name in ('max_megabytes', 'max_seconds'):
        if not 0 < getattr(args, name) < math.inf:
            raise ConfigError(f"--{name.replace('_', '-')} {getattr(args, name)}: give more than 0")
    public = urlsplit(args.public_url or 'http://host')
    if public.scheme not in ('http', 'https') or not public.hostname or public.query:
        raise ConfigError(f'--public-url {args.public_url}: give one such as https://host/path/')
    hosts = (*LOOPBACK, args.host) if is_loopback(args.host) else None
    if hosts is None or args.public_url:
        option = f'--public-url {args.public_url}' if args.public_url else f'--host {args.host}'
        print(f'warning: {option}: everyone who reaches this address can use the page; it has no '
              'password and no encryption of its own', flush=True)
    detector = find_detector(args.detector, device=args.device) if args.detector else None
    models = _load_models(args)
    app = create_app(models, hosts, detector, args.public_url, args.max_megabytes,
                     args.max_seconds)
    with suppress(KeyboardInterrupt):
        handler = type('Handler', (WSGIRequestHandler,), dict(timeout=60))      # s of silence
        server = make_server(args.host, args.port, app, threaded=True, request_handler=handler)
        name = f'[{args.host}]' if ':' in args.host else args.host
        address = f'http://{name}:{server.port}'
        if args.public_url:
            address = f'{args.public_url} (the proxy asks {address})'
        print(f"{', '.join(models)}: open {address} (Ctrl+C ends)", flush=True)
        server.serve_forever()
