/* 64-bit reals in vectors of 128 bits, which every processor of today has: SSE2, NEON. */
#define REAL_BITS 64
#define VECTOR 16
#define NAME(function) function##_f64_portable
#include "meta.h"
