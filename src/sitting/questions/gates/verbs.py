"""Verbs as they stand behind a subject: what makes a row of words a sentence that options can complete."""

from __future__ import annotations

from sitting.questions.gates.word_list import listed

_BASES = listed(
    """
    absorb accept achieve acquire act add affect agree allow amount appear apply argue arise arrive ask assume
    attach attract avoid become begin belong bind boil borrow break bring build burn calculate call carry catch
    cause choose claim close combine come compare compute conclude connect consist consume contain continue
    contribute control convert cost cover create cross decide decrease define delete deliver demand denote depend
    derive describe destroy detect determine develop die differ direct disappear discover display divide do draw
    drive drop earn eat emit employ enable encourage end enforce ensure enter equal establish evolve exceed exchange
    excrete execute exist expand expect explain express extend face fail fall feed feel fill find fit float flow
    follow forbid force forget form forward freeze gain generate get give go govern grant grow guarantee happen have
    hear help hide hold identify ignore illustrate imply import improve include increase indicate infer influence
    inform inherit insert inspire introduce invent involve join keep know lack last lay lead learn leave let lie
    like limit link live look lose love maintain make mark match matter mean measure melt merge move need notice
    obey obtain occur offer open orbit order owe own pass pay perform permit persuade point possess precede predict
    prefer prepare preserve prevent print proceed produce prohibit promise promote protect prove provide publish
    pull pump punish push put raise reach react read receive recognise recognize recommend record reduce refer
    reflect refuse regard regulate reject relate release rely remain remember remind remove render repair repeat
    replace report represent require resemble resist respond rest result retain return reveal rise rotate rule run
    save say see seek seem select sell send separate serve set shape share show signal signify sink sit slow solve
    sound speak specify speed spend split spread stage stand start state stay stem stop store strengthen strike
    succeed suffer suggest supply support suppose surround survive swap switch take talk teach tell tend terminate
    test tie touch trace transfer transform transmit transport travel treat trigger try turn understand use vary
    violate vote wait want warn waste weaken weigh win withdraw work write yield
    """
)
_PAST = listed(
    """
    became began bought brought built came caught chose cost cut died drew drove ended fell felt fought found founded
    gained gave got grew had held invented discovered signed caused introduced published kept knew laid led left lost
    made meant met moved ordered paid put reached received ran said saw sent set sold spoke stood started taught told
    took turned understood went won worked wrote
    """
)
_NOUNS = listed(
    """
    acts burns calls causes claims controls costs covers demands draws drops ends faces falls feeds fills flows forces
    forms gains grants helps holds increases decreases joins lacks leads likes limits links lives looks marks matches
    measures moves names needs offers orders passes points prints promises pulls pumps records reports results returns
    rises rules runs sets shapes shares shows signals sounds stands starts states stems stops stores supplies supports
    switches tests ties touches traces transfers treats tries turns uses votes waits wants works yields
    """
)


def _third_person(verb: str) -> str:
    if verb in ("have", "do", "go"):
        return {"have": "has", "do": "does", "go": "goes"}[verb]
    if verb.endswith(("s", "x", "z", "ch", "sh")):
        return verb + "es"
    is_consonant_y = verb.endswith("y") and verb[-2] not in "aeiou"
    return verb[:-1] + "ies" if is_consonant_y else verb + "s"


VERBS = frozenset(map(_third_person, _BASES)) | _PAST | listed("lies boils freezes puts")
PLURAL_VERBS = _BASES
"""As they stand behind several: “herbivores eat”."""
NOUNS_TOO = _NOUNS
"""Verbs that look like nouns: “uses of iron” is no sentence."""
