// The column of scores. A pair's data holds "counted" (one number per measure) and, for each layer,
// "plain" and "idf": [precision, recall, F1, similarity].
const ROWS = [
  ["Counting", null],
  ["bleu", "BLEU", 100, "runs of one to four words, as spelled"],
  ["chrf", "chrF", 100, "runs of one to six letters"],
  ["ter", "TER", 100, "word edits and moves needed; 0 is best"],
  ["rouge_1", "ROUGE-1", 1, "single words, order unseen"],
  ["rouge_2", "ROUGE-2", 1, "pairs of neighbours"],
  ["rouge_l", "ROUGE-L", 1, "words in the same order, gaps allowed"],
  ["unigram_precision", "Clipped precision", 1, "candidate words the reference has, as often"],
  ["exact_match", "Exact match", 1, "all or nothing"],
  ["Vectors", null],
  ["precision", "BERTScore P", 1, "each candidate token's closest"],
  ["recall", "BERTScore R", 1, "each reference token's closest"],
  ["f1", "BERTScore F1", 1, "both of them"],
  ["similarity", "Similarity", 1, "two mean vectors: one number a sentence"],
  ["Candidate alone", null],
  ["distinct_2", "distinct-2", 1, "different word pairs among all: repetition"],
];

// All scores of a pair under the switches; a layer beyond this encoder's is its own usual one.
function scoresOf(data, { layer, idf, rescale }) {
  const kind = idf ? "idf" : "plain";
  const at = layer < data[kind].length ? layer : data.usual;
  const base = data.baseline[kind][at];
  const vectors = data[kind][at].map((x, i) => (rescale ? (x - base[i]) / (1 - base[i]) : x));
  const [precision, recall, f1, similarity] = vectors;
  return { ...data.counted, precision, recall, f1, similarity };
}

function said(key, top, x) {
  if (key === "exact_match") return x ? "yes" : "no";
  return x.toFixed(top === 100 ? 1 : 3).replace("-", "−");
}

// A table row per measure: name and what it sees, before, now with a bar.
function scoreTable(now, before, make) {
  const table = make("table", "scores");
  const columns = make("colgroup");
  columns.append(make("col"), make("col", "was"), make("col", "now"));
  const head = make("tr");
  for (const words of ["measure", "before", "now"]) head.append(make("th", "", words));
  table.append(make("caption", "hidden", "Scores before and now"), columns, head);
  for (const [key, name, top, sees] of ROWS) {
    const row = make("tr", name ? "" : "group");
    if (!name) {
      const title = make("th", "", key);
      title.colSpan = 3;
      row.append(title);
    } else {
      row.dataset.measure = key;
      const cell = make("th", "", name);
      cell.scope = "row";
      cell.append(make("small", "", sees));
      const [was, is] = [before && said(key, top, before[key]), said(key, top, now[key])];
      const shown = make("td", "now", "");
      const rose = before && was !== is ? (now[key] > before[key] ? "▲" : "▼") : "";
      shown.append(make("b", "", is), make("i", rose ? "moved" : "", rose));
      if (rose) shown.lastChild.setAttribute("aria-label", rose === "▲" ? "rose" : "fell");
      const bar = make("s");
      bar.style.width = `${100 * Math.max(0, Math.min(1, now[key] / top))}%`;
      shown.append(bar);
      row.append(cell, make("td", "was", was || "–"), shown);
    }
    table.append(row);
  }
  return table;
}

// One sentence: how far BLEU and BERTScore moved, each of its own full length.
function moved(now, before) {
  const by = (x) => `${x < 0 ? "fell" : "rose"} by ${Math.abs(x).toFixed(1)}`;
  const bleu = now.bleu - before.bleu;
  const bert = 100 * (now.f1 - before.f1);
  if (Math.abs(bleu) < 0.05 && Math.abs(bert) < 0.05) return "Neither BLEU nor BERTScore F1 moved.";
  return `Of 100 points BLEU ${by(bleu)}, BERTScore F1 ${by(bert)}.`;
}
