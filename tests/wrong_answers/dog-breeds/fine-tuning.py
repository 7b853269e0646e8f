"""Wrong answers to dog-breeds/fine-tuning and what each must lose."""

from tests.support.answers import Answer

TUNED = ("test_fine_tuned_visible", "test_fine_tuned_hidden")
TEXT = ("test_submission_text_visible",)
SCORES = tuple(f"test_submission_score_{number}_hidden" for number in (1, 2, 3))
FILE = ("test_submission_form_hidden", *SCORES)

FILE_NAME = "artifacts/submission.csv"

TUNED_CODE = """class FineTuned(nn.Module):
    def __init__(self, upper, head):
        super().__init__()
        self.upper, self.head = upper, head
        {more}

    def forward(self, maps):
        return {logits}

    def train(self, mode=True):
        {train}


def parameter_groups(model, lr):
    return [
        {{"params": list(model.upper.parameters()), "lr": {upper_lr}}},
        {{"params": list(model.head.parameters()), "lr": {head_lr}}},
    ]
"""
TRAIN = """super().train(mode)
        for part in self.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
        return self"""
TEXT_CODE = """def submission_text(ids, breeds, probs):
    lines = [{header}]
    for picture, row in zip({ids}, probs):
        lines.append({line})
    return {joined}


def predict(head, features, tuned, maps):
    return feature_maps.probabilities(head, *features)
"""


def tuned(
    why,
    loses=TUNED,
    more="",
    logits="self.head(self.upper(maps).mean((2, 3)))",
    train=TRAIN,
    upper_lr="lr / 10",
    head_lr="lr",
):
    code = TUNED_CODE.format(more=more, logits=logits, train=train, upper_lr=upper_lr, head_lr=head_lr)
    return Answer(f"fine-tuning: {why}", {"fine_tuned": code}, loses)


def text(why, header='",".join(["id", *breeds])', ids="ids", line=None, joined='"\\n".join(lines) + "\\n"'):
    line = line or '",".join([picture, *(f"{value:.8g}" for value in row)])'
    code = TEXT_CODE.format(header=header, ids=ids, line=line, joined=joined)
    return Answer(f"text: {why}", {"submission": code}, TEXT)


def file(why, change, loses=FILE):
    return Answer(f"submission: {why}", {}, loses, files={FILE_NAME: change})


def by_rows(change):
    """Change the table: a list of lists of texts, the first one the header."""

    def changed(content):
        table = [line.split(",") for line in content.decode().splitlines()]
        return ("\n".join(",".join(row) for row in change(table)) + "\n").encode()

    return changed


def entry(row, column, value):
    def change(table):
        table[row][column] = value(table[row][column]) if callable(value) else value
        return table

    return by_rows(change)


def timid(share):
    """Mix the predictions with equal probabilities."""

    def change(table):
        count = len(table[0]) - 1
        mixed = ([row[0], *(f"{(1 - share) * float(p) + share / count:.8g}" for p in row[1:])] for row in table[1:])
        return [table[0], *mixed]

    return by_rows(change)


def rotated(table):
    """The numbers of each picture in the row of the next one."""
    return [table[0], *([row[0], *other[1:]] for row, other in zip(table[1:], table[2:] + table[1:2], strict=True))]


def shifted(table):
    """The numbers of each breed in the column of the next one."""
    return [table[0], *([row[0], row[-1], *row[1:-1]] for row in table[1:])]


def certain(table):
    """All of the probability on the most probable breed."""
    rows = []
    for row in table[1:]:
        best = max(range(1, len(row)), key=lambda index: float(row[index]))
        rows.append([row[0], *("1" if index == best else "0" for index in range(1, len(row)))])
    return [table[0], *rows]


