"""Make the C library keep freed memory for the next request: glibc, so Linux; nothing happens elsewhere.

A training step asks for its intermediate values in pieces of about a megabyte and gives them back. glibc
then returns them to the system, and every page of the next request faults: 2 000 times in a step of the
default network, which is a sixth to a fifth of its time on a processor.
"""

import contextlib
import ctypes
import os

#: Bytes of free memory that the main arena may keep, and the arena of any other thread: glibc heeds the first
#: for the main arena alone, and the second is as large as a piece of the others gets.
KEPT, PAD = 256 * 2**20, 64 * 2**20
#: Requests below this many bytes come out of what is kept; glibc takes no larger number.
SMALL = 32 * 2**20
#: Parameters of mallopt(3) and the variables by which users set them.
_OPTIONS = {
    -1: ("MALLOC_TRIM_THRESHOLD_", KEPT),
    -2: ("MALLOC_TOP_PAD_", PAD),
    -3: ("MALLOC_MMAP_THRESHOLD_", SMALL),
}

_CHOSEN = any(name in os.environ for name, _ in _OPTIONS.values())
if not _CHOSEN and "glibc.malloc" not in os.environ.get("GLIBC_TUNABLES", ""):
    with contextlib.suppress(OSError, AttributeError):  # another library, or none that can be told
        _libc = ctypes.CDLL("libc.so.6")
        for _number, (_, _bytes) in _OPTIONS.items():
            _libc.mallopt(_number, _bytes)
