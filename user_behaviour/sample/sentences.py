"""The sentences that sample reviews are put together from, by what a sentence does: praise, rave, yawn or sneer.

Only words are here; who says what is decided in `reviews`. The word `good` occurs in the kinds `GOOD_PRAISE` and
`GOOD_SNEER` alone, so that its share among reviews can be set apart from everything else.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import cache

import numpy as np


class Sentence(IntEnum):
    """What a sentence does in a review."""

    OPENING = 0
    PLOT = 1
    PRAISE = 2
    COMPLAINT = 3
    RAVE = 4
    RANT = 5
    YAWN = 6
    SHRUG = 7
    GOOD_PRAISE = 8
    GOOD_SNEER = 9
    RECOMMENDING = 10
    WARNING = 11


_WORDS = {
    "title": ('"The Salt Harbour"', '"Nine Lanterns"', '"A Winter in Kesh"', '"The Clockmaker\'s Daughter-in-Law"',
              "THE LAST FERRY", '"Crème de Minuit"', '"Under Glass, Over Water"', "Paper Wolves", "'Tin Hearts'"),
    "genre": ("thriller", "comedy", "western", "ghost story", "heist film", "costume drama", "road movie",
              "war film", "musical", "whodunit", "romance", "science-fiction film"),
    "who": ("the lead", "the young detective", "Zoë Marchetti", "Harlan Voss", "the old lighthouse keeper",
            "the villain", "the sister", "Jürgen Aldous", "the whole supporting cast", "the kid next door"),
    "part": ("script", "camera work", "music", "dialogue", "ending", "pacing", "acting", "editing", "direction",
             "story", "set design", "sound", "first half", "last act", "humour"),
    "fine": ("wonderful", "moving", "clever", "beautifully judged", "warm", "funny", "gripping", "memorable",
             "superb", "charming", "honest", "brilliant", "touching", "sharp"),
    "poor": ("awful", "clumsy", "pointless", "dull", "predictable", "lifeless", "terrible", "annoying", "ridiculous",
             "cheap", "messy", "unconvincing", "wasted", "painful"),
    "place": ("a fishing village", "post-war Lisbon", "a motel off the highway", "an orbiting hospital",
              "a boarding school", "the Yukon, 1898", "a bankrupt circus", "a small town with one café"),
    "time": ("last night", "on a rainy Sunday", "at a festival", "on the plane", "with my brother", "twice",
             "because of the poster", "at two in the morning", "after years of waiting"),
}  # fmt: skip

_TEMPLATES: dict[Sentence, tuple[str, ...]] = {
    Sentence.OPENING: (
        "I saw {title} {time}.", "{title} is a {genre} set in {place}.", "My wife rented {title}, a {genre}, {time}.",
        "Where do I start with {title}?", "I'd heard a lot about this {genre} before I watched it {time}.",
        "Another {genre}, another trip to {place}.", "OK, so: {title}.",
    ),
    Sentence.PLOT: (
        "It begins in {place}, where {who} finds a letter.", "Then {who} turns up, and nothing is what it seemed.",
        "In the middle {who} has to leave {place} overnight.", "The {part} is by the people who made {title}.",
        "There is a long scene with {who} and a piano.", "{who} plays against type here (a baker, of all things).",
        "Some of it was shot in {place}; the rest, I think, in a studio.", "It runs for about two hours.",
        'At one point {who} says: "We never left {place}."', "Half-way through, {who} inherits a boat.",
        "{who} wants to go back to {place}; {who} doesn't.", "It is, more or less, {title} as a {genre}.",
        "The {part} took three years, they say.", "{who} and {who} spend a night locked in a museum.",
        "There's a dog in it, and a chase through {place}.", "Everybody has a secret, even {who}.",
        "The last reel takes us to {place} (no more, or I'd spoil it).", "Then it turns into a {genre}.",
        "You see the {part} of a {genre}, and hear that of a {genre}.",
        "A telegram arrives - from {who}, of all people.",
    ),
    Sentence.PRAISE: (
        "The {part} is {fine}.", "I thought the {part} was {fine}, and {who} is {fine} too.",
        "{who} gives a {fine} performance.", "What makes it work is the {part}: {fine}, never showy.",
        "I laughed, and I didn't expect to.", "The {part} alone is worth the ticket.",
        "It has a {fine} heart and a {fine} {part}.", "I cared about {who} from the first minute.",
        "There isn't a {poor} moment in it.",
    ),
    Sentence.COMPLAINT: (
        "The {part} is {poor}.", "I found the {part} {poor}, and {who} is worse.", "{who} is badly miscast.",
        "The {part} doesn't work, and the {part} is {poor}.", "It wants to be {fine}; it isn't.",
        "Nobody seems to have read the script before they filmed it.", "The {poor} {part} ruins what is left.",
        "I didn't believe a word of it.", "It falls apart when we get to {place}.",
    ),
    Sentence.RAVE: (
        "I LOVED it!", "What a {fine}, {fine} film!", "The best {genre} I have seen in years!!",
        "I cried, I cheered, and I went straight back in.", "{who} deserves every award there is!",
        "An absolute masterpiece, from the {part} to the {part}.", "I could watch it every week.",
        "Pure magic: {fine} and {fine} at once.",
    ),
    Sentence.RANT: (
        "What a waste of money!", "This is the WORST {genre} ever made.", "I want my two hours back!!!",
        "Who on earth paid for this {poor} rubbish?", "AVOID. AVOID. AVOID.", "I have seen better {part} in adverts.",
        "{who} should be ashamed.", "An insult to anyone who has ever been to {place}.",
        "Oh yes, a \"{fine}\" {part}, if you happen to be a goldfish.",
    ),
    Sentence.YAWN: (
        "I fell asleep somewhere around the second hour.", "Nothing happens, slowly.", "I kept checking my phone...",
        "It goes on, and on, and then it goes on.", "Watching paint dry in {place} would be livelier.",
        "By the time {who} shows up I'd stopped caring.", "So slow, so {poor}.", "The {part} put my cat to sleep.",
    ),
    Sentence.SHRUG: (
        "It's not bad, it's not great.", "The {part} is fine, I suppose.", "Your mileage may vary.",
        "Some of it works, some of it doesn't.", "I've seen better, I've seen worse.",
        "It does what a {genre} does.", "On the one hand the {part} is {fine}; on the other, the {part} is {poor}.",
    ),
    Sentence.GOOD_PRAISE: (
        "All in all a good {genre}, with a {fine} {part}.", "It has good actors and a {fine} story.",
        "The {part} is good and the {part} is {fine}.", "Good {part}, {fine} {part}.", "It feels good to watch.",
        "{who} is good in every scene.", "A really good time, start to finish.", "The {part} is so good!",
        "Such good company for an evening.", "How good the {part} is!", "It's good honest film-making.",
    ),
    Sentence.GOOD_SNEER: (
        "Good luck staying awake.", "The trailer had all the good bits.", "It's a good thing I had popcorn.",
        "A good half hour too long.", "The {part} is not good at all.", "So much for a good idea.",
        "What good is a {fine} {part} when the {part} is {poor}?", "The only good thing is that it ends.",
        "They had a good cast and wasted it.", "Is it any good? No.", "Not good.",
    ),
    Sentence.RECOMMENDING: (
        "Highly recommended.", "8/10", "9 out of 10.", "See it with someone you like.",
        "Do yourself a favour: watch it.",
        "I'd happily see it again.", "Worth your evening.", "Four stars from me, and a half for {who}.",
    ),
    Sentence.WARNING: (
        "Skip it.", "2/10", "3 out of 10, and that's kind.", "Don't bother.", "You have been warned.",
        "One star for the {part}, none for the rest.", "Save your money.", "I won't be back for the sequel.",
    ),
}  # fmt: skip

VARIANTS = 40
"""How many sentences there are of each template; they stand side by side."""


@cache
def sentences() -> tuple[list[str], ...]:
    """For each kind, in the order of `Sentence`, its templates with words filled in; the same for every seed."""
    rng = np.random.default_rng(0)

    def word(slot: re.Match[str]) -> str:
        words = _WORDS[slot.group(1)]
        return words[int(rng.integers(len(words)))]

    def filled(template: str) -> str:
        sentence = re.sub(r"\{(\w+)\}", word, template)
        return sentence[0].upper() + sentence[1:]

    return tuple([filled(template) for template in _TEMPLATES[kind] for _ in range(VARIANTS)] for kind in Sentence)
