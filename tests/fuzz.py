"""Fuzz the readers of files, guided by the branches that a file takes in them.

    python tests/fuzz.py image pth --minutes 10

needs Atheris (pip install atheris), on Linux. A folder for each format in ``--out`` keeps the files
that raised an error (``finding-*``, with its traceback) or ended the process (``ended-*``), and the
corpus, with which the next call begins.
"""
from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import random
import re
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import FunctionType, ModuleType

import atheris

with atheris.instrument_imports(['hourglass']):
    from fuzz_targets import TARGETS, Target

SECONDS = 20                            # for one file
MEMORY = 2**29                          # bytes, for one file
MEMORY_OF_ALL = 4096                    # MiB
# others' code that reads files, as far as it is Python
READERS = ('PIL.Image', 'PIL.ImageFile', 'PIL.JpegImagePlugin', 'PIL.PngImagePlugin', 'csv',
           'json.decoder', 'numpy.lib.format', 'scipy.io.matlab._mio', 'scipy.io.matlab._mio4',
           'scipy.io.matlab._mio5', 'torch._utils', 'torch._weights_only_unpickler',
           'torch.serialization', 'xml.etree.ElementTree', 'yaml.composer', 'yaml.constructor',
           'yaml.parser', 'yaml.scanner', 'zipfile')


def instrument(module: ModuleType) -> None:
    """Let Atheris see the branches of a module that is imported already."""
    owners = [module, *(value for value in vars(module).values()
                        if isinstance(value, type) and value.__module__ == module.__name__)]
    for function in (value for owner in owners for value in vars(owner).values()):
        if isinstance(function, FunctionType) and function.__module__ == module.__name__:
            atheris.instrument_func(function)


def fuzz(target: Target, out: Path, seconds: int) -> None:
    """Fuzz until the time is over, or a file ends this process."""
    folder, corpus = Path(tempfile.mkdtemp(dir='/dev/shm')), out / 'corpus'
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f'seed{number}').write_bytes(seed)

    def test(content: bytes) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            target.check(content, folder)
            grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
            assert grown < MEMORY, f'takes {grown >> 20} MiB'
        except Exception as error:
            places = [f'{Path(frame.filename).name}:{frame.lineno}'
                      for frame in traceback.extract_tb(error.__traceback__)
                      if {'hourglass', 'tests'} & set(Path(frame.filename).parts)]
            kind = f'{type(error).__name__} {places[-2:]}'
            label = hashlib.sha256(kind.encode()).hexdigest()[:8]
            if not (out / f'finding-{label}.txt').exists():
                (out / f'finding-{label}').write_bytes(content)
                (out / f'finding-{label}.txt').write_text(traceback.format_exc())

    def mutate(content: bytes, most: int, seed: int) -> bytes:
        return target.mutate(content, random.Random(seed),
                             lambda part: atheris.Mutate(part, len(part) + 64))[:most]

    atheris.Setup([
        sys.argv[0], str(corpus), f'-max_total_time={seconds}', f'-timeout={SECONDS}',
        f'-rss_limit_mb={MEMORY_OF_ALL}', '-max_len=65536', '-len_control=0', '-close_fd_mask=3',
        '-print_final_stats=1', f'-artifact_prefix={out}/ended-'], test, custom_mutator=mutate)
    atheris.Fuzz()


def run(name: str, out: Path, minutes: float) -> dict:
    """Fuzz in processes of its own, one after the other, and return what they did."""
    out.mkdir(parents=True, exist_ok=True)
    start, executions = time.monotonic(), 0
    while (left := round(start + 60 * minutes - time.monotonic())) > 0:
        if (child := os.fork()) == 0:
            log = os.open(out / 'log.txt', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            fuzz(TARGETS[name], out, left)
            os._exit(0)
        os.waitpid(child, 0)
        log = (out / 'log.txt').read_text(errors='replace')
        executions += int((re.findall(r'number_of_executed_units:\s*(\d+)', log)
                           or re.findall(r'^#(\d+)', log, re.MULTILINE) or [0])[-1])
    return dict(format=name, minutes=minutes, executions=executions,
                corpus=len(list((out / 'corpus').iterdir())),
                findings=len(list(out.glob('finding-*.txt'))),
                ended=len(list(out.glob('ended-*'))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('formats', nargs='*', choices=[*TARGETS, []], default=list(TARGETS))
    parser.add_argument('--minutes', type=float, default=10)
    parser.add_argument('--out', type=Path, default=Path('work_dirs/fuzz'))
    given = parser.parse_args()
    for name in READERS:
        instrument(importlib.import_module(name))
    for name in given.formats:
        print(json.dumps(run(name, given.out / name, given.minutes)), flush=True)


if __name__ == '__main__':
    main()
