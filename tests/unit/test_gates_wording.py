"""Gates that look at words: negatives, repeats, grammar, the form of the stem, reading level, and languages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sitting.domain.question import QuestionType
from sitting.questions.gates import Outcome, judge_item
from sitting.questions.gates.english import stem, syllables
from sitting.questions.gates.language import language_of
from sitting.questions.gates.text import Kind, read_text
from tests.support.items import asked, item, judged

PASSED, FAILED, NOT_APPLICABLE = Outcome.PASSED, Outcome.FAILED, Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    "question",
    [
        "Which of the following is not a prime number?",
        "Which of these protocols does not guarantee delivery?",
        "All of the following are fruits except:",
        "Which vegetable is least likely to spoil?",
        "What should you never do on a live server?",
        "Which data structures don't allow duplicates?",
        "Which of the statements that follow is not true?",
        "Select the option that does not apply.",
        "Which feature does a process that forks not inherit?",
        "A stack is not",
        "Which of these is *not* prime?",
        "**Which of these is not prime?**",
        "WHICH OF THESE IS NOT PRIME?",
        "All of these are prime except one. Which one?",
        "Under a rule by which lost things stay with their owner, which claim is not right?",
        "In which city is it not yet noon?",
        "The courts do each of these things, except to",
        "Which of these has no remainder?",
    ],
)
def test_negative_that_turns_the_question_round_must_be_emphasised(question: str) -> None:
    verdict = judged("negative_stem", asked(question))
    assert (verdict.outcome, verdict.place) == (FAILED, "stem")
    assert verdict.evidence["words"]


@pytest.mark.parametrize(
    "question",
    [
        "Which of these is **not** prime?",
        "Which is NOT prime?",
        "Which one DOESN'T stop?",
        "A lock is not held by the thread. What happens?",
        "Which expression makes a code that an attacker cannot predict?",
        "What happens if a file does not exist?",
        "Why is the file not closed?",
        "Which condition holds only if the path does not lead out?",
        "How many nodes must be up at least?",
        "What is the least common multiple of 4 and 6?",
        "Which cache drops the least recently used entry?",
        "Which one uses the least memory?",
        "What does `NOT IN` or `not x` give?",
        "A bird that cannot fly is called",
        "Which header tells a cache that it may store, and not for how long?",
        "What happens if a row has no match?",
        "Which value do all rows, except the first, have?",
        "Which number is no more than 5?",
    ],
)
def test_negatives_that_only_describe_or_are_emphasised_pass(question: str) -> None:
    assert judged("negative_stem", asked(question)).outcome is PASSED


def test_word_of_the_stem_that_only_the_key_repeats_gives_it_away() -> None:
    question = "Which method does a garbage collector use to find live objects?"
    verdict = judged("word_repeat", item(question, "Tracing of objects from the roots", "Sorting", "Hashing"))
    assert (verdict.outcome, verdict.place, verdict.evidence["cues"]) == (FAILED, "key", {"objects": "objects"})
    kin = item("What is encrypted first?", "The encryption header", "The body", "The trailer")
    assert judged("word_repeat", kin).outcome is FAILED


@pytest.mark.parametrize(
    ("question", "key", "distractors"),
    [
        ("Which sum is written as 1011?", "The sum of 8, 2 and 1", ("4, 2 and 2", "8 and 4")),
        ("What should you do with the pan?", "Cover the pan", ("Pour water on it", "Leave it")),
        ("Who next to a new school is a stakeholder?", "People next door", ("Fans", "Pupils")),
        ("Where are medicines locked away?", "In a cupboard that locks", ("On a table", "In a bag")),
        ("Which condition finds rows where `x` is null?", "`x IS NULL`", ("`x = 0`", "`VOID(x)`")),
        (
            "Sand lies under a clear sky. Why is the night cold?",
            "A clear sky lets heat go",
            ("Sand is cold", "It rains"),
        ),
    ],
)
def test_common_words_and_code_tell_something_where_the_stem_asks(
    question: str, key: str, distractors: tuple[str, ...]
) -> None:
    assert judged("word_repeat", item(question, key, *distractors)).outcome is FAILED


STORY = "A user opens a page. The page holds a form. The form is sent twice. What happens?"


@pytest.mark.parametrize(
    ("question", "key", "distractors"),
    [
        (STORY, "A user is told so", ("It fails", "It waits")),
        ("A user runs a program twice. What follows?", "The user is told so", ("It fails", "It waits")),
        ("Ida lost a ring, and Tom found it. What counts?", "What Ida says", ("What Tom says", "The ring's price")),
    ],
)
def test_story_may_be_taken_up_and_words_that_all_options_take_up_are_no_cue(
    question: str, key: str, distractors: tuple[str, ...]
) -> None:
    assert judged("word_repeat", item(question, key, *distractors)).outcome is PASSED


@pytest.mark.parametrize(
    ("key", "distractors"),
    [
        ("Tracing of objects", ("Sorting of objects", "Hashing")),
        ("Tracing of www.objects.example", ("Sorting", "Hashing")),
        ("Tracing from the roots", ("Sorting of objects", "Hashing")),
        ("Tracing of those objects", ("Sorting", "Hashing")),
        ("Tracing of `objects`", ("Sorting", "Hashing")),
        ("What is used first", ("Sorting", "Hashing")),
    ],
)
def test_words_that_others_share_or_that_tell_nothing_are_no_cue(key: str, distractors: tuple[str, ...]) -> None:
    question = "Which method does a garbage collector use to find live objects first?"
    assert judged("word_repeat", item(question, key, *distractors)).outcome is PASSED


@pytest.mark.parametrize(
    ("question", "key", "distractors"),
    [
        ("A bird that cannot fly is an", "ostrich", ("eagle", "penguin", "robin")),
        ("The structure is called a:", "queue", ("array", "index", "heap")),
        ("An ____ sorts in place.", "insertion sort", ("bubble sort", "merge sort")),
        ("The service is an", "HTTP server", ("file server", "disk")),
        ("The organs that filter blood are the", "kidneys", ("liver", "heart")),
        ("The main parts of a CPU are", "registers and an ALU", ("a disk", "a screen")),
        ("Which two numbers are prime?", "2 and 3", ("4", "6")),
        ("Which planets have rings?", "Saturn and Uranus", ("Venus", "Mercury")),
        ("Which organs filter the blood?", "The kidneys", ("The liver", "The heart")),
        ("Name the two largest planets.", "Jupiter and Saturn", ("Jupiter", "Mercury")),
        ("The organ that makes bile is the", "liver", ("kidneys", "lungs")),
        ("Which of these are noble gases?", "Helium and neon", ("Oxygen", "Iron")),
        ("A statement that changes rows is an", "`UPDATE`", ("`SELECT`", "`DELETE`")),
        ("The causes of the tides are mostly the", "pulls of Moon and Sun", ("wind", "current")),
        ("The old members are for some weeks", "teachers as well", ("a burden", "a manager")),
        ("People whom a project affects are its", "stakeholders", ("sponsor", "supplier")),
        ("The values that fill the columns are", "`NULL`s", ("a zero", "an empty text")),
    ],
)
def test_article_and_number_that_fit_only_some_options_fail(
    question: str, key: str, distractors: tuple[str, ...]
) -> None:
    verdict = judged("grammatical_cue", item(question, key, *distractors))
    assert (verdict.outcome, verdict.place) == (FAILED, "stem")
    assert "o_1" in verdict.evidence["options"] or "o_2" in verdict.evidence["options"]


@pytest.mark.parametrize(
    ("question", "key", "distractors"),
    [
        ("A bird that cannot fly is a(n)", "ostrich", ("eagle", "penguin")),
        ("It is called a/an", "ostrich", ("eagle", "penguin")),
        ("The house is a", "tent", ("unit", "one-off", "uniform")),
        ("It waits for an", "hour", ("answer", "honest reply")),
        ("This is an", "SQL query", ("index", "array")),
        ("The capital of Norway is", "Oslo", ("Bergen", "Paris")),
        ("Which of these are immutable?", "Strings", ("Lists", "Sets")),
        ("What are the consequences?", "The lock is kept", ("It fails", "Memory leaks")),
        ("Which port do browsers use?", "Free ports", ("A fixed one", "The last one")),
        ("Which advantage does it have?", "Speed", ("Lower costs", "Safety")),
        ("A statement that changes rows is a", "`SELECT`", ("`DELETE`", "`GRANT`")),
        ("The files that are stored there hold", "pictures", ("a text", "a table")),
    ],
)
def test_grammar_that_fits_all_options_passes(question: str, key: str, distractors: tuple[str, ...]) -> None:
    assert judged("grammatical_cue", item(question, key, *distractors)).outcome is PASSED


@pytest.mark.parametrize(
    "question",
    [
        "Binary trees",
        "Binary trees.",
        "Sorting algorithms are widely used.",
        "Regarding deadlocks:",
        "Photosynthesis in plants:",
        "Consider a queue with five elements.",
        "HTTP status codes.",
        "Copyright and what it is for",
        "`LEFT JOIN` of `customers` with `orders`",
        "Rows whose column holds no value.",
        "Typical uses of iron",
        "```python\nprint(1)\n```",
    ],
)
def test_stem_that_asks_nothing_fails(question: str) -> None:
    assert judged("stem_form", asked(question)).outcome is FAILED


@pytest.mark.parametrize(
    "question",
    [
        "The capital of Norway?",
        "A stack is",
        "In a B-tree, the leaves",
        "The command `git add` …",
        "Which of these is prime",
        "Choose the prime number.",
        "A ____ holds keys.",
        "To undo a commit, you run:",
        "Without further words, `ORDER BY price` puts",
        "The command `git add` stages",
        "Herbivores mostly eat",
        "Green plants absorb",
        "Iron rusts, and so it weakens",
        "The process in which plants turn light into sugar is called",
        "What does it print?\n\n```python\nprint(1)\n```",
    ],
)
def test_questions_requests_blanks_and_sentences_that_break_off_pass(question: str) -> None:
    assert judged("stem_form", asked(question)).outcome is PASSED


HARD = (
    "Considering the aforementioned circumstances, and in contradistinction to alternative methodologies, which "
    "organisational structure would be most appropriately characterised as facilitating chronological retrieval?"
)


def test_stem_that_is_hard_to_read_fails_and_names_its_hard_words() -> None:
    verdict = judged("reading_level", asked(HARD))
    assert verdict.outcome is FAILED
    assert verdict.evidence["grade"] > 14
    assert "contradistinction" in verdict.evidence["hard_words"]
    easy = "You put five jobs on a list and take them off again one by one. Which job do you get first?"
    assert judged("reading_level", asked(easy)).outcome is PASSED
    assert judged("reading_level", asked("Which of these is it?")).outcome is NOT_APPLICABLE


def test_words_of_the_subject_are_not_held_against_the_stem() -> None:
    grade = judged("reading_level", asked(HARD)).evidence["grade"]
    explained = replace(asked(HARD), explanation=HARD)
    assert judged("reading_level", explained).evidence["grade"] < grade - 5


def test_sentence_without_end_fails_however_short_its_words() -> None:
    assert "Cut it in two" in judged("reading_level", asked("Which is it if " + "we go on and on " * 10 + "?")).sentence


def test_gates_for_words_know_english_alone_and_the_others_any_language() -> None:
    german = item("Welche Zahl ist nicht gerade, wenn der Baum leer ist?", "drei", "vier", "sechs")
    said = {verdict.gate: verdict.outcome for verdict in judge_item(german)}
    assert said["negative_stem"] is said["stem_form"] is said["word_repeat"] is NOT_APPLICABLE
    assert said["option_count"] is said["one_key"] is said["longest_key"] is PASSED
    assert judged("negative_stem", asked("Which is not prime?"), language="de-AT").outcome is NOT_APPLICABLE


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("which of these is the capital", "en"),
        ("tcp congestion control", "en"),
        ("rows whose column holds no value", "en"),
        ("quelle est la capitale de la france", "fr"),
        ("welche struktur ist das", "de"),
        ("cuál es la capital de los países", "es"),
        ("какая структура данных", ""),
        ("哪个是素数", ""),
    ],
)
def test_language_is_told_by_its_small_words(text: str, language: str) -> None:
    assert language_of(text.split()) == language


@pytest.mark.parametrize("kind", [QuestionType.NUMERIC, QuestionType.SHORT_TEXT, QuestionType.MULTIPLE_RESPONSE])
def test_gates_say_for_which_kinds_of_questions_they_are_not_made(kind: QuestionType) -> None:
    content = replace(asked("Which is it?"), type=kind)
    said = {verdict.gate: verdict for verdict in judge_item(content)}
    assert said["longest_key"].outcome is NOT_APPLICABLE
    assert str(kind) in said["longest_key"].sentence
    assert said["negative_stem"].outcome is (PASSED if kind is QuestionType.MULTIPLE_RESPONSE else NOT_APPLICABLE)


def test_text_is_read_as_it_is_shown() -> None:
    text = read_text("Is `x is not y` **not** true? See $a_1$, e.g. [this](https://example.org). Really?", inline=False)
    assert [str(sentence) for sentence in text.sentences] == [
        "Is x is not y not true?",
        "See a_1, e.g. this.",
        "Really?",
    ]
    strong = [token.text for token in text.tokens if token.strong]
    assert strong == ["not"]
    assert [token.text for token in text.tokens if token.kind is Kind.CODE] == ["x is not y"]
    assert "x is not y" not in text.prose


def test_words_of_a_family_have_one_stem_and_syllables_are_about_right() -> None:
    assert len({stem(word) for word in ("encrypt", "encrypts", "encrypted", "encryption", "encrypting")}) == 1
    assert stem("lists") == stem("list") != stem("listens")
    assert [syllables(word) for word in ("cat", "table", "encryption", "make", "boxes", "video")] == [1, 2, 3, 1, 2, 3]
