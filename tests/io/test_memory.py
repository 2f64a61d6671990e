"""Memory that was freed is used again, also by another thread."""
import platform
import subprocess
import sys

import pytest

from hourglass.io import memory

PROGRAM = """
import resource, runpy, sys, threading
import numpy as np
for module in sys.argv[1:]:             # alone, as the package imports torch
    runpy.run_path(module)['keep_freed_memory']()
for _ in range(2):                      # 40 MB: more than glibc ever keeps by itself
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    thread = threading.Thread(target=np.ones, args=[5_000_000])
    thread.start()
    thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='the options are those of glibc')
def test_the_same_pages_are_used_again():
    returned, kept = (int(subprocess.run([sys.executable, '-c', PROGRAM, *modules], check=True,
                                         capture_output=True, text=True).stdout)
                      for modules in ([], [memory.__file__]))
    # pages of 2 MB, if the system uses such, are fewer than those of 4 kB
    assert returned > 15 and kept < returned / 3
