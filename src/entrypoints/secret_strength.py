"""Whether a secret can be guessed: rules of thumb that catch what people type, and let pass what machines make.

No rule can tell how a secret was made. These refuse examples, words that are tried first, repetitions and sequences.
"""

import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Least:
    """What is asked of a kind of secret.

    Attributes:
        characters: of the whole.
        bits: as `estimated_bits` counts them, of what is left without well-known words.
    """

    characters: int
    bits: int


PUBLISHED = frozenset(
    {
        bytes(range(32)).hex(),  # the test vectors of many standards
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # a tutorial that very many have copied
    }
)
"""Keys that look random and stand in public documents."""

_PLACEHOLDER = re.compile(
    r"change[-_ ]?(?:me|this|it\b)|replace[-_ ]?(?:me|this|with)|^(?:your|insert|enter|put)[-_ ]|place[-_]?holder"
    r"|example|dummy|^<.*>$|^\$\{?\w+\}?$|^\{\{.*\}\}$",
    re.IGNORECASE,
)
_SPELLINGS = {"a": "[a@4]", "e": "[e3]", "i": "[i1!]", "l": "[l1]", "o": "[o0]", "s": "[s5$]", "t": "[t7]"}
_WORDS = """
    abc access admin administrator and api app asdf asdfghjkl auth bearer cluster cors database default demo dev
    development encryption facepass face for guest hash hello hunter iloveyou jwt key keys letmein live local localhost
    login long master minio monkey new not only our ours pass passphrase passwd password photo photos please postgres
    postgresql private prod production public qwerty qwertyuiop random really redis root safe secret secrets secure
    server service session short sign signing some staging storage string strong super system test testing tests that
    the this token tokens top user value very welcome with word you your zxcvbnm
"""
_FILLERS = frozenset({"a", "i", "in", "is", "it", "me", "my", "of", "on", "s3", "to"})


def _spelt(word: str) -> str:
    """A pattern for a word and what people write for it, such as `p@ssw0rd`."""
    return "".join(_SPELLINGS.get(letter, letter) for letter in word)


_ANY_WORD = "|".join(map(_spelt, sorted(_WORDS.split(), key=len, reverse=True)))
# Possessive: among words that are parts of each other, going back would take for ever.
_WORDY = re.compile(f"(?:{_ANY_WORD})++[^a-z]{{0,6}}|[0-9]{{1,3}}|(?:19|20)[0-9][0-9]", re.IGNORECASE)
"""Words with what is hung on to them, and the numbers and years that stand alone."""
_JOINT = re.compile(r"[\s._,:;/+=-]+")


def weakness(secret: str, least: Least) -> str | None:
    """Why a secret would not do, as the rest of a sentence that begins with its name; None where it does.

    What it says is true of many secrets and tells nothing of this one.
    """
    rest = _without_words(secret)
    if secret in PUBLISHED or _PLACEHOLDER.search(secret) or not rest:
        return "is a default, an example or nothing but words that are tried first"
    if len(secret) < least.characters:
        return f"has fewer than {least.characters} characters"
    if estimated_bits(rest) < least.bits:
        return "is easily guessed: it repeats itself, counts up or has too few different characters"
    return None


def estimated_bits(text: str) -> float:
    """At most so many bits it takes to guess a text, by the frequencies of its characters (Shannon, 1948).

    What is repeated counts once, and so does a run such as `aaaa`, `1234` or `cba`.
    """
    period = next((step for step in range(1, len(text)) if text[step:] == text[:-step]), len(text))
    once = text[:period]
    steps = [ord(after) - ord(before) for before, after in pairwise(once)]
    runs = {place + 2 for place in range(len(steps) - 1) if steps[place] == steps[place + 1] and abs(steps[place]) <= 1}
    kept = [character for place, character in enumerate(once) if place not in runs]
    return sum(-count * math.log2(count / len(kept)) for count in Counter(kept).values())


def _without_words(secret: str) -> str:
    """What is left of a secret without parts that are nothing but well-known words, and without what joins parts."""
    return "".join(part for part in _JOINT.split(secret) if not (part.lower() in _FILLERS or _WORDY.fullmatch(part)))
