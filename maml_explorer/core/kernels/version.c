/* Which library this is, and which of its functions this processor runs. */

#include "job.h"

EXPORT int64_t kernels_version(void) { return KERNELS_VERSION; }

EXPORT int64_t kernels_job_bytes(void) { return (int64_t)sizeof(Job); }

EXPORT int kernels_avx2(void) {
#if defined(__x86_64__) || defined(_M_X64)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return 0;
#endif
}
