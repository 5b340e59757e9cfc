// Masks, the right and the wrong moment for them, and what leaks without one (ATT-20).

const MASKS = {
  none: (s) => MX.build(4, 4, () => true),
  causal: () => MX.causalMask(4),
  padding: (s) => MX.paddingMask(4, s.pads),
  custom: (s) => MX.build(4, 4, (i, j) => s.custom[4 * i + j] === 1),
};
const GIVEN = [[0.8, 0.1, 0.4, 0.2], [1.2, 0.3, 0.9, 0.5], [0.3, 0.7, 0.2, 1.6], [0.9, 0.2, 1.1, 0.4]];

function maskData(s, lab) {
  const scaled = lab.edited("scaled", s.equal ? MX.zeros(4, 4) : GIVEN);
  const mask = MASKS[s.mask](s);
  const masked = s.wrong ? scaled : MX.map(scaled, (v, i, j) => (mask[i][j] ? v : -Infinity));
  let weights = masked.map((row) => MX.softmax(row));
  if (s.wrong) weights = MX.map(weights, (a, i, j) => (mask[i][j] ? a : 0));
  return { scaled, mask, masked, weights, sums: weights.map((row) => [row.reduce((a, b) => a + b, 0)]) };
}

// How much each output of the four-word chain moves when one word changes.
function leak(changed, mask) {
  const other = FOUR.X.map((row, i) => (i === changed ? row.map((v) => v + 1) : row));
  const [a, b] = [FOUR.X, other].map((X) => MX.attend({ ...FOUR, X, mask }).output);
  return a.map((row, i) => MX.norm(row.map((v, k) => v - b[i][k])));
}

function experiment(lab) {
  const box = el("div", "ml-box");
  const button = el("button", "ml-button", "Train both, here and now", { type: "button", "data-action": "train" });
  const plot = el("div");
  const table = el("div", "ml-table");
  let running = 0;
  const run = () => {
    const mine = ++running;
    const models = [true, false].map((masked) => ({ masked, lm: new MX.TinyLM(masked, lab.state.seed), points: [], recent: [] }));
    const frame = () => {
      if (mine !== running || !box.isConnected) return;
      const until = performance.now() + 24;
      while (performance.now() < until && models[0].lm.steps < MX.tinySteps) {
        for (const m of models) m.recent.push(m.lm.step());
      }
      const done = models[0].lm.steps >= MX.tinySteps;
      for (const m of models) {
        if (m.recent.length < 20 && !done) continue;
        if (m.recent.length) m.points.push([m.lm.steps, m.recent.reduce((a, b) => a + b, 0) / m.recent.length]);
        m.recent = [];
      }
      if (models[0].points.length > 1) plot.replaceChildren(lineChart("loss while training", [
        ...models.map((m) => ({ name: m.masked ? "with the causal mask" : "without a mask", points: m.points })),
        { name: "best honest loss", points: [[0, MX.tinyFloor], [models[0].lm.steps, MX.tinyFloor]], dashed: true, colour: "var(--body-text-color-subdued)" },
      ], { x: "step", y: "loss, nats per word", low: 0 }));
      if (!done) requestAnimationFrame(frame);
      else report(models);
    };
    table.replaceChildren();
    box.dataset.done = "";
    requestAnimationFrame(frame);
  };
  const report = (models) => {
    const t = el("table");
    const head = el("tr");
    head.append(...["", "loss", "writes, with no future to copy from", "allowed steps"].map((x) => el("th", "", x, { scope: "col" })));
    t.append(head);
    for (const m of models) {
      const written = m.lm.write(60);
      const row = el("tr");
      row.append(el("td", "", m.masked ? "masked" : "not masked"), el("td", "", fmt(m.points.at(-1)[1])), el("td", "", written.text), el("td", "", `${fmt(100 * written.legal, 0)} %`));
      t.append(row);
    }
    table.replaceChildren(t);
    box.dataset.done = "true";
  };
  button.addEventListener("click", run);
  box.append(
    el("h4", "", "What the mask is for"),
    el("p", "ml-facts", `One attention layer learns a small grammar (robot · must · obey · orders …). The next word has ${fmt(MX.tinyFloor)} nats of surprise; nobody who can't see it does better. Without a mask a word simply looks at the one after it: the loss falls through the floor, and there is nothing to copy when writing.`),
    button, plot, table,
  );
  return { box, stop: () => { running++; } };
}

