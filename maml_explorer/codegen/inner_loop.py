"""The inner loop of generated code, `adapt`, line by line. Torch-free: what is written is text."""

from __future__ import annotations

from maml_explorer.algorithms import Algorithm
from maml_explorer.codegen.beside_theta import BESIDE
from maml_explorer.codegen.constants import HEADS
from maml_explorer.settings.phases import Phases, phases
from maml_explorer.settings.settings import Settings


def adapting_test(own: Settings, record: Algorithm) -> str:
    """Test, as code, that the parameter `name` adapts; "" where all of θ does."""
    if record.adapts == "head":
        return "name in HEAD"
    tests = ["name not in HEAD"] if record.adapts == "body" else []
    if own.model.norm != "none":
        tests.append(f"not name.startswith({_fixed_names(own)})")
    return " and ".join(tests)


def _fixed_names(own: Settings) -> str:
    """Beginnings of the names of what a norm learns, as code."""
    return "NORMS" if own.model_kind.pictures else '"affine"'


def adapt_lines(own: Settings, record: Algorithm) -> str:
    """The function `adapt`, its lines chosen by the record and the settings.

    With a multi-step loss it returns φ_1 … φ_K, else φ_K.
    """
    parted = bool(record.interpolates or own.stream_batches)
    outer_step = phases(own, record)
    if record.adapts == "context":
        return _context_lines(own, record, outer_step)
    kind, whole_path = outer_step.step_sizes, outer_step.multi_step
    step = "step: int, " if outer_step.order_anneals else ""
    beginning, found = _beginning(own, record, kind)
    points = ", each on the next minibatch of the" if parted else " on one task's"
    head = f" of the {record.adapts}" if record.adapts in HEADS else ""
    counted = parted or (bool(kind) and BESIDE[kind].counted)
    return "\n".join(
        [
            f"def adapt(theta: Parameters, {step}x: Tensor, y: Tensor) -> "
            f"{'list[Parameters]' if whole_path else 'Parameters'}:",
            f'    """{"φ_1 … φ_K" if whole_path else "φ"} = U_K(θ, S): '
            f'K inner steps{head}{points} support set."""',
            *["    xs, ys = x.split(INNER_BATCH), y.split(INNER_BATCH)"][: int(parted)],
            *beginning,
            *["    path = []"][: int(whole_path)],
            f"    for {'k' if counted else '_'} in range(INNER_STEPS):  # the inner loop",
            *_inner_gradient(own, record, fixed=found != "phi"),
            *_inner_step(kind),
            *[f"        path.append({found})"][: int(whole_path)],
            f"    return {'path' if whole_path else found}",
        ]
    )


def _context_lines(own: Settings, record: Algorithm, outer_step: Phases) -> str:
    """The same where the context alone adapts."""
    whole_path, anneals = outer_step.multi_step, outer_step.order_anneals
    step = "step: int, " if anneals else ""
    first = [f"        gradient = grad({_OF_CONTEXT})(context)"]
    if own.inner.inner_clip:
        first.append('        gradient = clipped({"context": gradient}, INNER_CLIP)["context"]')
    if not record.second_order:
        first.append("        gradient = gradient.detach()  # first order")
    elif anneals:
        first += [
            "        if step < SECOND_ORDER_FROM:  # first order",
            "            gradient = gradient.detach()",
        ]
    return "\n".join(
        [
            f"def adapt(theta: Parameters, {step}x: Tensor, y: Tensor) -> "
            f"{'list[Parameters]' if whole_path else 'Parameters'}:",
            '    """K inner steps of the context on one task\'s support set: θ stays."""',
            '    context = theta["context.weight"].new_zeros(CONTEXT)',
            *["    path = []"][: int(whole_path)],
            "    for _ in range(INNER_STEPS):  # the inner loop",
            *first,
            "        context = context - INNER_LR * gradient",
            *["        path.append(seeing(theta, context))"][: int(whole_path)],
            f"    return {'path' if whole_path else 'seeing(theta, context)'}",
        ]
    )


_OF_CONTEXT = "lambda c: loss(seeing(theta, c), x, y)"


def _beginning(own: Settings, record: Algorithm, kind: str) -> tuple[list[str], str]:
    """(lines that part θ into what is fixed and φ_0, all parameters again in code)."""
    prefix = BESIDE[kind].prefix if kind else ""
    if record.adapts == "head":
        beside = f' and not n.startswith("{prefix}")' if kind else ""
        return [
            f"    fixed = {{n: theta[n] for n in theta if n not in HEAD{beside}}}",
            "    phi = {n: theta[n] for n in HEAD}",
        ], "fixed | phi"
    if record.adapts == "body":
        norm = f" or n.startswith({_fixed_names(own)})" if own.model.norm != "none" else ""
        beside = f' and not n.startswith("{prefix}")' if kind else ""
        return [
            f"    fixed = {{n: theta[n] for n in theta if n in HEAD{norm}}}"
            if norm
            else "    fixed = {n: theta[n] for n in HEAD}",
            f"    phi = {{n: theta[n] for n in theta if n not in fixed{beside}}}",
        ], "fixed | phi"
    if own.model.norm != "none":
        names = _fixed_names(own)
        both = f'(*NORMS, "{prefix}")' if own.model_kind.pictures else f'("affine", "{prefix}")'
        apart = both if kind else names
        return [
            f"    fixed = {{n: theta[n] for n in theta if n.startswith({names})}}",
            f"    phi = {{n: theta[n] for n in theta if not n.startswith({apart})}}",
        ], "fixed | phi"
    if kind:
        return [f'    phi = {{n: theta[n] for n in theta if not n.startswith("{prefix}")}}'], "phi"
    return ["    phi = theta"], "phi"


def _inner_gradient(own: Settings, record: Algorithm, fixed: bool) -> list[str]:
    """∇L_support(φ_k), clipped where asked for; detached where it is of first order."""
    lines, data = [], "x, y"
    if record.interpolates or own.stream_batches:
        data = "xs[k % len(xs)], ys[k % len(ys)]"
        if fixed:
            lines.append(f"        batch = {data}")
            data = "*batch"
    if not fixed:
        lines.append(f"        gradient = grad(loss)(phi, {data})")
    elif data == "*batch":
        lines.append("        gradient = grad(lambda w, *p: loss(fixed | w, *p))(phi, *batch)")
    else:
        lines.append("        gradient = grad(lambda w: loss(fixed | w, x, y))(phi)")
    if record.implicit:
        lines += [
            "        for name in gradient:  # the pull towards θ",
            "            away = phi[name] - theta[name]",
            "            gradient[name] = gradient[name] + PROXIMAL * away",
        ]
    if own.inner.inner_clip:
        lines.append("        gradient = clipped(gradient, INNER_CLIP)")
    detached = "gradient = {name: g.detach() for name, g in gradient.items()}"
    if record.unrolls and not record.second_order:
        # first order is one more line: no derivative goes through the inner gradient
        lines.append(f"        {detached}  # first order")
    elif phases(own, record).order_anneals:
        lines.append("        if step < SECOND_ORDER_FROM:  # first order")
        lines.append(f"            {detached}")
    return lines


def _inner_step(kind: str) -> list[str]:
    """φ_{k+1} = φ_k − a_k ⊙ g_k."""
    if not kind:
        return ["        phi = {name: phi[name] - INNER_LR * gradient[name] for name in phi}"]
    return list(BESIDE[kind].step)
