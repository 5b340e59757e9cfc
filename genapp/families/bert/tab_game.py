"""Which sentence comes next? A game against the model, with held-out sentences it never read."""

import html
import json
import random
from typing import Any

import gradio as gr

from genapp import checkpoints
from genapp.families.bert.tab_fill_views import note
from genapp.families.bert.tab_work import DEFAULT, FAMILY, HIDDEN, bar, call, panel, told
from genapp.ui.context import Context

CHOICES = 4


def build(ctx: Context, model: gr.Dropdown) -> None:
    """Lays the game out."""
    gr.Markdown("#### Which sentence comes next?")
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=300):
            question = panel("bert-question")
            choice = gr.Radio([], label="One of these follows in the book", elem_id="bert-choice")
            another = gr.Button("Another", size="sm")
        with gr.Column(scale=5, min_width=300):
            result = panel("bert-result")
    state = gr.State({"seed": 1, "rounds": 0, "you": 0, "model": 0})
    outputs = [question, choice, result, state]
    another.click(another_round, state, outputs, **HIDDEN)
    choice.input(told(judged), [model, choice, state], [result, state], **HIDDEN)
    ctx.on_open(asked, outputs, state)


def held_out() -> list[list[str]]:
    """Pairs of consecutive sentences that travel with the shipped checkpoint."""
    folder = checkpoints.find(FAMILY).get(DEFAULT)
    path = None if folder is None else folder / "held_out.json"
    if path is None or not path.exists():
        return []
    return json.loads(path.read_text("utf-8"))["pairs"]  # type: ignore[no-any-return]


def round_of(seed: int) -> tuple[str, list[str], str]:
    """(A, the candidates in random order, the true one); candidates come from other places."""
    pairs, rng = held_out(), random.Random(seed)
    if len(pairs) < CHOICES:
        return "", [], ""
    right, *others = rng.sample(pairs, CHOICES)
    candidates = [right[1], *(pair[1] for pair in others)]
    rng.shuffle(candidates)
    return right[0], candidates, right[1]


def asked(state: dict[str, int]) -> list[Any]:
    """The question of a round."""
    a, candidates, _ = round_of(state["seed"])
    if not candidates:
        return [note("This model brought no held-out sentences along."), gr.skip(), "", state]
    words = f'<blockquote class="bt-lead">{html.escape(a)}</blockquote>'
    menu = gr.Radio(candidates, value=None)
    return [words, menu, note("Choose, then see what the model would have said."), state]


def another_round(state: dict[str, int]) -> list[Any]:
    """The next question."""
    return asked({**state, "seed": state["seed"] + 1})


def judged(model: str, choice: str, state: dict[str, int]) -> list[Any]:
    """Both answers; a round counts once."""
    a, candidates, right = round_of(state["seed"])
    if choice not in candidates:
        return [gr.skip(), state]
    chances = call("generate:follows", model, [(a, b) for b in candidates])
    best = candidates[chances.index(max(chances))]
    if state.get("judged") != state["seed"]:
        state = {
            **state, "judged": state["seed"], "rounds": state["rounds"] + 1,
            "you": state["you"] + (choice == right), "model": state["model"] + (best == right),
        }  # fmt: skip
    order = sorted(range(len(candidates)), key=lambda i: -chances[i])
    bars = "".join(
        bar(candidates[i], chances[i], "true" if candidates[i] == right else "") for i in order
    )
    verdict = "You are right." if choice == right else "That one is from elsewhere."
    said = "So is the model." if best == right else "The model would have erred."
    score = f"{state['rounds']} rounds: you {state['you']}, the model {state['model']}"
    return [
        f'<div class="bt-game"><p class="bt-lead">{verdict} {said}</p>{bars}'
        f'<p class="bt-note">P(it follows), the true one in colour. {score}.</p></div>',
        state,
    ]
