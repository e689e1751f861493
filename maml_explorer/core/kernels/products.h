/* Products of small matrices, a tile of sums in registers at a time.

   out = base + more + scale · Σ_t Σ_k a_t[row, k] b_t[k, :]     t < terms

   One form serves all: A may be read by columns (a_step), so h W, hᵀ δ and δ Wᵀ differ in strides
   alone, and two terms make one pass of what Pearlmutter's rule adds up. Every sum is taken in
   the order of k, whatever the tile, so results depend on nothing but the operands. */

typedef struct {
  int rows, columns, depth, terms; /* columns: a multiple of LANES */
  const real *a[2], *b[2];
  long a_row, a_step, b_row;
  const real *base, *more; /* or NULL */
  long base_row;           /* 0 where every row is the same, a bias */
  real scale;
  real *out;
  long out_row;
  int relu; /* out = ReLU of it all */
} Product;

/* For all sums of a tile, which lie in registers. */
#define EACH(R, C)             \
  _Pragma("GCC unroll 6")      \
  for (int r = 0; r < R; r++)  \
    _Pragma("GCC unroll 3")    \
    for (int c = 0; c < C; c++)

INLINE void tile(const Product *p, int R, int C, long row, long column) {
  vec sum[6][3];
  EACH(R, C) sum[r][c] = all(0);
  for (int term = 0; term < p->terms; term++) {
    const long a_row = p->a_row, a_step = p->a_step, b_row = p->b_row;
    const real *a = p->a[term] + row * a_row, *b = p->b[term] + column;
    for (long k = p->depth; k > 0; k--) {
      vec right[3];
#pragma GCC unroll 3
      for (int c = 0; c < C; c++) right[c] = at(b + c * LANES);
#pragma GCC unroll 6
      for (int r = 0; r < R; r++) {
        real left = a[r * a_row];
#pragma GCC unroll 3
        for (int c = 0; c < C; c++) sum[r][c] += left * right[c];
      }
      a += a_step;
      b += b_row;
    }
  }
  const long out_row = p->out_row, base_row = p->base_row, first = row * out_row + column;
  const vec scale = all(p->scale);
  real *out = p->out + first;
  EACH(R, C) sum[r][c] = scale * sum[r][c];
  if (p->base) {
    const real *base = p->base + row * base_row + column;
    EACH(R, C) sum[r][c] += at(base + r * base_row + c * LANES);
  }
  if (p->more) {
    const real *more = p->more + first;
    EACH(R, C) sum[r][c] += at(more + r * out_row + c * LANES);
  }
  if (p->relu) EACH(R, C) sum[r][c] = relu(sum[r][c]);
  EACH(R, C) put(out + r * out_row + c * LANES, sum[r][c]);
}

/* Rows in tiles of R; what is left over is halved where one tile would be too small to be fast. */
INLINE void stripe(const Product *p, int R, int C, long column) {
  for (long row = 0, left = p->rows, next; left; row += next, left -= next) {
    next = left <= R ? left : left < 2 * R - 1 ? (left + 1) / 2 : R;
    switch (next) {
      case 6: if (R >= 6) tile(p, 6, C, row, column); break;
      case 5: if (R >= 5) tile(p, 5, C, row, column); break;
      case 4: tile(p, 4, C, row, column); break;
      case 3: tile(p, 3, C, row, column); break;
      case 2: tile(p, 2, C, row, column); break;
      case 1: tile(p, 1, C, row, column); break;
    }
  }
}

/* Columns in stripes of at most three vectors: twelve sums, and sixteen registers. */
static void product(const Product *p) {
  int column = 0, vectors = p->columns / LANES;
  while (vectors) {
    int wide = vectors == 4 ? 2 : vectors < 3 ? vectors : 3;
    switch (wide) {
      case 3: stripe(p, 4, 3, column); break;
      case 2: stripe(p, 5, 2, column); break;
      default: stripe(p, 6, 1, column); break;
    }
    vectors -= wide;
    column += wide * LANES;
  }
}

/* One layer of the network, as it lies in memory of ours: [in + 1, ldo], the bias last, columns
   padded by zeros to whole vectors. A layer with one output is a column and lies the other way:
   [ldi], then its bias in a vector of its own. */