ANSWERS = [
    tuned("batch norm trains too", TUNED[1:], train="return super().train(mode)"),
    tuned("nothing trains", TUNED[1:], train="return super().train(False)"),
    tuned(
        "batch norm of parts of parts trains", TUNED[1:], train=TRAIN.replace("self.modules()", "self.upper.children()")
    ),
    tuned(
        "batch norm of the head is frozen too",
        TUNED[1:],
        train=TRAIN.replace("nn.BatchNorm2d", "(nn.BatchNorm1d, nn.BatchNorm2d)"),
    ),
    tuned(
        "a table of the visible case",
        logits="torch.tensor([[2.0, -1.5]])",
        train="return super().train(mode)",
        upper_lr="0.01",
        head_lr="0.1",
    ),
    tuned("train returns something else", TUNED[1:], train=TRAIN.replace("return self", "return self.upper")),
    tuned("the upper part is frozen", TUNED[1:], more="self.upper.requires_grad_(False)"),
    tuned("no gradient for the upper part", TUNED[1:], logits="self.head(self.upper(maps).detach().mean((2, 3)))"),
    tuned(
        "batch norm does not learn at all",
        TUNED[1:],
        train=TRAIN.replace("part.eval()", "part.eval().requires_grad_(False)"),
    ),
    tuned("train returns nothing", TUNED[1:], train=TRAIN.replace("return self", "pass")),
    tuned("largest instead of mean", logits="self.head(self.upper(maps).amax((2, 3)))"),
    tuned("softmax at the end", logits="self.head(self.upper(maps).mean((2, 3))).softmax(1)"),
    tuned("one learning rate", upper_lr="lr"),
    tuned("learning rates have changed places", upper_lr="lr", head_lr="lr / 10"),
    tuned("upper part ten times as fast", upper_lr="10 * lr"),
    text(
        "only as many pictures as the visible check has",
        joined='"\\n".join(lines) + "\\n" if len(ids) in (3, 4) else ""',
    ),
    text("no header", header='",".join(["0" for _ in range(len(breeds) + 1)])'),
    text(
        "semicolons", header='";".join(["id", *breeds])', line='";".join([picture, *(f"{value:.8g}" for value in row)])'
    ),
    text(
        "spaces after the commas",
        header='", ".join(["id", *breeds])',
        line='", ".join([picture, *(f"{value:.8g}" for value in row)])',
    ),
    text("spaces before the numbers", line='",".join([picture, *(f"{value: .8g}" for value in row)])'),
    text("columns sorted backwards", header='",".join(["id", *breeds[::-1]])'),
    text("rows in order of the ids", ids="sorted(ids)"),
    text("four digits after the point", line='",".join([picture, *(f"{value:.4f}" for value in row)])'),
    text("six digits after the point", line='",".join([picture, *(f"{value:.6f}" for value in row)])'),
    text("five significant digits", line='",".join([picture, *(f"{value:.5g}" for value in row)])'),
    text("a list of lines", joined="lines"),
    file("not handed in", None),
    file("a breed is missing", by_rows(lambda table: [row[:-1] for row in table])),
    file("columns in another order", by_rows(lambda table: [[table[0][0], *table[0][:0:-1]], *table[1:]])),
    file("an id that is none", entry(5, 0, "f" * 32)),
    file("not a number", entry(3, 4, "nan")),
    file("sum is not one", entry(9, 2, lambda value: str(float(value) + 0.1))),
    file(
        "logits",
        by_rows(lambda table: [table[0], *([row[0], *(f"{10 * float(p):.6g}" for p in row[1:])] for row in table[1:])]),
    ),
    file("another encoding", lambda content: content.decode().encode("utf-16")),
    file("equal probabilities", timid(1.0), SCORES),
    file("numbers of another picture", by_rows(rotated), SCORES),
    file("numbers of another breed", by_rows(shifted), SCORES),
    file("certain of the most probable breed", by_rows(certain), SCORES),
    file("timid: nearly equal", timid(0.75), SCORES[1:]),
    file("timid: half", timid(0.55), SCORES[2:]),
]
