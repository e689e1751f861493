/* The outer gradient of one arm, task by task, as core/meta_gradient.py says it.

     forward    φ_0 = θ                     φ_{k+1} = φ_k − a_k ⊙ g_k
     backward   v_K = w_K ∇L_query(φ_K)     v_k = v_{k+1} − H_k (a_k ⊙ v_{k+1}) + w_k ∇L_query(φ_k)
     result     ∂L/∂θ = Σ_task v_0          ∂L/∂a_k = − Σ_task g_k ⊙ v_{k+1}

   At the paper's size one kernel of torch takes microseconds to call and less to compute, and
   what it writes for all tasks leaves the fast cache before the next one reads it. Here the loop
   over tasks is the outermost: φ_k, traces and v of one task are some tens of kilobytes, and
   what ends a product (a bias, a step φ − a g, a sum over tasks) ends it in registers.

   `task` does one task:
     1. layers below `start` do not adapt: they are passed once, by all points (`forward`);
     2. `path` goes forward: the trace of the support set at φ_k, g_k by `backward`, φ_{k+1}. Only
        where a backward recursion will follow, or losses at every φ_k count, are all φ_k kept;
     3. `query` adds w_k ∇L_query(φ_k), to v or, where no v is needed task by task, at once to the
        sum over tasks, `total`;
     4. `through_step` takes v_{k+1} to v_{k+1} − H_k (a_k ⊙ v_{k+1}). H v is Pearlmutter's rule:
        everything in the trace has a derivative R along V = a ⊙ v,
          R-forward    Rz_l = h_{l-1} V_l + Rh_{l-1} W_l       Rh_l = σ' ⊙ Rz_l (+ Rh_{l-1})
          R-backward   RG_l = h_{l-1}ᵀ Rδ_l + Rh_{l-1}ᵀ δ_l
                       Rδ_{l-1} = (Rδ_l W_lᵀ + δ_l V_lᵀ (+ Rup_l)) ⊙ σ' + up ⊙ σ'' ⊙ Rz_{l-1}
        (in parentheses: with a skip; up: the derivative of the loss by h_{l-1});
     5. what reached the tail's input from 3 and 4 goes once through the layers below.
   Reptile is step 2 alone and adds θ − φ_K; joint training (MTL) is 1 and 5 on all points.

   Tasks are added in their order, so a sum does not depend on how calls cut the batch, and one
   arm's result on nothing but its own job. NaN is never compared away: it passes everything. */

#include "job.h"
#include "vectors.h"
#include "products.h"

typedef struct { /* per layer, of one set of points */
  real *h[MAX_DEPTH + 1], *slope[MAX_DEPTH], *bend[MAX_DEPTH], *delta[MAX_DEPTH];
  real *up[MAX_DEPTH + 1]; /* ∂loss/∂h */
  real *odds;              /* softmax of the output */
} Trace;

typedef struct {
  const Job *job;
  Layer layers[MAX_DEPTH];
  int depth, start, steps, shots, queries, points, keeps, slots;
  real alpha, limit;
  long size, tasks;
  char *cursor; /* of the memory, while it is divided */
  real *theta, *theta_t, *rates, *total, *rate_total, *v, *vector, *vector_t;
  real *phi[MAX_STEPS + 1], *phi_t[MAX_STEPS + 1], *g[MAX_STEPS + 1], shrunk[MAX_STEPS + 1];
  Trace body, query, support[MAX_STEPS];
  real *rz[MAX_DEPTH], *rh[MAX_DEPTH + 1], *rd[MAX_DEPTH], *ru[MAX_DEPTH + 1];
  double *sums; /* support before, query after */
} Run;

/* ---------------------------------------------------------------- memory */

#if defined(__SANITIZE_ADDRESS__) /* what is written beyond a part of the memory is seen */
#include <sanitizer/asan_interface.h>
#define GAP 64
#else
#define GAP 0
#define ASAN_POISON_MEMORY_REGION(from, bytes) (void)0
#endif

/* Of step sizes in our layout, or one per layer and inner step. */
#define RATE_SPACE(r) ((r)->size + (long)MAX_DEPTH * (MAX_STEPS + 1))

static void *take(Run *r, long bytes) {
  char *here = r->cursor;
  r->cursor += (bytes + 63) / 64 * 64;
  if (r->job->memory) ASAN_POISON_MEMORY_REGION(r->cursor, GAP);
  r->cursor += GAP;
  return here;
}
static real *reals(Run *r, long count) { return take(r, count * (long)sizeof(real)); }

