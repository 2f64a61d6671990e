"""Write the API reference from the docstrings: python docs/build_api.py [OUT]"""
from __future__ import annotations

import argparse
import pkgutil
import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pdoc
import pdoc.docstrings
import pdoc.render

import hourglass
from hourglass.cli.errors import one_line_errors
from hourglass.errors import DataError

_ROLE = re.compile(r':[a-z]+:`[~.]?([\w.]+)`')         # :func:`hourglass.apis.predict`


def modules() -> list[str]:
    """List the package and its public modules by name."""
    found = pkgutil.walk_packages(hourglass.__path__, 'hourglass.')
    return ['hourglass', *(module.name for module in found if '._' not in module.name)]


def write(folder: Path) -> None:
    """Write a page for each module, and an index.

    Raises:
        DataError: if a page cannot be written.
    """
    google = pdoc.docstrings.google         # our sections are Google's, our references Sphinx's
    pdoc.docstrings.google = lambda text: google(_ROLE.sub(r'`\1`', text).replace('``', '`'))
    pdoc.render.configure(docformat='google', show_source=True, footer_text=(
        f'mmpose-hourglass {hourglass.__version__}'))
    names = modules()
    for name in names:
        import_module(name)                 # pdoc would warn of a broken module and go on
    try:
        pdoc.pdoc(*names, output_directory=folder)
    except OSError as error:
        raise DataError(f'{folder}: cannot be written ({error.strerror})') from None


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description='Write the API reference from the docstrings')
    parser.add_argument('out', nargs='?', type=Path, default=Path('docs/api'),
                        help='folder; default docs/api')
    args = parser.parse_args(argv)
    with one_line_errors():
        write(args.out)
    print(f'written: {args.out}/index.html')


if __name__ == '__main__':
    main()
