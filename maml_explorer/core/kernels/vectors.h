/* Vectors of reals, and σ, σ', σ'' on them. REAL_BITS and VECTOR (bytes) say which. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#if REAL_BITS == 32
typedef float real;
#define SQRT sqrtf
typedef int32_t integer;
#define MANTISSA 23
#define BIAS 127
#define MAGIC 12582912.0f /* 1.5 · 2^23: adding it rounds to an integer in the lowest bits */
#define EXP_MOST 87.0f
#define EXP_TERMS 7
#define LOG_TERMS 7
#define TURN_TERMS 5
#define TURN_MOST 4000.0f
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f
#define TURN_1 1.5703125f
#define TURN_2 4.837512969970703125e-4f
#define TURN_3 7.54978995489188216e-8f
#else
typedef double real;
#define SQRT sqrt
typedef int64_t integer;
#define MANTISSA 52
#define BIAS 1023
#define MAGIC 6755399441055744.0
#define EXP_MOST 708.0
#define EXP_TERMS 14
#define LOG_TERMS 17
#define TURN_TERMS 9
#define TURN_MOST 1e5
#define LN2_HIGH 6.93145751953125e-1
#define LN2_LOW 1.42860682030941723212e-6
#define TURN_1 1.57079632673412561417
#define TURN_2 6.07710050630396597660e-11
#define TURN_3 2.02226624879595063154e-21
#endif

#define LANES (VECTOR * 8 / REAL_BITS)
#define INLINE static inline __attribute__((always_inline))

typedef real vec __attribute__((vector_size(VECTOR), may_alias));
typedef integer bits __attribute__((vector_size(VECTOR), may_alias));

INLINE vec all(real value) { return value - (vec){0}; }
INLINE vec at(const real *p) { return *(const vec *)p; }
INLINE void put(real *p, vec value) { *(vec *)p = value; }
INLINE vec pick(bits where, vec yes, vec no) {
  return (vec)((where & (bits)yes) | (~where & (bits)no));
}
INLINE real total_of(vec v) {
  real sum = 0;
  for (int i = 0; i < LANES; i++) sum += v[i];
  return sum;
}
INLINE int padded(int width) { return (width + LANES - 1) / LANES * LANES; }

#if defined(__clang__) || __GNUC__ >= 12
#define MIX(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MIX(a, b, ...) __builtin_shuffle(a, b, (bits){__VA_ARGS__})
#endif
#if LANES == 8
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#elif LANES == 4
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#else
#define LOW 0, 2
#define HIGH 1, 3
#endif

/* out[column][row] = in[row][column]; rows beyond the last are 0. Each round of interleaving moves
   one bit of the row's number into the column's. */
static void transpose(const real *in, int rows, int columns, real *out, int out_row) {
  for (int row = 0; row < rows; row += LANES)
    for (int column = 0; column < columns; column += LANES) {
      vec now[LANES], next[LANES];
      for (int i = 0; i < LANES; i++)
        now[i] = row + i < rows ? at(in + (long)(row + i) * columns + column) : all(0);
      for (int round = 1; round < LANES; round *= 2) {
        for (int i = 0; i < LANES / 2; i++) {
          next[2 * i] = MIX(now[i], now[i + LANES / 2], LOW);
          next[2 * i + 1] = MIX(now[i], now[i + LANES / 2], HIGH);
        }
        memcpy(now, next, sizeof now);
      }
      for (int i = 0; i < LANES; i++) put(out + (long)(column + i) * out_row + row, now[i]);
    }
}

/* e^x = scale (1 + result), so that e^x − 1 is exact near 0 as well. NaN stays NaN. */
INLINE vec exp_parts(vec x, vec *scale) {
  x = pick(x > EXP_MOST, all(EXP_MOST), x);
  x = pick(x < -EXP_MOST, all(-EXP_MOST), x);
  vec shifted = x * (real)1.44269504088896340736 + MAGIC, n = shifted - MAGIC;
  vec r = (x - n * LN2_HIGH) - n * LN2_LOW, sum = all(1);
#pragma GCC unroll 16
  for (int i = EXP_TERMS; i > 1; i--) sum = 1 + sum * r * ((real)1 / i);
  *scale = (vec)(((bits)shifted - (bits)all(MAGIC) + BIAS) << MANTISSA);
  return sum * r;
}

/* log(1 + t) for t in [0, 1], as 2 artanh(t / (2 + t)). */
INLINE vec log_1p(vec t) {
  vec u = t / (2 + t), square = u * u, sum = all((real)1 / (2 * LOG_TERMS + 1));
#pragma GCC unroll 20
  for (int i = LOG_TERMS - 1; i >= 0; i--) sum = (real)1 / (2 * i + 1) + sum * square;
  return 2 * u * sum;
}

/* Sine and cosine: x = n π/2 + r. Where x is large, lane by lane by the library. */
INLINE void turn(vec x, vec *sine, vec *cosine) {
  vec shifted = x * (real)0.63661977236758134308 + MAGIC, n = shifted - MAGIC;
  vec r = ((x - n * TURN_1) - n * TURN_2) - n * TURN_3, square = r * r;
  vec s = all(1), c = all(1);
#pragma GCC unroll 16
  for (int i = TURN_TERMS; i > 0; i--) {
    s = 1 - s * square * ((real)1 / ((2 * i) * (2 * i + 1)));
    c = 1 - c * square * ((real)1 / ((2 * i) * (2 * i - 1)));
  }
  s = s * r;
  bits quarter = (bits)shifted & 3, odd = -(quarter & 1);
  bits down = ((quarter >> 1) & 1) << (REAL_BITS - 1);
  bits left = (((quarter + 1) >> 1) & 1) << (REAL_BITS - 1);
  *sine = (vec)((bits)pick(odd, c, s) ^ down);
  *cosine = (vec)((bits)pick(odd, s, c) ^ left);
  bits far = (x > TURN_MOST) | (x < -TURN_MOST);
  for (int i = 0; i < LANES; i++)
    if (far[i]) {
      (*sine)[i] = (real)sin((double)x[i]);
      (*cosine)[i] = (real)cos((double)x[i]);
    }
}

enum { RELU, TANH, SIGMOID, SOFTPLUS, SINE };

INLINE vec relu(vec z) { return pick(z <= 0, all(0), z); } /* NaN passes: it is not below 0 */
INLINE vec relu_slope(vec h) { return pick(h > 0, all(1), all(0)); }

/* σ(z) with σ' and σ'', as maml_explorer/core/models/activations.py has them. */
INLINE vec sigma(int kind, vec z, vec *slope, vec *bend) {
  vec h, scale;
  *bend = all(0);
  if (kind == RELU) {
    h = relu(z);
    *slope = relu_slope(h);
  } else if (kind == TANH) {
    vec less = exp_parts(2 * pick(z > 20, all(20), pick(z < -20, all(-20), z)), &scale);
    less = scale * less + (scale - 1);
    h = less / (less + 2);
    *slope = 1 - h * h;
    *bend = -2 * h * *slope;
  } else if (kind == SINE) {
    turn(z, &h, slope);
    *bend = -h;
  } else {
    vec size = pick(z < 0, -z, z), part = exp_parts(-size, &scale);
    vec t = scale + scale * part, above = 1 / (1 + t);
    vec logistic = pick(z < 0, t * above, above);
    if (kind == SIGMOID) {
      h = logistic;
      *slope = h * (1 - h);
      *bend = *slope * (1 - 2 * h);
    } else {
      h = pick(z < 0, all(0), z) + log_1p(t);
      *slope = logistic;
      *bend = logistic * (1 - logistic);
    }
  }
  return h;
}