/* ReLU needs no slopes kept: where nothing is added to h they are in it, and h is what a product
   ends with. */
INLINE int relu_at_once(const Run *r, const Layer *l) {
  return r->job->activation == RELU && l->hidden && !l->column && !l->skips;
}

static void lay_trace(Run *r, Trace *t, int from, int to, int points) {
  for (int l = from; l < to; l++) {
    const Layer *layer = &r->layers[l];
    t->h[l + 1] = reals(r, (long)points * layer->ldo);
    t->delta[l] = reals(r, (long)points * layer->ldo);
    t->up[l] = reals(r, (long)points * layer->ldi);
    t->slope[l] = t->bend[l] = 0;
    if (layer->hidden && !relu_at_once(r, layer)) {
      t->slope[l] = reals(r, (long)points * layer->ldo);
      if (r->job->second_order) t->bend[l] = reals(r, (long)points * layer->ldo);
    }
  }
  t->up[to] = reals(r, (long)points * r->layers[to - 1].ldo);
  t->odds = reals(r, (long)points * r->layers[to - 1].ldo);
}

/* Divides the memory of a job: the same for the same shape, and of NULL it finds the size. */
static void lay_out(Run *r, const Job *job) {
  r->job = job;
  r->depth = job->depth;
  r->start = job->rule == ALL ? job->depth : job->start;
  r->steps = r->start == job->depth ? 0 : job->steps;
  r->shots = job->shots;
  r->points = job->points;
  r->queries = job->points - job->shots;
  r->tasks = job->total_tasks;
  r->keeps = job->rule == QUERY && (job->second_order || job->multi_step || job->rate_steps);
  long flat = 0, turned = 0;
  r->size = 0;
  for (int l = 0; l < r->depth; l++) {
    Layer *layer = &r->layers[l];
    int in = job->sizes[l], out = job->sizes[l + 1];
    *layer = (Layer){.in = in, .out = out, .ldi = padded(in), .ldo = padded(out),
                     .column = out == 1, .hidden = l < r->depth - 1,
                     .skips = job->skip && in == out && l < r->depth - 1,
                     .at = r->size, .turned = turned, .flat = flat};
    layer->bias = layer->column ? layer->ldi : (long)in * layer->ldo;
    layer->size = layer->column ? layer->ldi + LANES : (long)(in + 1) * layer->ldo;
    r->size += layer->size;
    turned += layer->column ? 0 : (long)layer->ldi * layer->ldo;
    flat += (long)(in + 1) * out;
  }
  r->sums = take(r, 64);
  r->theta = reals(r, r->size);
  r->theta_t = reals(r, turned);
  r->total = reals(r, r->size);
  if (job->second_order || job->rate_steps) r->v = reals(r, r->size);
  if (job->second_order) {
    r->vector = reals(r, r->size);
    r->vector_t = reals(r, turned);
  }
  if (job->rates != UNIFORM) {
    r->rates = reals(r, RATE_SPACE(r));
    r->rate_total = reals(r, RATE_SPACE(r));
  }
  if (r->start) lay_trace(r, &r->body, 0, r->start, r->points);
  r->body.h[0] = reals(r, (long)r->points * r->layers[0].ldi);
  if (r->start == r->depth) return;
  r->phi[0] = r->theta;
  r->phi_t[0] = r->theta_t;
  /* no gradient of the query points is asked for: they pass through the support set's memory */
  int alone = job->rule == INTERPOLATION && r->steps;
  for (int k = 0; k < r->steps; k++) {
    if (k < 2 || r->keeps) {
      r->phi[k + 1] = reals(r, r->size);
      r->phi_t[k + 1] = reals(r, turned);
    } else {
      r->phi[k + 1] = r->phi[k - 1];
      r->phi_t[k + 1] = r->phi_t[k - 1];
    }
    int stored = job->clips || job->rates != UNIFORM;
    r->g[k] = stored && (!k || r->keeps) ? reals(r, r->size) : r->g[0];
    int points = alone ? r->points : r->shots;
    if (!k || r->keeps) lay_trace(r, &r->support[k], r->start, r->depth, points);
    else r->support[k] = r->support[0];
  }
  if (alone) {
    r->query = r->support[0];
    memset(r->query.slope, 0, sizeof r->query.slope);
    memset(r->query.bend, 0, sizeof r->query.bend);
  } else lay_trace(r, &r->query, r->start, r->depth, r->points);
  for (int l = r->start; l < r->depth && job->second_order; l++) {
    const Layer *layer = &r->layers[l];
    r->rz[l] = reals(r, (long)r->shots * layer->ldo);
    r->rd[l] = reals(r, (long)r->shots * layer->ldo);
    r->rh[l + 1] = reals(r, (long)r->shots * layer->ldo);
    r->ru[l] = reals(r, (long)r->shots * layer->ldi);
  }
}

