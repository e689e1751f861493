/* What a call is about. `job.py` has the same fields in the same order. */

#ifndef JOB_H
#define JOB_H
#include <stdint.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#define KERNELS_VERSION 1
#define MAX_DEPTH 12
#define MAX_STEPS 64

enum { QUERY, ALL, INTERPOLATION };           /* rule */
enum { SQUARED_ERROR, SOFTMAX_CROSS_ENTROPY }; /* loss */
enum { UNIFORM, PER_LAYER, PER_PARAMETER };    /* rates: the inner step sizes */
enum { NO_UPDATE, ADAM, SGD, STEP_TOWARDS };   /* optimizer */

typedef struct {
  /* the shape: fixed for as long as the memory is */
  int32_t sizes[MAX_DEPTH + 1]; /* widths from input to output */
  int32_t depth, activation, skip, loss;
  int32_t rule, start, steps, second_order;
  int32_t multi_step, clips, rates, rate_steps; /* rate_steps: rows of PER_LAYER; 0: not learned */
  int32_t shots, points, minibatch, optimizer;
  int64_t total_tasks, parameters, rate_count;
  /* this call: tasks `begin` to `end` of those at x and y. The first call of a gradient clears the
     sums, the last one writes the results and takes the outer step. */
  int64_t begin, end, first, last;
  int64_t step; /* of Adam, from 1 */
  double outer_rate, momentum, outer_clip;
  void *memory;                                /* zeroed once; kernels_bytes of it */
  const void *theta;                           /* [parameter], then learned step sizes */
  const void *x, *y;                           /* [task, point, in + 1], [task, point, out] */
  const void *inner_rate, *clip, *weights;     /* α, the largest norm, w_0 … w_K */
  void *gradient, *losses;                     /* [parameter + rate], [2] */
  const void *moment_1, *moment_2;             /* of the optimizer, before */
  void *new_theta, *new_moment_1, *new_moment_2;
  void *predictions; /* of a probe: [step + 1, task, point, out] */
} Job;

#endif
