/* 64-bit reals in vectors of AVX2. Nothing on other processors. */
#if defined(__x86_64__) || defined(_M_X64)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define REAL_BITS 64
#define VECTOR 32
#define NAME(function) function##_f64_avx2
#include "meta.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