/* θ, or step sizes behind it, from [in + 1, out] one after another into our layout. */
static void pack(const Run *r, const real *from, int first, real *to) {
  for (int l = first; l < r->depth; l++) {
    const Layer *layer = &r->layers[l];
    const real *flat = from + layer->flat - r->layers[first].flat;
    real *mine = to + layer->at;
    if (layer->column) {
      memcpy(mine, flat, layer->in * sizeof(real));
      mine[layer->bias] = flat[layer->in];
    } else
      for (int row = 0; row <= layer->in; row++)
        memcpy(mine + (long)row * layer->ldo, flat + (long)row * layer->out,
               layer->out * sizeof(real));
  }
}

static void unpack(const Run *r, const real *from, int first, real scale, real *to) {
  for (int l = first; l < r->depth; l++) {
    const Layer *layer = &r->layers[l];
    const real *mine = from + layer->at;
    real *flat = to + layer->flat - r->layers[first].flat;
    if (layer->column) {
      for (int i = 0; i < layer->in; i++) flat[i] = scale * mine[i];
      flat[layer->in] = scale * mine[layer->bias];
    } else
      for (int row = 0; row <= layer->in; row++)
        for (int i = 0; i < layer->out; i++)
          flat[(long)row * layer->out + i] = scale * mine[(long)row * layer->ldo + i];
  }
}

/* The matrices of layers from..depth turned; nothing is passed down to the network's input. */
static void turn_all(const Run *r, const real *w, int from, int to, real *w_t) {
  for (int l = from > 1 ? from : 1; l < to; l++) {
    const Layer *layer = &r->layers[l];
    if (!layer->column)
      transpose(w + layer->at, layer->in, layer->ldo, w_t + layer->turned, layer->ldi);
  }
}

/* ---------------------------------------------------------------- one network */

INLINE void activated(int kind, const Layer *l, int points, real *h, real *slope, real *bend) {
  for (long n = 0; n < (long)points * l->ldo; n += LANES) {
    vec s, b;
    put(h + n, sigma(kind, at(h + n), &s, &b));
    if (slope) put(slope + n, s);
    if (bend && kind != RELU) put(bend + n, b);
  }
}

static void forward(const Run *r, const real *w, int from, int to, int points, Trace *t) {
  for (int l = from; l < to; l++) {
    const Layer *layer = &r->layers[l];
    real *h = t->h[l + 1], *slope = t->slope[l], *bend = t->bend[l];
    int at_once = relu_at_once(r, layer);
    affine(layer, points, 1, t->h[l], w, 0, 0, at_once, h);
    if (!layer->hidden || at_once) continue;
    switch (r->job->activation) {
      case RELU: activated(RELU, layer, points, h, slope, bend); break;
      case TANH: activated(TANH, layer, points, h, slope, bend); break;
      case SIGMOID: activated(SIGMOID, layer, points, h, slope, bend); break;
      case SOFTPLUS: activated(SOFTPLUS, layer, points, h, slope, bend); break;
      default: activated(SINE, layer, points, h, slope, bend);
    }
    if (layer->out < layer->ldo) /* what a column adds up there must be 0: σ(0) may not be */
      for (int n = 0; n < points; n++)
        memset(h + (long)n * layer->ldo + layer->out, 0,
               (layer->ldo - layer->out) * sizeof(real));
    if (layer->skips)
      for (long n = 0; n < (long)points * layer->ldo; n += LANES)
        put(h + n, at(h + n) + at(t->h[l] + n));
  }
}

