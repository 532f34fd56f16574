"""Makes more sentences from a small grammar: the same ones for the same seed."""
import random
import sys

PEOPLE = "the teacher|my sister|a young doctor|the new manager|our neighbour|an old sailor|the driver|her uncle|the committee|a tourist|the engineer|his lawyer|the baker|two students|the mayor|a journalist|the nurse|the goalkeeper|our landlord|the programmer|a farmer|the judge|my colleague|the singer|a customer".split("|")
THINGS = "the report|a wooden chair|the broken window|an expensive camera|the contract|three tickets|the garden gate|a bowl of soup|the old piano|the password|her bicycle|the train schedule|a letter from abroad|the kitchen table|the database|a pair of gloves|the medicine|the last slice of cake|the insurance policy|a map of the city|the spare key|an angry message|the vaccine|the heating system|a bottle of wine|the budget|the second chapter|the painting".split("|")
PLACES = "at the station|in the basement|near the river|behind the supermarket|at the hospital|in the mountains|on the second floor|outside the court|in a small village|at the airport|on the beach|in the library|next to the factory|at the university|under the bridge|in the waiting room".split("|")
TIMES = "yesterday|last winter|every Monday|before the storm|in the early morning|two weeks ago|after the meeting|during the holidays|at midnight|next year|for the first time|on Friday evening|as soon as possible|three times a day".split("|")
PAST = "forgot|found|sold|repaired|described|lost|bought|hid|checked|ordered|painted|returned|stole|finished|examined|broke|photographed|carried|refused|cancelled".split("|")
BASE = "find|sell|repair|change|understand|return|replace|clean|order|cancel|open|move|copy|insure|paint|store".split("|")
TOPICS = "climate change|the football final|interest rates|public transport|organic farming|the election|space travel|childhood asthma|data protection|modern art|the housing market|sleep|machine learning|the price of bread|air pollution|wild mushrooms|jazz|tax law|volcanoes|dog training".split("|")
QUALITIES = "too expensive|surprisingly good|completely empty|hard to explain|dangerous|out of date|better than expected|closed|famous|wet|incomplete|very quiet|unfair|nearly finished|late again|delicious".split("|")
EVENTS = "it started to rain|the power went out|nobody answered|the price doubled|the train was late|the dog ran away|the deadline passed|the guests arrived|the road was blocked|the server crashed|the baby woke up|the light turned red|the shop closed early|the engine stopped".split("|")


def one(rng):
    def pick(words):
        return rng.choice(words)

    forms = (
        lambda: f"{pick(PEOPLE)} {pick(PAST)} {pick(THINGS)} {pick(PLACES)}",
        lambda: f"{pick(PEOPLE)} {pick(PAST)} {pick(THINGS)} because {pick(EVENTS)}",
        lambda: f"when {pick(EVENTS)}, {pick(PEOPLE)} {pick(PAST)} {pick(THINGS)}",
        lambda: f"how do I {pick(BASE)} {pick(THINGS)} {pick(PLACES)}?",
        lambda: f"why did {pick(PEOPLE)} {pick(BASE)} {pick(THINGS)} {pick(TIMES)}?",
        lambda: f"{pick(PEOPLE)} gave a talk about {pick(TOPICS)} {pick(TIMES)}",
        lambda: f"{pick(THINGS)} {pick(PLACES)} was {pick(QUALITIES)}",
        lambda: f"most people know little about {pick(TOPICS)}",
        lambda: f"is {pick(THINGS)} really {pick(QUALITIES)}?",
        lambda: f"please {pick(BASE)} {pick(THINGS)} and tell {pick(PEOPLE)}",
        lambda: f"an article about {pick(TOPICS)} and {pick(TOPICS)}",
        lambda: f"{pick(PEOPLE)} said that {pick(THINGS)} was {pick(QUALITIES)}, but {pick(EVENTS)}",
        lambda: f"I would like to {pick(BASE)} {pick(THINGS)} {pick(TIMES)}",
        lambda: f"{pick(TOPICS)} matters more than {pick(TOPICS)}",
        lambda: f"{pick(QUALITIES)}, as {pick(PEOPLE)} put it {pick(TIMES)}",
    )
    sentence = pick(forms)()
    return sentence[0].upper() + sentence[1:] + ("" if sentence.endswith("?") else ".")


def make(count, seed=0):
    rng = random.Random(seed)
    sentences = []
    while len(sentences) < count:
        sentence = one(rng)
        if sentence not in sentences:
            sentences.append(sentence)
    return sentences


if __name__ == "__main__":
    print("\n".join(make(int(sys.argv[1]))))