typedef struct {
  int in, out, ldi, ldo;
  int column, hidden, skips;
  long at, bias, size; /* where it begins; its bias and its size from there */
  long turned;         /* where its transposed matrix begins among those, [ldo, ldi] */
  long flat;           /* where it begins in θ */
} Layer;

/* Where a gradient goes: out = base + more + scale · gradient. */
typedef struct {
  real *out;
  const real *base, *more;
  real scale;
} Target;

/* z = bias of w0 + h0 W0 (+ h1 W1) for `points` rows, or ReLU of it. */
static void affine(const Layer *l, int points, int terms, const real *h0, const real *w0,
                   const real *h1, const real *w1, int relu, real *z) {
  const real *h[2] = {h0, h1}, *w[2] = {w0 + l->at, terms > 1 ? w1 + l->at : 0};
  if (!l->column) {
    Product p = {points, l->ldo, l->in, terms, {h0, h1}, {w[0], w[1]}, l->ldi, 1, l->ldo,
                 w[0] + l->bias, 0, 0, 1, z, l->ldo, relu};
    product(&p);
    return;
  }
  for (int n = 0; n < points; n++) {
    vec sum = all(0);
    for (int term = 0; term < terms; term++)
      for (int i = 0; i < l->ldi; i += LANES)
        sum += at(h[term] + (long)n * l->ldi + i) * at(w[term] + i);
    put(z + (long)n * LANES, all(0));
    z[(long)n * LANES] = total_of(sum) + w[0][l->bias];
  }
}

/* The gradient of a layer: h0ᵀ d0 (+ h1ᵀ d1), and for the bias the sum of d0. */
static void outer(const Layer *l, int points, int terms, const real *h0, const real *d0,
                  const real *h1, const real *d1, const Target *to) {
  real *out = to->out + l->at;
  const real *base = to->base ? to->base + l->at : 0, *more = to->more ? to->more + l->at : 0;
  static const real one = 1;
  if (!l->column) {
    Product p = {l->in, l->ldo, points, terms, {h0, h1}, {d0, d1}, 1, l->ldi, l->ldo,
                 base, more, l->ldo, to->scale, out, l->ldo};
    product(&p);
    Product bias = {1, l->ldo, points, 1, {&one}, {d0}, 0, 0, l->ldo,
                    base ? base + l->bias : 0, more ? more + l->bias : 0, l->ldo, to->scale,
                    out + l->bias, l->ldo};
    product(&bias);
    return;
  }
  const real *h[2] = {h0, h1}, *d[2] = {d0, d1};
  for (int i = 0; i < l->ldi; i += LANES) {
    vec sum = all(0);
    for (int term = 0; term < terms; term++)
      for (int n = 0; n < points; n++)
        sum += d[term][(long)n * LANES] * at(h[term] + (long)n * l->ldi + i);
    sum *= to->scale;
    if (base) sum += at(base + i);
    if (more) sum += at(more + i);
    put(out + i, sum);
  }
  vec sum = all(0); /* of which the first number counts, the others are 0 */
  for (int n = 0; n < points; n++) sum[0] += d0[(long)n * LANES];
  sum[0] *= to->scale;
  if (base) sum += at(base + l->bias);
  if (more) sum += at(more + l->bias);
  put(out + l->bias, sum);
}

/* What reaches the layer's input: base + d0 W0ᵀ (+ d1 W1ᵀ). `t` are transposed matrices. */
static void back(const Layer *l, int points, int terms, const real *d0, const real *w0,
                 const real *t0, const real *d1, const real *w1, const real *t1, const real *base,
                 real *out) {
  if (!l->column) {
    Product p = {points, l->ldi, l->out, terms, {d0, d1}, {t0 + l->turned, terms > 1 ? t1 + l->turned : 0},
                 l->ldo, 1, l->ldi, base, 0, l->ldi, 1, out, l->ldi};
    product(&p);
    return;
  }
  const real *d[2] = {d0, d1}, *w[2] = {w0 + l->at, terms > 1 ? w1 + l->at : 0};
  for (int n = 0; n < points; n++)
    for (int i = 0; i < l->ldi; i += LANES) {
      vec sum = base ? at(base + (long)n * l->ldi + i) : all(0);
      for (int term = 0; term < terms; term++)
        sum += d[term][(long)n * LANES] * at(w[term] + i);
      put(out + (long)n * l->ldi + i, sum);
    }
}