/* The sum of the loss over points begin..end, and of weight times its derivative by the output. */
static double losses(const Run *r, Trace *t, const real *y, int begin, int end, real weight) {
  const Layer *last = &r->layers[r->depth - 1];
  int out = last->out, row = last->ldo;
  const real *z = t->h[r->depth];
  real *delta = t->delta[r->depth - 1], *odds = t->odds;
  double sum = 0;
  if (r->job->loss == SQUARED_ERROR) {
    real each = 2 * weight / out;
    for (long n = begin; n < end; n++)
      for (int i = 0; i < out; i++) {
        real residual = z[n * row + i] - y[n * out + i];
        sum += (double)residual * residual;
        delta[n * row + i] = residual * each;
      }
    return sum;
  }
  for (long n = begin; n < end; n++) {
    real most = z[n * row];
    double over = 0;
    for (int i = 1; i < out; i++) most = z[n * row + i] > most ? z[n * row + i] : most;
    for (int i = 0; i < out; i++) over += exp((double)(z[n * row + i] - most));
    for (int i = 0; i < out; i++) {
      double log_odds = (double)(z[n * row + i] - most) - log(over);
      real odd = odds[n * row + i] = (real)exp(log_odds), goal = y[n * out + i];
      if (!(goal == 0)) sum -= goal * log_odds;
      delta[n * row + i] = (odd - goal) * weight;
    }
  }
  return sum;
}

/* up ⊙ σ' of a hidden layer. */
INLINE void times_slope(const Layer *layer, int points, const Trace *t, int l, const real *up,
                        real *out) {
  const real *slope = t->slope[l], *h = t->h[l + 1];
  long count = (long)points * layer->ldo;
  if (slope)
    for (long n = 0; n < count; n += LANES) put(out + n, at(up + n) * at(slope + n));
  else
    for (long n = 0; n < count; n += LANES) put(out + n, at(up + n) * relu_slope(at(h + n)));
}

/* The gradients of layers from..to by t->delta of the output, or t->up above hidden layers. */
static void backward(const Run *r, const real *w, const real *w_t, int from, int to, int points,
                     Trace *t, const Target *target, int to_input) {
  for (int l = to - 1; l >= from; l--) {
    const Layer *layer = &r->layers[l];
    if (layer->hidden) times_slope(layer, points, t, l, t->up[l + 1], t->delta[l]);
    if (l > from || to_input)
      back(layer, points, 1, t->delta[l], w, w_t, 0, 0, 0, layer->skips ? t->up[l + 1] : 0,
           t->up[l]);
    outer(layer, points, 1, t->h[l], t->delta[l], 0, 0, target);
  }
}

/* target ← H V of the support loss at w, where `t` was taken; ru[start]: of the tail's input. V may
   be written to: a layer of it is read for the last time before its target is written. */
static void curvature(const Run *r, const real *w, const real *w_t, const real *v, const real *v_t,
                      const Trace *t, const Target *target, int to_input) {
  int start = r->start, depth = r->depth, points = r->shots;
  for (int l = start; l < depth; l++) {
    const Layer *layer = &r->layers[l];
    affine(layer, points, l > start ? 2 : 1, t->h[l], v, r->rh[l], w, 0, r->rz[l]);
    if (!layer->hidden) break;
    times_slope(layer, points, t, l, r->rz[l], r->rh[l + 1]);
    if (layer->skips && l > start)
      for (long n = 0; n < (long)points * layer->ldo; n += LANES)
        put(r->rh[l + 1] + n, at(r->rh[l + 1] + n) + at(r->rh[l] + n));
  }
  const Layer *top = &r->layers[depth - 1];
  real each = r->job->loss == SQUARED_ERROR ? 2 / ((real)points * top->out) : (real)1 / points;
  for (int n = 0; n < points; n++) {
    const real *rz = r->rz[depth - 1] + (long)n * top->ldo, *odds = t->odds + (long)n * top->ldo;
    real *rd = r->rd[depth - 1] + (long)n * top->ldo, mean = 0;
    if (r->job->loss == SQUARED_ERROR)
      for (int i = 0; i < top->out; i++) rd[i] = rz[i] * each;
    else {
      for (int i = 0; i < top->out; i++) mean += odds[i] * rz[i];
      for (int i = 0; i < top->out; i++) rd[i] = odds[i] * (rz[i] - mean) * each;
    }
  }
  for (int l = depth - 1; l >= start; l--) {
    const Layer *layer = &r->layers[l];
    if (layer->hidden) {
      times_slope(layer, points, t, l, r->ru[l + 1], r->rd[l]);
      if (r->job->activation != RELU)
        for (long n = 0; n < (long)points * layer->ldo; n += LANES)
          put(r->rd[l] + n, at(r->rd[l] + n) + at(t->up[l + 1] + n) * at(t->bend[l] + n) *
                                                   at(r->rz[l] + n));
    }
    if (l > start || to_input)
      back(layer, points, 2, r->rd[l], w, w_t, t->delta[l], v, v_t,
           layer->skips ? r->ru[l + 1] : 0, r->ru[l]);
    outer(layer, points, l > start ? 2 : 1, t->h[l], r->rd[l], r->rh[l], t->delta[l], target);
  }
}

