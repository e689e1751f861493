"""Maps: parameters, errors, landscape."""
