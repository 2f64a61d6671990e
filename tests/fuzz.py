"""Fuzz the readers of files, guided by the branches that a file takes in them.

    python tests/fuzz.py image pth --minutes 10

needs Atheris (pip install atheris) on Linux. Findings, the files that raised them, and the corpus
stay in the folder ``--out``, and the next call begins with that corpus.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import atheris

SECONDS = 20                            # for one file
MEMORY = 2**29                          # bytes, for one file
MEMORY_OF_ALL = 4096                    # MiB
INSTRUMENTED = ['hourglass', 'PIL', 'scipy.io', 'torch._weights_only_unpickler', 'torch.serialization',
                'yaml', 'csv', 'zipfile', 'xml.etree', 'json', 'numpy.lib.format']


def fuzz(name: str, out: Path, seconds: int) -> None:
    """Fuzz in this process, until the time is over or a file ends the process."""
    with atheris.instrument_imports(INSTRUMENTED):
        from fuzz_targets import TARGETS
    target, folder = TARGETS[name], Path(tempfile.mkdtemp(dir='/dev/shm'))
    corpus = out / 'corpus'
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f'seed{number}').write_bytes(seed)
    seen: set[str] = set()

    def test(content: bytes) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            target.check(content, folder)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            assert grown * 1024 < MEMORY, f'{grown >> 10} MiB'
        except Exception as error:
            frames = [frame for frame in traceback.extract_tb(error.__traceback__)
                      if 'hourglass' in frame.filename or '/fuzz_' in frame.filename]
            key = f'{type(error).__name__} {[(f.name, f.lineno) for f in frames[-2:]]}'
            if key not in seen:
                seen.add(key)
                label = hashlib.sha256(key.encode()).hexdigest()[:12]
                (out / f'finding-{label}').write_bytes(content)
                (out / f'finding-{label}.txt').write_text(traceback.format_exc())

    def mutate(content: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        return target.mutate(content, rng, lambda part: atheris.Mutate(part, len(part) + 64))[:most]

    atheris.Setup([
        sys.argv[0], str(corpus), f'-max_total_time={seconds}', f'-timeout={SECONDS}',
        f'-rss_limit_mb={MEMORY_OF_ALL}', '-max_len=65536', '-close_fd_mask=3',
        '-print_final_stats=1', f'-artifact_prefix={out}/ended-', '-len_control=0'],
        test, custom_mutator=mutate)
    atheris.Fuzz()


def run(name: str, out: Path, minutes: float) -> dict:
    """Fuzz in processes of its own, one after the other, and return what they did."""
    out.mkdir(parents=True, exist_ok=True)
    end, executions, ended = time.monotonic() + 60 * minutes, 0, 0
    while (left := round(end - time.monotonic())) > 5:
        done = subprocess.run([sys.executable, __file__, name, '--seconds', str(left), '--out', out],
                              capture_output=True, text=True, errors='replace', check=False)
        (out / 'log.txt').write_text(done.stderr)
        found = re.findall(r'number_of_executed_units:\s*(\d+)', done.stderr) or re.findall(
            r'^#(\d+)', done.stderr, re.MULTILINE)
        executions += int(found[-1]) if found else 0
        ended += done.returncode != 0
        if not found and done.returncode:
            sys.exit(done.stderr[-2000:])
    findings = len(list(out.glob('finding-*.txt')))
    return dict(format=name, minutes=minutes, executions=executions, findings=findings,
                crashes_and_hangs=ended)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('formats', nargs='+')
    parser.add_argument('--minutes', type=float, default=10)
    parser.add_argument('--seconds', type=int, help=argparse.SUPPRESS)
    parser.add_argument('--out', type=Path, default=Path('work_dirs/fuzz'))
    given = parser.parse_args()
    if given.seconds:
        fuzz(given.formats[0], given.out, given.seconds)
    for name in given.formats:
        print(json.dumps(run(name, given.out / name, given.minutes)), flush=True)


if __name__ == '__main__':
    main()