/* ---------------------------------------------------------------- one task */

INLINE long tail_of(const Run *r) { return r->layers[r->start].at; }

static real rate(const Run *r, int k, int layer) {
  if (r->job->rates != PER_LAYER) return r->alpha;
  int row = k < r->job->rate_steps ? k : r->job->rate_steps - 1;
  return r->rates[(long)row * (r->depth - r->start) + layer - r->start];
}

/* out = base + sign · a_k ⊙ g over the tail; base may be NULL. */
static void scaled(const Run *r, int k, const real *base, real sign, const real *g, real *out) {
  for (int l = r->start; l < r->depth; l++) {
    const Layer *layer = &r->layers[l];
    vec one = all(rate(r, k, l));
    for (long i = layer->at; i < layer->at + layer->size; i += LANES) {
      vec value = sign * at(g + i) * (r->job->rates == PER_PARAMETER ? at(r->rates + i) : one);
      if (base) value += at(base + i);
      put(out + i, value);
    }
  }
}

/* ⟨a, b⟩ over layers from..to. */
static real inner_product(const Run *r, int from, int to, const real *a, const real *b) {
  vec sum = all(0);
  long end = r->layers[to - 1].at + r->layers[to - 1].size;
  for (long i = r->layers[from].at; i < end; i += LANES) sum += at(a + i) * at(b + i);
  return total_of(sum);
}

/* g_k clipped (Pascanu, Mikolov, Bengio 2013, Algorithm 1); by what it was scaled is kept. */
static void clip(Run *r, int k) {
  real scale = r->limit / (real)sqrt(inner_product(r, r->start, r->depth, r->g[k], r->g[k]));
  if (scale > 1) scale = 1;
  for (long i = tail_of(r); i < r->size; i += LANES) put(r->g[k] + i, scale * at(r->g[k] + i));
  r->shrunk[k] = scale;
}

/* One inner step from φ_k; the loss before it, summed over the points of it. */
static double inner_step(Run *r, int k, const real *x, const real *y, int points, int passed) {
  Trace *t = &r->support[k];
  real *w = r->phi[k], *w_t = r->phi_t[k], *next = r->phi[k + 1];
  t->h[r->start] = (real *)x;
  if (!passed) forward(r, w, r->start, r->depth, points, t);
  double loss = losses(r, t, y, 0, points, (real)1 / points);
  if (k) turn_all(r, w, r->start, r->depth, w_t);
  if (r->job->rates == UNIFORM && !r->job->clips) {
    Target step = {next, w, 0, -r->alpha};
    backward(r, w, w_t, r->start, r->depth, points, t, &step, 0);
  } else {
    Target keep = {r->g[k], 0, 0, 1};
    backward(r, w, w_t, r->start, r->depth, points, t, &keep, 0);
    if (r->job->clips) clip(r, k);
    scaled(r, k, w, -1, r->g[k], next);
  }
  return loss;
}

/* All inner steps; the loss before them. `passed`: the first points are in support[0] already. */
static double path(Run *r, const real *x, const real *y, int passed) {
  const Job *job = r->job;
  int size = job->minibatch ? job->minibatch : r->shots, at_point = 0;
  long row = r->layers[r->start].ldi, goals = r->layers[r->depth - 1].out;
  double before = 0;
  for (int k = 0; k < r->steps; k++) {
    int points = r->shots - at_point < size ? r->shots - at_point : size;
    double loss = inner_step(r, k, x + at_point * row, y + at_point * goals, points,
                             passed && !k);
    if (!k) before = loss;
    at_point = at_point + points < r->shots ? at_point + points : 0;
  }
  return before;
}

/* The summed loss of points at φ_k, with its gradient's beginning in the trace. */
static double evaluated(Run *r, Trace *t, int k, const real *x, const real *y, int points,
                        real weight) {
  t->h[r->start] = (real *)x;
  forward(r, r->phi[k], r->start, r->depth, points, t);
  return losses(r, t, y, 0, points, weight / points);
}

