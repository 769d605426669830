"""Randomness by purpose: one seed a run, and from it an independent seed for everything that is drawn."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *purpose: str | int) -> int:
    """Derive an independent seed for one purpose from the seed of a run.

    Text and numbers are told apart and every part carries its length, so that ("a", "bc") and ("ab", "c"), or 1
    and "1", give different seeds. The result is the same on every machine and in every version.

    Args:
        seed: Seed of the run, any integer.
        *purpose: What is drawn, from the general to the special: `derive_seed(7, "order", epoch)`.

    Returns:
        An integer from 0 to 2**63 - 1, which NumPy and torch generators both take: the first 8 bytes of BLAKE2b
        (RFC 7693) without the highest bit.
    """
    digest = hashlib.blake2b(digest_size=8, person=b"nf-seed-v1")
    for part in (int(seed), *purpose):
        tag = b"s" if isinstance(part, str) else b"i"
        body = str(part if isinstance(part, str) else int(part)).encode("utf-8", "surrogatepass")
        digest.update(tag + len(body).to_bytes(8, "little") + body)
    return int.from_bytes(digest.digest(), "little") & (2**63 - 1)
