"""The sections of generated code, as text. Braces are filled in where a section has them."""

from __future__ import annotations

ACTIVATIONS = {
    "relu": "nn.ReLU()",
    "tanh": "nn.Tanh()",
    "sigmoid": "nn.Sigmoid()",
    "softplus": "nn.Softplus()",
    "sine": "Sine()",
}
INITIALIZATIONS = {
    "he": (
        "He, normal with variance 2 / fan-in; biases are 0.",
        'nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")',
    ),
    "xavier": (
        "Xavier, normal with variance 2 / (fan-in + fan-out); biases are 0.",
        "nn.init.xavier_normal_(linear.weight)",
    ),
    "truncated-normal": (
        "normal with σ = 0.01, cut at 2 σ; biases are 0.",
        "nn.init.trunc_normal_(linear.weight, std=0.01, a=-0.02, b=0.02)",
    ),
    "pytorch": ("PyTorch's default, uniform in ±1 / √fan-in.", "linear.reset_parameters()"),
}
SINE = '''\
class Sine(nn.Module):
    """σ(z) = sin z, which torch.nn lacks."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.sin(z)'''
DEEP = """\
layers: list[nn.Module] = []
for inputs, outputs in pairwise(SIZES):
    layers += [nn.Linear(inputs, outputs), {activation}]
model = nn.Sequential(*layers[:-1])"""
NETWORK = '''\
class Network(nn.Module):
    """{words}"""

    def __init__(self) -> None:
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(SIZES))
{affine}
    def forward(self, h: Tensor) -> Tensor:
        """Predictions at h, [..., point, {outputs}]."""
        for {each}:
            z = linear(h)
{normalized}            z = SIGMA(z)
            h = {joined}
        return self.linears[-1](h)


SIGMA = {activation}
model = Network()'''
AFFINE = """\
        self.affine = nn.ParameterList(torch.ones(2, b) for b in SIZES[1:-1])
        for scale_and_shift in self.affine:
            nn.init.zeros_(scale_and_shift[1])
"""
NORMALIZED = """\
            mean, var = z.mean({over}, True), z.var({over}, correction=0, keepdim=True)
            scale, shift = self.affine[layer]
            z = scale * (z - mean) / (var + 1e-5).sqrt() + shift
"""
SAMPLE = '''\
def sample_batch() -> Batch:
    """Sample tasks: support x, y and query x, y, each [task, point, 1]."""
    empty = next(model.parameters()).new_empty  # of the same device and type
    amplitude = empty(META_BATCH, 1, 1).uniform_(*AMPLITUDE)
    phase = empty(META_BATCH, 1, 1).uniform_(*PHASE)
    x = empty(META_BATCH, SHOTS + QUERY_POINTS, 1).uniform_(*X)
'''
ONE_FREQUENCY = "    y = amplitude * torch.sin(x - phase)\n"
FREQUENCY = """\
    frequency = empty(META_BATCH, 1, 1).uniform_(*FREQUENCY)
    y = amplitude * torch.sin(frequency * x - phase)
"""
NOISE = "    y = y + NOISE * torch.randn_like(y)\n"
SPLIT = "    return x[:, :SHOTS], y[:, :SHOTS], x[:, SHOTS:], y[:, SHOTS:]"
LOSS = '''\
def loss(parameters: Parameters, x: Tensor, y: Tensor) -> Tensor:
    """L: the mean squared error over points."""
    return (functional_call(model, parameters, (x,)) - y).square().mean()'''
OUTER_LOSS = '''\
def outer_loss(theta: Parameters, {step}batch: Batch) -> Tensor:
    """The mean over tasks (in the paper a sum) of the query loss after adaptation."""

    def task_loss(support_x: Tensor, support_y: Tensor, *query: Tensor) -> Tensor:
        return loss(adapt(theta, {also}support_x, support_y), *query)

    return vmap(task_loss)(*batch).mean()'''
MULTI_STEP_LOSS = '''\
def query_weights(step: int) -> Tensor:
    """w_1 … w_K at an outer step from 0: annealed to the last loss alone."""
    left = max(1 - step / MULTI_STEP_UNTIL, 0.03) if step < MULTI_STEP_UNTIL else 0.0
    weights = torch.full((INNER_STEPS,), left / INNER_STEPS, device=DEVICE, dtype=DTYPE)
    weights[-1] = 1 - left * (INNER_STEPS - 1) / INNER_STEPS
    return weights


def outer_loss(theta: Parameters, step: int, batch: Batch) -> tuple[Tensor, Tensor]:
    """The weighted query losses after all inner steps, and the last one alone."""

    def task_losses(support_x: Tensor, support_y: Tensor, *query: Tensor) -> Tensor:
        path = adapt(theta, {also}support_x, support_y)
        return torch.stack([loss(phi, *query) for phi in path])

    losses = vmap(task_losses)(*batch).mean(0)
    return query_weights(step) @ losses, losses[-1]'''