/* Adds w_k ∇L_query(φ_k) to `sum`, or begins it; upward: what reaches the tail's input. */
static double query(Run *r, int k, const real *x, const real *y, real *sum, int begins,
                    real *upward) {
  real weight = r->job->multi_step ? ((const real *)r->job->weights)[k] : (real)1;
  double loss = evaluated(r, &r->query, k, x, y, r->queries, weight / r->tasks);
  if (k && (k == r->steps || !r->keeps))
    turn_all(r, r->phi[k], r->start, r->depth, r->phi_t[k]);
  Target target = {sum, begins ? 0 : sum, 0, 1};
  backward(r, r->phi[k], r->phi_t[k], r->start, r->depth, r->queries, &r->query, &target,
           upward != 0);
  if (upward)
    for (long n = 0; n < (long)r->queries * r->layers[r->start].ldi; n += LANES)
      put(upward + n, at(upward + n) + at(r->query.up[r->start] + n));
  return loss;
}

/* v ← v − H_k (a_k ⊙ v), at the last one added to the sum over tasks. */
static void through_step(Run *r, int k, real *upward) {
  const Job *job = r->job;
  const real *vector = r->v;
  real sign = -1;
  if (job->rates == UNIFORM && !job->clips) sign = -r->alpha;
  else {
    scaled(r, k, 0, 1, r->v, r->vector);
    vector = r->vector;
  }
  if (job->clips) { /* J = s (I − c cᵀ/m²), where g was longer than m */
    real s = r->shrunk[k];
    real along = inner_product(r, r->start, r->depth, r->g[k], vector) / (r->limit * r->limit);
    along *= (real)(s < 1);
    for (long i = tail_of(r); i < r->size; i += LANES)
      put(r->vector + i, s * (at(vector + i) - along * at(r->g[k] + i)));
  }
  turn_all(r, vector, r->start, r->depth, r->vector_t);
  Target target = {r->v, r->v, 0, sign};
  if (!k) target = (Target){r->total, r->total, r->v, sign};
  curvature(r, r->phi[k], r->phi_t[k], vector, r->vector_t, &r->support[k], &target, upward != 0);
  if (upward)
    for (long n = 0; n < (long)r->shots * r->layers[r->start].ldi; n += LANES)
      put(upward + n, at(upward + n) + sign * at(r->ru[r->start] + n));
}

/* −g_k ⊙ v_{k+1} to the gradient of the step sizes. */
static void rate_gradient(Run *r, int k) {
  if (r->job->rates == PER_PARAMETER)
    for (long i = tail_of(r); i < r->size; i += LANES)
      put(r->rate_total + i, at(r->rate_total + i) - at(r->g[k] + i) * at(r->v + i));
  else
    for (int l = r->start; l < r->depth; l++)
      r->rate_total[(long)k * (r->depth - r->start) + l - r->start] -=
          inner_product(r, l, l + 1, r->g[k], r->v);
}

static void added(Run *r, const real *more) {
  for (long i = tail_of(r); i < r->size; i += LANES)
    put(r->total + i, at(r->total + i) + at(more + i));
}

/* The query loss after adaptation: v_K, …, v_0, and what reaches the layers below. */
static void after_adaptation(Run *r, const real *x, const real *y, const real *query_y,
                             real *upward) {
  const Job *job = r->job;
  long row = r->layers[r->start].ldi;
  const real *query_x = x + r->shots * row;
  real *query_up = upward ? upward + r->shots * row : 0;
  int second = job->second_order && r->steps, per_task = second || job->rate_steps, begun = 0;
  r->sums[0] += r->steps ? path(r, x, y, 0) : evaluated(r, &r->query, 0, x, y, r->shots, 1);
  for (int k = r->steps; k >= 0; k--) {
    if (k < r->steps) {
      if (job->rate_steps) rate_gradient(r, k);
      if (second) through_step(r, k, upward);
      else if (!k && per_task) added(r, r->v);
    }
    if (k < r->steps && !(job->multi_step && k)) continue; /* w_0 = 0 where K > 0 */
    int summed = !k || !per_task;
    double loss = query(r, k, query_x, query_y, summed ? r->total : r->v, !summed && !begun,
                        query_up);
    begun = 1;
    if (k == r->steps) r->sums[1] += loss;
  }
}

/* x without its column of ones; memcpy would be called for each number of a curve's. */
static void inputs(Run *r, const real *x) {
  int in = r->job->sizes[0], row = r->layers[0].ldi;
  for (long n = 0; n < r->points; n++)
    for (int i = 0; i < in; i++) r->body.h[0][n * row + i] = x[n * (in + 1) + i];
}

