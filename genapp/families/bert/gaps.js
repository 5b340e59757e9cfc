// A text as tokens to hide, and the candidates for every gap. Value: {data (JSON: tokens, kinds,
// split, gaps [{place, truth, p, guesses [[piece, p]]}]), note}. props: label.
const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};
const root = make("section", "gaps");
root.setAttribute("aria-label", props.label);
const line = make("div", "line");
const answers = make("div", "answers");
const note = make("p", "note");
const spoken = make("p", "spoken");
spoken.setAttribute("aria-live", "polite");
root.append(line, answers, note, spoken);
element.replaceChildren(root);

const SHOWN = 4; // gaps with their candidates on screen
let focus = -1; // the token that had the keyboard

const bare = (piece) => (piece.startsWith("##") ? piece.slice(2) : piece);
const percent = (p) => (p >= 0.0005 ? `${(100 * p).toFixed(1)} %` : "< 0.1 %");

function token(shown, i, gap) {
  const piece = shown.tokens[i];
  const special = shown.kinds[i] !== "word";
  const node = make(special ? "span" : "button", special ? "special" : "tok", bare(piece));
  if (piece.startsWith("##")) node.classList.add("joined");
  if (shown.split && i >= shown.split) node.classList.add("b");
  if (special) return node;
  node.type = "button";
  node.dataset.i = i;
  node.setAttribute("aria-pressed", Boolean(gap));
  if (gap) {
    node.classList.add("gap");
    node.textContent = gap.guesses.length ? bare(gap.guesses[0][0]) : "[MASK]";
    node.title = gap.truth ? `hidden: ${gap.truth}; click to show it again` : "a gap";
    node.setAttribute("aria-label", `gap, first guess ${node.textContent}`);
  } else {
    node.title = "click to hide";
  }
  node.addEventListener("click", () => choose({ index: i }));
  return node;
}

function choose(event) {
  focus = event.index;
  root.setAttribute("aria-busy", "true");
  trigger("select", event);
}

function card(gap, number) {
  const box = make("div", "card");
  const right = gap.truth && gap.guesses.length && gap.guesses[0][0] === gap.truth;
  const head = make("h4", "", gap.truth ? `Hidden: ${gap.truth}` : `Gap ${number}`);
  if (gap.truth) head.append(make("small", right ? "hit" : "", right ? "first guess" : percent(gap.p)));
  const list = make("ol");
  for (const [piece, p] of gap.guesses) {
    const row = make("li");
    const button = make("button", piece === gap.truth ? "own" : "");
    button.type = "button";
    button.title = "put it into the sentence";
    button.setAttribute("aria-label", `${piece}, ${percent(p)}: put it into the sentence`);
    const track = make("i");
    track.style.setProperty("--p", p);
    button.append(make("span", "", piece), track, make("span", "", percent(p)));
    button.addEventListener("click", () => choose({ index: gap.place, word: piece }));
    row.append(button);
    list.append(row);
  }
  box.append(head, list);
  return box;
}

function draw() {
  const value = props.value || {};
  note.textContent = value.note || "";
  root.removeAttribute("aria-busy");
  if (!value.data) return;
  const shown = JSON.parse(value.data);
  const gaps = new Map(shown.gaps.map((gap) => [gap.place, gap]));
  line.replaceChildren(...shown.tokens.map((_, i) => token(shown, i, gaps.get(i))));
  answers.replaceChildren(...shown.gaps.slice(0, SHOWN).map((gap, n) => card(gap, n + 1)));
  if (!shown.gaps.length) answers.append(make("p", "empty", "Nothing is hidden. Click a word above."));
  if (shown.gaps.length > SHOWN) answers.append(make("p", "empty", `and ${shown.gaps.length - SHOWN} more gaps`));
  root.dataset.gaps = shown.gaps.length;
  const first = shown.gaps[0];
  if (first && first.guesses.length) spoken.textContent = `first guess ${first.guesses[0][0]}, ${percent(first.guesses[0][1])}`;
  if (focus >= 0 && document.activeElement === document.body) line.querySelector(`[data-i="${focus}"]`)?.focus();
}

line.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const all = [...line.querySelectorAll("button")];
  const next = all[all.indexOf(document.activeElement) + step];
  if (next) next.focus();
  event.preventDefault();
});

watch("value", draw);
draw();
