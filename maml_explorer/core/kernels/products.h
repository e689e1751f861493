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
} Product;

INLINE void tile(const Product *p, int R, int C, long row, long column) {
  vec sum[6][3];
#pragma GCC unroll 6
  for (int r = 0; r < R; r++)
#pragma GCC unroll 3
    for (int c = 0; c < C; c++) sum[r][c] = all(0);
  for (int term = 0; term < p->terms; term++) {
    const real *a = p->a[term] + row * p->a_row, *b = p->b[term] + column;
    for (long k = 0; k < p->depth; k++) {
      vec right[3];
#pragma GCC unroll 3
      for (int c = 0; c < C; c++) right[c] = at(b + c * LANES);
#pragma GCC unroll 6
      for (int r = 0; r < R; r++) {
        real left = a[r * p->a_row];
#pragma GCC unroll 3
        for (int c = 0; c < C; c++) sum[r][c] += left * right[c];
      }
      a += p->a_step;
      b += p->b_row;
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; r++) {
    real *out = p->out + (row + r) * p->out_row + column;
#pragma GCC unroll 3
    for (int c = 0; c < C; c++) {
      vec value = p->scale * sum[r][c];
      if (p->base) value += at(p->base + (row + r) * p->base_row + column + c * LANES);
      if (p->more) value += at(p->more + (row + r) * p->out_row + column + c * LANES);
      put(out + c * LANES, value);
    }
  }
}

INLINE void stripe(const Product *p, int R, int C, long column) {
  long row = 0;
  for (; row + R <= p->rows; row += R) tile(p, R, C, row, column);
  switch (p->rows - row) {
    case 5: if (R > 5) tile(p, 5, C, row, column); break;
    case 4: if (R > 4) tile(p, 4, C, row, column); break;
    case 3: if (R > 3) tile(p, 3, C, row, column); break;
    case 2: if (R > 2) tile(p, 2, C, row, column); break;
    case 1: tile(p, 1, C, row, column); break;
  }
}

static void product(const Product *p) {
  int vectors = p->columns / LANES, column = 0;
  while (vectors) { /* stripes of at most three vectors: twelve sums, and sixteen registers */
    int stripes = (vectors + 2) / 3, wide = (vectors + stripes - 1) / stripes;
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

/* z = bias of w0 + h0 W0 (+ h1 W1) for `points` rows. */
static void affine(const Layer *l, int points, int terms, const real *h0, const real *w0,
                   const real *h1, const real *w1, real *z) {
  const real *h[2] = {h0, h1}, *w[2] = {w0 + l->at, terms > 1 ? w1 + l->at : 0};
  if (!l->column) {
    Product p = {points, l->ldo, l->in, terms, {h0, h1}, {w[0], w[1]}, l->ldi, 1, l->ldo,
                 w[0] + l->bias, 0, 0, 1, z, l->ldo};
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