static void task(Run *r, long number) {
  const Job *job = r->job;
  int in = job->sizes[0], out = job->sizes[r->depth];
  const real *x = (const real *)job->x + number * r->points * (in + 1);
  const real *y = (const real *)job->y + number * r->points * out, *query_y = y + r->shots * out;
  inputs(r, x);
  if (r->start) forward(r, r->theta, 0, r->start, r->points, &r->body);
  const real *features = r->body.h[r->start];
  Target total = {r->total, r->total, 0, 1};
  if (job->rule == ALL) {
    real weight = (real)1 / r->tasks / r->points;
    r->sums[0] += losses(r, &r->body, y, 0, r->shots, weight);
    r->sums[1] += losses(r, &r->body, y, r->shots, r->points, weight);
    backward(r, r->theta, r->theta_t, 0, r->depth, r->points, &r->body, &total, 0);
  } else if (job->rule == INTERPOLATION) {
    Trace *t = r->steps ? &r->support[0] : &r->query;
    r->sums[0] += evaluated(r, t, 0, features, y, r->shots, 1);
    path(r, features, y, 1);
    r->sums[1] += evaluated(r, &r->query, r->steps, features + (long)r->shots * r->layers[0].ldi,
                            query_y, r->queries, 1);
    for (long i = 0; i < r->size; i += LANES)
      put(r->total + i, at(r->total + i) + (at(r->theta + i) - at(r->phi[r->steps] + i)));
  } else {
    real *upward = r->start ? r->body.up[r->start] : 0;
    if (upward) memset(upward, 0, (long)r->points * r->layers[r->start].ldi * sizeof(real));
    after_adaptation(r, features, y, query_y, upward);
    if (upward)
      backward(r, r->theta, r->theta_t, 0, r->start, r->points, &r->body, &total, 0);
  }
}

/* ---------------------------------------------------------------- the outer step */

/* `restrict`: where they might overlap, the compiler takes one number at a time. */
static void adam(long count, real rate, real epsilon, const real *restrict theta,
                 const real *restrict g, const real *restrict m, const real *restrict v,
                 real *restrict new_theta, real *restrict new_m, real *restrict new_v) {
  for (long i = 0; i < count; i++) {
    real first = m[i] + (real)0.1 * (g[i] - m[i]);
    real second = v[i] * (real)0.999 + (real)0.001 * g[i] * g[i];
    new_m[i] = first;
    new_v[i] = second;
    new_theta[i] = theta[i] - rate * (first / (SQRT(second) + epsilon));
  }
}

static void update(const Job *job) {
  long count = job->parameters + job->rate_count;
  const real *theta = job->theta, *m = job->moment_1, *v = job->moment_2;
  real *g = job->gradient, *new_theta = job->new_theta, *new_m = job->new_moment_1;
  real *new_v = job->new_moment_2, rate = (real)job->outer_rate;
  if (job->optimizer == STEP_TOWARDS) {
    for (long i = 0; i < count; i++) new_theta[i] = theta[i] - rate * g[i];
    return;
  }
  if (job->outer_clip > 0) {
    double square = 0;
    for (long i = 0; i < count; i++) square += (double)g[i] * g[i];
    real scale = (real)(job->outer_clip / sqrt(square));
    if (scale > 1) scale = 1;
    for (long i = 0; i < count; i++) g[i] *= scale;
  }
  if (job->optimizer == SGD) {
    real momentum = (real)job->momentum;
    for (long i = 0; i < count; i++) {
      new_m[i] = g[i] + momentum * m[i];
      new_theta[i] = theta[i] - rate * new_m[i];
    }
    return;
  }
  double root = sqrt(1 - pow(0.999, (double)job->step));
  rate = (real)(job->outer_rate * root / (1 - pow(0.9, (double)job->step)));
  adam(count, rate, (real)(1e-8 * root), theta, g, m, v, new_theta, new_m, new_v);
}

static void begin(Run *r) {
  const Job *job = r->job;
  const real *theta = job->theta;
  pack(r, theta, 0, r->theta);
  turn_all(r, r->theta, 0, r->depth, r->theta_t);
  if (job->rates == PER_PARAMETER) pack(r, theta + job->parameters, r->start, r->rates);
  if (job->rates == PER_LAYER)
    memcpy(r->rates, theta + job->parameters, job->rate_count * sizeof(real));
}

