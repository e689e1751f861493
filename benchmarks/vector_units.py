"""Rate of the vector units: products and sums in registers alone, in a few lines of C."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

SOURCE = """
#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#define BYTES 32
#else
#define BYTES 16
#endif
typedef float vec __attribute__((vector_size(BYTES)));
/* twelve sums, so that none waits for itself; the operations done */
long work(long rounds, float *out) {
  vec a = (vec){0} + 0.5f, b = (vec){0} + 1, sum[12], all = {0};
  for (int i = 0; i < 12; i++) sum[i] = a * (float)i;
  for (long k = 0; k < rounds; k++)
    _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++) sum[i] = sum[i] * a + b;
  for (int i = 0; i < 12; i++) all += sum[i];
  *out = all[0];
  return rounds * 12 * 2 * (long)(BYTES / sizeof(float));
}
"""


def rate(turns: int = 300) -> float | None:
    """Operations per second of one core, float32, in the fastest turn; None without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "units.c"), Path(folder, "units.library")
        source.write_text(SOURCE)
        command = [compiler, "-O2", "-ffp-contract=fast", "-shared", "-fPIC", source, "-o", library]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
        work = ctypes.CDLL(str(library)).work
        work.restype, work.argtypes = ctypes.c_long, (ctypes.c_long, ctypes.c_void_p)
        out, best = ctypes.c_float(), 0.0
        for _ in range(turns):
            begin = time.perf_counter()
            done = work(20_000, ctypes.addressof(out))
            best = max(best, done / (time.perf_counter() - begin))
    return best
