"""Which steps must run: those that something wanted is made from, and that nobody has yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping


def demanded(
    needs: Mapping[str, Collection[str]], roots: Iterable[str], have: Collection[str]
) -> set[str]:
    """The keys that are wanted: `roots`, and the needs of wanted steps that are not in `have`.

    What lies only before steps of `have` is not wanted: an intermediate that was pruned is not
    made again where everything made from it is there.
    """
    wanted: set[str] = set()
    left = list(roots)
    while left:
        key = left.pop()
        if key in wanted:
            continue
        wanted.add(key)
        if key not in have:
            left.extend(needs.get(key, ()))
    return wanted


def sinks(needs: Mapping[str, Collection[str]]) -> set[str]:
    """Steps that no other step needs."""
    used = {need for wanted in needs.values() for need in wanted}
    return set(needs) - used