static void results(const Run *r) {
  const Job *job = r->job;
  real *gradient = job->gradient, *loss = job->losses;
  unpack(r, r->total, 0, job->rule == INTERPOLATION ? (real)1 / r->tasks : (real)1, gradient);
  if (job->rate_steps && job->rates == PER_PARAMETER)
    unpack(r, r->rate_total, r->start, 1, gradient + job->parameters);
  else if (job->rate_steps)
    memcpy(gradient + job->parameters, r->rate_total, job->rate_count * sizeof(real));
  loss[0] = (real)(r->sums[0] / ((double)r->tasks * r->shots));
  loss[1] = (real)(r->sums[1] / ((double)r->tasks * r->queries));
}

static void scalars(Run *r) {
  if (r->job->inner_rate) r->alpha = *(const real *)r->job->inner_rate;
  if (r->job->clips) r->limit = *(const real *)r->job->clip;
}

/* Bytes of memory that a job of this shape works in. */
EXPORT int64_t NAME(bytes)(const Job *job) {
  Job measured = *job;
  measured.memory = 0;
  Run r;
  r.cursor = 0;
  lay_out(&r, &measured);
  return (int64_t)(intptr_t)r.cursor;
}

/* Tasks begin..end of a gradient, and what ends it. */
EXPORT void NAME(outer_step)(const Job *job) {
  Run r;
  r.cursor = job->memory;
  lay_out(&r, job);
  scalars(&r);
  if (job->first) {
    begin(&r);
    memset(r.total, 0, r.size * sizeof(real));
    if (job->rates != UNIFORM) memset(r.rate_total, 0, RATE_SPACE(&r) * sizeof(real));
    r.sums[0] = r.sums[1] = 0;
  }
  for (long number = job->begin; number < job->end; number++) task(&r, number);
  if (job->last) {
    results(&r);
    if (job->optimizer) update(job);
  }
}

/* Whole outer steps, one after another, each by its outer rate: their batches lie one behind the
   other, and so do their losses. `between` holds θ and both moments while a step reads them:
   [3, parameter + rate]. */
EXPORT void NAME(outer_steps)(const Job *job, int64_t count, const double *rates, real *between) {
  Job step = *job;
  long size = job->parameters + job->rate_count, points = job->end * job->points;
  for (;;) {
    step.outer_rate = *rates++;
    NAME(outer_step)(&step);
    if (!--count) return;
    step.theta = memcpy(between, step.new_theta, size * sizeof(real));
    if (job->optimizer == ADAM || job->optimizer == SGD)
      step.moment_1 = memcpy(between + size, step.new_moment_1, size * sizeof(real));
    if (job->optimizer == ADAM)
      step.moment_2 = memcpy(between + 2 * size, step.new_moment_2, size * sizeof(real));
    step.x = (const real *)step.x + points * (job->sizes[0] + 1);
    step.y = (const real *)step.y + points * job->sizes[job->depth];
    step.losses = (real *)step.losses + 2;
    step.step++;
  }
}

/* Predictions at all points by φ_0 … φ_K, adapted to the first `shots` of them. */
EXPORT void NAME(probe)(const Job *job) {
  Run r;
  r.cursor = job->memory;
  lay_out(&r, job);
  scalars(&r);
  begin(&r);
  int in = job->sizes[0], out = job->sizes[r.depth];
  long row = r.layers[r.depth - 1].ldo, tasks = job->end;
  for (long number = 0; number < tasks; number++) {
    const real *x = (const real *)job->x + number * r.points * (in + 1);
    const real *y = (const real *)job->y + number * r.shots * out;
    inputs(&r, x);
    if (r.start) forward(&r, r.theta, 0, r.start, r.points, &r.body);
    int size = job->minibatch ? job->minibatch : r.shots, at_point = 0;
    Trace *trace = r.steps ? &r.support[0] : &r.query;
    for (int k = 0; k <= job->steps; k++) {
      const real *features = r.body.h[r.start], *found = features;
      if (r.start < r.depth) {
        found = trace->h[r.depth];
        trace->h[r.start] = (real *)features;
        forward(&r, r.phi[r.shots ? k : 0], r.start, r.depth, r.points, trace);
      }
      real *to = (real *)job->predictions + (k * tasks + number) * r.points * out;
      for (int n = 0; n < r.points; n++)
        for (int i = 0; i < out; i++) to[(long)n * out + i] = found[n * row + i];
      if (k == job->steps || r.start == r.depth || !r.shots) continue;
      int points = r.shots - at_point < size ? r.shots - at_point : size;
      inner_step(&r, k, features + at_point * r.layers[r.start].ldi, y + (long)at_point * out,
                 points, !at_point); /* the first points have just been passed */
      at_point = at_point + points < r.shots ? at_point + points : 0;
    }
  }
}
