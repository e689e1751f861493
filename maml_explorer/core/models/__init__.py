"""Networks as batched closed forms: prediction, gradient, Hessian-vector product."""
