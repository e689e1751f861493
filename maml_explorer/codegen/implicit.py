"""The implicit outer gradient of generated code (iMAML), as text. Torch-free."""

from __future__ import annotations

from maml_explorer.algorithms import Algorithm
from maml_explorer.codegen.inner_loop import adapting_test
from maml_explorer.settings.settings import Settings

_MOVING = '''\
def moving(v: Parameters) -> Parameters:
    """The same with 0 where the inner loop changes nothing."""
    kept = {{name: h for name, h in v.items() if {test}}}
    return {{name: kept.get(name, 0 * h) for name, h in v.items()}}


'''
_SOLVE = '''\
Solved = tuple[Parameters, Tensor]


def dot(a: Parameters, b: Parameters) -> Tensor:
    """aᵀb over all parameters."""
    return torch.stack([(a[name] * b[name]).sum() for name in a]).sum()


def solve(curved: Callable[[Parameters], Parameters], b: Parameters) -> Solved:
    """(I + H/λ) u = b by conjugate gradients, and a number below 0 where it fails."""
    u, r, p = {{name: 0 * v for name, v in b.items()}}, b, b
    rr = least = dot(r, r)
    for _ in range(CG_STEPS):
        h = {curved_p}
        ap = {{name: p[name] + h[name] for name in p}}
        pap, met = dot(p, ap), rr > 1e-30
        least = torch.where(met & (pap <= 0), pap, least)
        alpha = torch.where(met, rr / pap, 0.0)
        u = {{name: u[name] + alpha * p[name] for name in u}}
        r = {{name: r[name] - alpha * ap[name] for name in r}}
        rr, old = dot(r, r), rr
        beta = torch.where(met, rr / old, 0.0)
        p = {{name: r[name] + beta * p[name] for name in p}}
    return u, least


'''
_GRADIENT = '''\
def implicit_gradient(
    theta: Parameters, x: Tensor, y: Tensor, query_x: Tensor, query_y: Tensor
) -> tuple[Parameters, Tensor, Tensor]:
    """(I + H/λ)⁻¹ ∇L(φ_K, Q), its query loss, and the residual of the solution."""
    phi = adapt(theta, x, y)
    b, query_loss = grad_and_value(loss)(phi, query_x, query_y)

    def curved(v: Parameters) -> Parameters:
        """H v/λ: the gradient of ∇L(φ_K, S) · v."""
        h = grad(lambda w: dot(grad(loss)(w, x, y), v))(phi)
        return {{name: value / PROXIMAL for name, value in h.items()}}

    right = {right}
    u, least = solve(curved, right)
    h = curved(u)
    left = {{name: right[name] - u[name] - {h_moving}[name] for name in u}}
    residual = (dot(left, left) / dot(right, right)).sqrt()
    residual = torch.where(least > 0, residual, torch.inf)  # else φ_K is no minimum
    return {result}, query_loss, residual


def outer_gradient(theta: Parameters, batch: Batch) -> tuple[Parameters, Tensor]:
    """Means over tasks of the implicit gradient and of the query loss."""
    every = vmap(implicit_gradient, in_dims=(None, 0, 0, 0, 0))
    gradients, losses, residuals = every(theta, *batch)
    if not residuals.max() <= 0.01:
        raise ArithmeticError(f"residual {{residuals.max():.2g}}: raise CG_STEPS or λ")
    return {{name: g.mean(0) for name, g in gradients.items()}}, losses.mean()'''
STEP = "        gradient, query_loss = outer_gradient(theta, batch)"
"""A line of the outer loop."""


LINES = 60
"""Lines that a script may have more for it."""
FORM_STATEFUL = """\
def gradient(phi, x, y, **how):
    at = [phi[n] for n in phi]
    found = torch.autograd.grad(
        loss(phi, x, y), at, **how
    )
    return dict(zip(phi, found))


def outer_gradient(batch):
    theta = dict(model.named_parameters())
    for p in theta.values():
        p.grad = torch.zeros_like(p)
    for sx, sy, qx, qy in zip(*batch):
        phi = {
            n: p.detach().clone()
            for n, p in theta.items()
        }
        for p in phi.values():
            p.requires_grad_()
        for _ in range(K):
            g = gradient(phi, sx, sy)
            with (
                torch.no_grad()
            ):  # in place: no graph is kept
                for n, p in phi.items():
                    p -= ALPHA * (
                        g[n] + PULL * (p - theta[n])
                    )
        g = gradient(phi, sx, sy, create_graph=True)

        def curved(v, g=g, phi=phi):  # (I + H/λ) v
            total = sum((g[n] * v[n]).sum() for n in g)
            hv = torch.autograd.grad(
                total,
                [phi[n] for n in phi],
                retain_graph=True,
            )
            return {
                n: v[n] + h / PULL for n, h in zip(v, hv)
            }

        u = solve(curved, gradient(phi, qx, qy))
        for n, p in theta.items():
            p.grad += u[n] / len(batch[0])"""
FORM_FUNCTIONAL = """\
def adapt(theta, x, y):  # near the minimum of L + pull
    phi = theta
    for _ in range(K):
        g = grad(loss)(phi, x, y)
        pull = {
            n: PULL * (phi[n] - theta[n]) for n in phi
        }
        phi = {
            n: phi[n] - ALPHA * (g[n] + pull[n])
            for n in phi
        }
    return phi"""
FORM_TASK = """\
def task_gradient(theta, sx, sy, qx, qy):
    phi = adapt(theta, sx, sy)

    def curved(v):  # (I + H/λ) v
        def along(w):
            g = grad(loss)(w, sx, sy)
            return sum((g[n] * v[n]).sum() for n in g)

        hv = grad(along)(phi)
        return {n: v[n] + hv[n] / PULL for n in v}

    return solve(curved, grad(loss)(phi, qx, qy))"""
FORM_SOLVE = """\
def solve(
    curved, b
):  # curved(u) = b, conjugate gradients
    def dot(a, c):
        return sum((a[n] * c[n]).sum() for n in a)

    u, r, p = {n: 0 * b[n] for n in b}, b, b
    rr = dot(r, r)
    for _ in range(CG):
        ap = curved(p)
        alpha = torch.where(
            rr > 1e-30, rr / dot(p, ap), 0
        )
        u = {n: u[n] + alpha * p[n] for n in u}
        r = {n: r[n] - alpha * ap[n] for n in r}
        rr, old = dot(r, r), rr
        beta = torch.where(rr > 1e-30, rr / old, 0)
        p = {n: r[n] + beta * p[n] for n in p}
    return u"""
FORM_MEAN = """\
def outer_gradient(theta, batch):
    every = vmap(task_gradient, (None, 0, 0, 0, 0))
    found = every(theta, *batch)
    return {n: g.mean(0) for n, g in found.items()}"""


def implicit_lines(own: Settings, record: Algorithm) -> str:
    """The functions between `adapt` and the outer loop."""
    test = adapting_test(own, record)
    if not test:
        return _SOLVE.format(curved_p="curved(p)") + _GRADIENT.format(
            right="b", h_moving="h", result="u"
        )
    # what does not adapt has a gradient too: that of the query loss less H u/λ
    result = "{n: u[n] + rest[n] - adapted[n] for n in u}"
    gradient = _GRADIENT.format(right="moving(b)", h_moving="moving(h)", result=result)
    rest = "    rest = {name: b[name] - h[name] for name in b}\n"
    rest += "    adapted = moving(rest)\n"
    gradient = gradient.replace("    residual = ", f"{rest}    residual = ")
    return _MOVING.format(test=test) + _SOLVE.format(curved_p="moving(curved(p))") + gradient
