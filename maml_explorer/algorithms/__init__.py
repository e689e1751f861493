"""The table of algorithms. A new one is a file beside these and a line here."""

from maml_explorer.algorithms.anil import ANIL
from maml_explorer.algorithms.boil import BOIL
from maml_explorer.algorithms.cavia import CAVIA
from maml_explorer.algorithms.fomaml import FOMAML
from maml_explorer.algorithms.imaml import IMAML
from maml_explorer.algorithms.maml import MAML
from maml_explorer.algorithms.meta_curvature import META_CURVATURE
from maml_explorer.algorithms.meta_sgd import META_SGD
from maml_explorer.algorithms.mtl import MTL
from maml_explorer.algorithms.record import Algorithm
from maml_explorer.algorithms.reptile import REPTILE

ALGORITHMS: dict[str, Algorithm] = {
    record.key: record
    for record in (
        MAML,
        FOMAML,
        ANIL,
        BOIL,
        IMAML,
        META_SGD,
        META_CURVATURE,
        CAVIA,
        REPTILE,
        MTL,
    )
}
"""Key → record, in the order of menus."""

__all__ = ["ALGORITHMS", "Algorithm"]
