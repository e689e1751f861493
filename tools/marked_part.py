"""Puts what a tool writes between its two marks on a page."""


def with_part(page: str, begin: str, end: str, part: str) -> str:
    """The page with `part` between its marks.

    Raises:
        ValueError: where it has no such marks.
    """
    before, rest = page.split(begin, 1)
    _, after = rest.split(end, 1)
    return f"{before}{begin}\n\n{part}\n\n{end}{after}"
