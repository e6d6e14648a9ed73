"""ReCoRD: which name of a news text belongs in the gap of a sentence? (SuperGLUE; word-level F1 and exact match.)"""

from nlu_rl.tasks.free_text import FreeTextTask


class Record(FreeTextTask):
    name = "record"
    passage = "passage"
    title = "The name that is missing from a sentence (SuperGLUE)"
    note = "Any of the accepted names counts; the names are listed in the prompt, one a line."
    system = "You are an assistant that answers questions about news texts."
    instructions = (
        "Find the name that @placeholder stands for in the sentence. Answer with exactly "
        "<Judgement>the name</Judgement>, copied from the list of names, and nothing else."
    )
    query = "Text: {passage}\nNames:\n{entities}\nSentence: {query}"
    submission_file = "ReCoRD.jsonl"