LESSONS.push({
  id: "masks",
  title: "Masks",
  line: "A mask says who may look at whom. Forbidden scores become −∞ before the softmax, so their weight is exactly 0.",
  task: "make the scores equal and the mask causal, then do it the wrong way: rows sum to 0.25, 0.5, 0.75, 1. Click cells of the mask to draw your own.",
  formula: "softmax(scores + M), M = 0 where open, −∞ where shut. The triangle lets all positions train at once without seeing their answers.",
  notes: ["One source says that without a mask the previous words leak. It is the following ones: change word t + 1 below and see whose output moves."],
  defaults: { mask: "causal", wrong: false, equal: true, pads: 1, custom: [1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1], changed: 2, seed: 1, edits: {} },
  controls: [
    { kind: "radio", name: "mask", label: "Mask", choices: [["none", "none"], ["causal", "causal"], ["padding", "padding"], ["custom", "custom"]] },
    { kind: "range", name: "pads", label: "pads at the end", low: 1, high: 3, show: (s) => s.mask === "padding" },
    { kind: "check", name: "equal", label: "equal scores", apply: fresh("equal") },
    { kind: "check", name: "wrong", label: "wrong way: zero after the softmax" },
  ],
  build(panel, lab) {
    const toggle = (i, j) => {
      const now = MASKS[lab.state.mask](lab.state).flat().map(Number);
      now[4 * i + j] = 1 - now[4 * i + j];
      lab.set({ mask: "custom", custom: now });
    };
    const scaled = new Grid({ name: "scaled", title: "scores", edit: (i, j, v, done) => lab.edit("scaled", i, j, v, done), top: 2 });
    const mask = new Grid({ name: "mask", title: "mask (click)", tint: "weight", press: toggle, digits: 0, top: 3 });
    const masked = new Grid({ name: "masked", title: "masked", top: 2 });
    const weights = new Grid({ name: "weights", title: "weights", tint: "weight" });
    const sums = new Grid({ name: "sums", title: "row sum", tint: "weight", top: 3 });
    const line = el("div", "ml-line");
    line.append(scaled.root, mask.root, el("span", "ml-op", "→"), masked.root, el("span", "ml-op", "→"), weights.root, sums.root);
    const verdict = el("p", "ml-formula");

    const slider = KNOBS.select({ name: "changed", label: "Change the word", choices: FOUR.words.map((w, i) => [String(i), w]) }, (v) => lab.set({ changed: Number(v) }));
    const bars = [new Bars("change of each output with the causal mask"), new Bars("change of each output without a mask")];
    const row = el("div", "ml-row");
    for (const [i, name] of ["with the causal mask", "without a mask"].entries()) {
      const box = el("div", "ml-box");
      box.append(el("p", "ml-facts", name), bars[i].root);
      row.append(box);
    }
    const trial = experiment(lab);
    this.close = trial.stop;
    panel.append(line, verdict, el("h4", "", "Leak test: whose output moves when one word changes?"), slider.node, row, trial.box);
    return (s) => {
      const d = maskData(s, lab);
      scaled.set(d.scaled, FOUR.words, FOUR.words);
      mask.set(MX.map(d.mask, Number), FOUR.words, FOUR.words);
      masked.set(d.masked, FOUR.words, FOUR.words);
      weights.set(d.weights, FOUR.words, FOUR.words);
      sums.set(d.sums, null);
      const sum = d.sums.map(([v]) => fmt(v)).join(", ");
      const blind = d.sums.some(([v]) => Number.isNaN(v));
      verdict.textContent = blind ? "A word that may look nowhere has no weights: 0 ÷ 0." : s.wrong ? `Wrong: rows sum to ${sum}. Hidden words still took their share of the denominator.` : `Right: every row sums to 1 (${sum}).`;
      slider.set(String(s.changed));
      const moves = [leak(s.changed, MX.causalMask(4)), leak(s.changed, null)];
      const top = Math.max(...moves.flat());
      bars.forEach((b, n) => b.set(FOUR.words.map((name, i) => ({ name, value: moves[n][i], text: moves[n][i] ? fmt(moves[n][i]) : "unmoved" })), top));
    };
  },
  data: (s, lab) => { const d = maskData(s, lab); return { scores: d.scaled, mask: MX.map(d.mask, Number), masked: d.masked, weights: d.weights }; },
});