CLIPPED = '''\
def clipped(gradient: Parameters, limit: float) -> Parameters:
    """The gradient, scaled down to a norm of at most `limit`."""
    squared = torch.stack([g.square().sum() for g in gradient.values()]).sum()
    norm = squared.where(squared > 0, limit**2).sqrt()  # √ has no derivative at 0
    scale = (limit / norm).clamp(max=1)
    return {name: scale * g for name, g in gradient.items()}'''
OUTER_LR = {
    "cosine": '''\
def outer_lr(step: int) -> float:
    """β at an outer step from 0: half a cosine down to a part of it, where it stays."""
    half = (1 + math.cos(math.pi * min(1.0, step / OUTER_STEPS))) / 2
    return OUTER_LR * (SCHEDULE_END + (1 - SCHEDULE_END) * half)''',
    "step": '''\
def outer_lr(step: int) -> float:
    """β at an outer step from 0: lower from half of them on, and from 3/4 on."""
    falls = 0.5 * (step >= OUTER_STEPS / 2) + 0.5 * (step >= 0.75 * OUTER_STEPS)
    return OUTER_LR * SCHEDULE_END**falls''',
    "warm-up": '''\
def outer_lr(step: int) -> float:
    """β at an outer step from 0: in equal steps up to it, where it stays."""
    return OUTER_LR * min(1.0, (step + 1) / WARMUP_STEPS)''',
}
JOINT_LOSS = '''\
def joint_loss(theta: Parameters, batch: Batch) -> tuple[Tensor, Tensor]:
    """The mean over all points of all tasks, and over the query points alone."""
    support_x, support_y, query_x, query_y = batch
    x, y = torch.cat([support_x, query_x], 1), torch.cat([support_y, query_y], 1)
    errors = (functional_call(model, theta, (x,)) - y).square()
    return errors.mean(), errors[:, SHOTS:].mean()'''
TRAIN = '''\
def train(theta: Parameters, batches: Iterable[Batch]) -> Iterator[Tensor]:
    """Train θ in place; yields the query loss of each outer step, before its update."""
'''
ANNEALED = "        epsilon = EPSILON * max(0.0, 1 - step / OUTER_STEPS)\n"
INTERPOLATION = """\
    for {each} in {batches}:  # the outer loop
{annealed}        support_x, support_y, query_x, query_y = batch
        phi = vmap(adapt, in_dims=(None, 0, 0))(theta, support_x, support_y)
        query_loss = vmap(loss)(phi, query_x, query_y).mean()
        for name in theta:  # θ ← θ + ε · mean over tasks of (φ − θ)
            theta[name] += {epsilon} * (phi[name].mean(0) - theta[name])
        yield query_loss"""
OPTIMIZATION = """\
    optimizer = torch.optim.{optimizer}
    for {each}:  # the outer loop
{rate}{gradient}
{clipped}        for name in theta:
            theta[name].grad = gradient[name]
        optimizer.step()
        yield query_loss"""
SCHEDULED = """\
        for group in optimizer.param_groups:
            group["lr"] = outer_lr(step)
"""
GRADIENT = "        gradient, query_loss = grad_and_value(outer_loss)(theta, {step}batch)"
WEIGHTED_GRADIENT = """\
        found = grad_and_value(outer_loss, has_aux=True)(theta, step, batch)
        gradient, (_, query_loss) = found"""
JOINT_GRADIENT = """\
        found = grad_and_value(joint_loss, has_aux=True)(theta, batch)
        gradient, (_, query_loss) = found"""
MAIN = """\
if __name__ == "__main__":
    torch.manual_seed(SEED)
    initialize()
    theta = {{name: value.detach() for name, value in model.named_parameters()}}
{rates}    batches = (sample_batch() for _ in range(OUTER_STEPS))
    for step, query_loss in enumerate(train(theta, batches), start=1):
        if step % {every} == 0 or step == 1:
            print(f"outer step {{step}}: query loss {{query_loss:.4g}}")
    torch.save({saved}"""
