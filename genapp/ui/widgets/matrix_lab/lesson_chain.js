// The chain itself (ATT-16): every number editable, every step visible.

const FOUR = {
  words: ["robot", "must", "obey", "orders"],
  X: [[1, 0, 2, -1], [1, 2, 0, 0], [2, -1, 0, 2], [0, -1, 1, 0]],
  Wq: [[0, 0, 0, 1], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]],
  Wk: [[0, 0, 2, 1], [-1, 2, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0]],
  Wv: [[0, 1, 1, 1], [0, 0, 0, 0], [1, 1, 0, 1], [0, 1, 0, 2]],
};
const EDIT_HINT = "Type, use the arrow keys, or drag a number sideways (Alt + ↑ ↓ for 0.1).";

function numbers(preset, { d, dk, dv, seed }, examples) {
  if (preset === "four") return FOUR;
  if (preset === "eight") return examples;
  const r = MX.random(seed);
  return { words: FOUR.words, X: r.normals(4, d), Wq: r.normals(d, dk, d ** -0.5 * 1.5), Wk: r.normals(d, dk, d ** -0.5 * 1.5), Wv: r.normals(d, dv, d ** -0.5) };
}

function chainData(s, lab) {
  const base = numbers(s.preset, s, lab.examples);
  const X = lab.edited("X", base.X);
  const Wq = lab.edited("Wq", base.Wq);
  const Wv = lab.edited("Wv", base.Wv);
  const Wk = s.tie && base.Wk[0].length === base.Wv[0].length ? Wv : lab.edited("Wk", base.Wk);
  const dk = Wq[0].length;
  const divisor = s.scale ? Math.sqrt(dk) : 1;
  const mask = s.causal ? MX.causalMask(X.length) : null;
  const result = MX.attend({ X, Wq, Wk, Wv, divisor, mask });
  return {
    words: base.words, X, Wq, Wk, Wv, result, divisor, mask, query: Math.min(s.query, X.length - 1),
    divisorName: s.scale ? `√${dk}` : "1 (not scaled)",
    notes: { scaled: s.scale ? `÷ √${dk} = ${fmt(divisor)}` : "÷ 1", masked: s.causal ? "future shut" : "all open", Wk: s.tie ? "= W_v" : undefined },
  };
}

const fresh = (name) => (value) => ({ [name]: value, edits: {} });
const random = (s) => s.preset === "random";

const LESSONS = [{
  id: "chain",
  title: "The chain",
  line: "Self-attention, all of it: each word asks (q), each word answers (k), and what is found (v) is mixed.",
  task: "untick scale: one weight becomes almost 1. Tick causal: the upper triangle empties. Then change one number of X and watch everything after it recolour.",
  formula: "softmax(Q·Kᵀ / √d_k) · V — Vaswani et al. 2017. d_k is the width of a key, not the length of the sentence; the projections are plain linear maps.",
  notes: [
    "Some course notes print the formula without · V, call d_k a sequence length, or call the projections feed-forward networks.",
    "The eight-word preset repeats a published worked example: ω₂ = −25.1623, 9.3602, 14.3667 …, largest weight 0.8560 scaled and 0.99928 unscaled.",
  ],
  defaults: { preset: "four", scale: true, causal: false, tie: false, query: 2, d: 4, dk: 4, dv: 4, seed: 1, edits: {} },
  controls: [
    { kind: "select", name: "preset", label: "Numbers", choices: [["four", "four words, 4 × 4"], ["eight", "eight words, seed 123, 16-d"], ["random", "random"]], apply: (v) => ({ preset: v, edits: {}, query: v === "eight" ? 1 : 2 }) },
    { kind: "check", name: "scale", label: "scale" },
    { kind: "check", name: "causal", label: "causal" },
    { kind: "check", name: "tie", label: "W_k ≡ W_v", show: (s) => !random(s) || s.dk === s.dv },
    { kind: "range", name: "d", label: "d", low: 2, high: 16, apply: fresh("d"), show: random },
    { kind: "range", name: "dk", label: "d_k", low: 1, high: 16, apply: fresh("dk"), show: random },
    { kind: "range", name: "dv", label: "d_v", low: 1, high: 16, apply: fresh("dv"), show: random },
    { kind: "range", name: "seed", label: "seed", low: 0, high: 99, apply: fresh("seed"), show: random },
  ],
  build(panel, lab) {
    const chain = new Chain([
      { title: "Words as vectors, and three learned maps", parts: ["X", "Wq", "Wk", "Wv"] },
      { title: "Queries, keys, values", parts: ["Q", "K", "V"] },
      { title: "Who looks at whom", parts: ["scores", "→", "scaled", "→", "masked"] },
      { title: "Shared out, and mixed", parts: ["weights", "→", "output"] },
    ], { edit: (...a) => lab.edit(...a), editable: ["X", "Wq", "Wk", "Wv"], pick: (i) => lab.set({ query: i }) });
    const bars = new Bars("weights of the chosen word");
    const beside = el("div", "ml-beside");
    const title = el("b");
    const facts = el("p", "ml-facts");
    beside.append(title, bars.root, facts);
    chain.root.querySelectorAll(".ml-line")[3].append(beside);
    panel.append(chain.root, el("p", "ml-hint", EDIT_HINT));
    return (s) => {
      const data = chainData(s, lab);
      chain.set(data);
      title.textContent = `“${data.words[data.query]}” looks at`;
      bars.set(data.words.map((word, j) => ({ name: word, value: data.result.weights[data.query][j] })));
      const [d, dk, dv] = [data.X[0].length, data.Wq[0].length, data.Wv[0].length];
      facts.textContent = s.tie
        ? `${count(d * (dk + dv))} weights instead of ${count(d * (2 * dk + dv))}: keys and values share theirs`
        : `${count(d * (2 * dk + dv))} weights in three maps · click a row to choose the word that asks`;
    };
  },
  data: (s, lab) => { const { X, Wq, Wk, Wv, result } = chainData(s, lab); return { X, Wq, Wk, Wv, ...result }; },
}];
