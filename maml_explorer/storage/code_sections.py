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
SAMPLE = '''\
def sample_batch() -> Batch:
    """Sample tasks: support x, y and query x, y, each [task, point, 1]."""
    empty = model[0].weight.new_empty  # of the same device and type
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
ADAPT = {
    "all": '''\
def adapt(theta: Parameters, x: Tensor, y: Tensor) -> Parameters:
    """φ = U_K(θ, S): K inner steps on one task's support set."""
    phi = theta
    for _ in range(INNER_STEPS):  # the inner loop
        gradient = grad(loss)(phi, x, y)
        phi = {name: phi[name] - INNER_LR * gradient[name] for name in phi}
    return phi''',
    "head": '''\
def adapt(theta: Parameters, x: Tensor, y: Tensor) -> Parameters:
    """φ = U_K(θ, S): K inner steps of the head on one task's support set."""
    body = {name: theta[name] for name in theta if name not in HEAD}
    head = {name: theta[name] for name in HEAD}
    for _ in range(INNER_STEPS):  # the inner loop
        gradient = grad(lambda w: loss(body | w, x, y))(head)
        head = {name: head[name] - INNER_LR * gradient[name] for name in HEAD}
    return body | head''',
    "minibatches": '''\
def adapt(theta: Parameters, x: Tensor, y: Tensor) -> Parameters:
    """φ = U_K(θ, S): K inner steps, each on the next minibatch of the support set."""
    xs, ys = x.split(INNER_BATCH), y.split(INNER_BATCH)
    phi = theta
    for k in range(INNER_STEPS):  # the inner loop
        gradient = grad(loss)(phi, xs[k % len(xs)], ys[k % len(ys)])
        phi = {name: phi[name] - INNER_LR * gradient[name] for name in phi}
    return phi''',
}
FIRST_ORDER = (
    "        gradient = {name: g.detach() for name, g in gradient.items()}  # first order\n"
)
OUTER_LOSS = '''\
def outer_loss(theta: Parameters, batch: Batch) -> Tensor:
    """The mean over tasks (in the paper a sum) of the query loss after adaptation."""

    def task_loss(support_x: Tensor, support_y: Tensor, *query: Tensor) -> Tensor:
        return loss(adapt(theta, support_x, support_y), *query)

    return vmap(task_loss)(*batch).mean()'''
JOINT_LOSS = '''\
def joint_loss(theta: Parameters, batch: Batch) -> Tensor:
    """The mean over all points of all tasks of the meta-batch."""
    support_x, support_y, query_x, query_y = batch
    x, y = torch.cat([support_x, query_x], 1), torch.cat([support_y, query_y], 1)
    return loss(theta, x, y)'''
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
    for batch in batches:  # the outer loop
{gradient}
        for name in theta:
            theta[name].grad = gradient[name]
        optimizer.step()
        yield query_loss"""
GRADIENT = "        gradient, query_loss = grad_and_value(outer_loss)(theta, batch)"
JOINT_GRADIENT = """\
        query_loss = loss(theta, *batch[2:])
        gradient = grad(joint_loss)(theta, batch)"""
MAIN = """\
if __name__ == "__main__":
    torch.manual_seed(SEED)
    initialize()
    theta = {{name: value.detach() for name, value in model.named_parameters()}}
    batches = (sample_batch() for _ in range(OUTER_STEPS))
    for step, query_loss in enumerate(train(theta, batches), start=1):
        if step % {every} == 0 or step == 1:
            print(f"outer step {{step}}: query loss {{query_loss:.4g}}")
    torch.save(model.state_dict(), "{file}")  # θ, which the model shares"""
