// The cosines as SVG: rows candidate, columns reference. A dot marks a candidate token's closest
// (precision), a ring a reference token's closest (recall). Colours are written out, so that the
// picture can be taken home as it stands.
const visible = (token) => token.replace(/^[ Ġ▁]/, "").replace(/\n/g, "⏎") || "␣";
const startsWord = (token, i) => i === 0 || /^[ Ġ▁\n]/.test(token);
const escaped = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

// Names for tokens: a part inside a word is written with a dot before it where blanks begin words.
function names(tokens) {
  const blanks = tokens.some((t, i) => i && /^[ Ġ▁]/.test(t));
  return tokens.map((t, i) => (blanks && !startsWord(t, i) ? "·" : "") + visible(t));
}

function bestOf(C, R, at) {
  const rows = Array.from({ length: C }, (_, i) => argmax(R, (j) => at(i, j)));
  const columns = Array.from({ length: R }, (_, j) => argmax(C, (i) => at(i, j)));
  return { rows, columns };
}

function argmax(n, f) {
  let best = 0;
  for (let i = 1; i < n; i++) if (f(i) > f(best)) best = i;
  return best;
}

// {svg, geometry}. picture: {candidate, reference, at(i, j), weights or null, width, style, caption}
function drawMatrix({ candidate, reference, at, weights, width, style, caption }) {
  const [C, R] = [candidate.length, reference.length];
  const [rows, columns] = [names(candidate), names(reference)];
  const longest = (list) => Math.min(12, Math.max(...list.map((t) => t.length)));
  const bar = weights ? 34 : 0;
  const [left, top] = [18 + 7.6 * longest(rows), 18 + 7.6 * longest(columns)];
  const cell = Math.max(15, Math.min(64, Math.floor((width - left - bar - 6) / R)));
  const [w, h] = [left + cell * R + bar + 4, top + cell * C + bar + 4];
  let low = 1;
  for (let i = 0; i < C; i++) for (let j = 0; j < R; j++) low = Math.min(low, at(i, j));
  const best = bestOf(C, R, at);
  const shade = (x) => (low < 1 ? ((x - low) / (1 - low)) ** 1.6 : 1);
  const cut = (t) => escaped(t.length > 12 ? `${t.slice(0, 11)}…` : t);
  const parts = [];
  rows.forEach((t, i) => parts.push(`<text class="row" data-i="${i}" x="${left - 8}" y="${top + cell * (i + 0.5)}" text-anchor="end" dy=".35em" fill="${style.ink}">${cut(t)}</text>`));
  columns.forEach((t, j) => {
    const x = left + cell * (j + 0.5);
    parts.push(`<text class="column" data-j="${j}" transform="translate(${x} ${top - 8}) rotate(-90)" dy=".35em" fill="${style.ink}">${cut(t)}</text>`);
  });
  for (let i = 0; i < C; i++) {
    for (let j = 0; j < R; j++) {
      const [x, y, s] = [left + cell * j, top + cell * i, shade(at(i, j))];
      const ink = s > 0.55 ? style.paper : style.ink;
      parts.push(`<rect x="${x + 1}" y="${y + 1}" width="${cell - 2}" height="${cell - 2}" rx="3" fill="${style.hue}" fill-opacity="${(0.05 + 0.95 * s).toFixed(3)}"/>`);
      if (cell >= 34) parts.push(`<text x="${x + cell / 2}" y="${y + cell / 2}" dy="${cell >= 40 ? "-.05em" : ".35em"}" text-anchor="middle" font-size="11" fill="${ink}">${at(i, j).toFixed(2).replace("-", "−")}</text>`);
      const r = Math.max(2, Math.min(3.2, cell / 8));
      const [dot, ring] = [best.rows[i] === j, best.columns[j] === i];
      const my = cell >= 40 ? y + cell - 11 : y + cell - r - 4;
      if (dot) parts.push(`<circle cx="${x + cell / 2 - (ring ? r + 2 : 0)}" cy="${my}" r="${r}" fill="${ink}"/>`);
      if (ring) parts.push(`<circle cx="${x + cell / 2 + (dot ? r + 2 : 0)}" cy="${my}" r="${r - 0.5}" fill="none" stroke="${ink}" stroke-width="1.4"/>`);
    }
  }
  if (weights) parts.push(weightBars(weights, { left, top, cell, C, R, style }));
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" font-family="system-ui, sans-serif" font-size="13">` +
    `<title>${escaped(caption)}</title>${parts.join("")}<g class="mark"></g></svg>`;
  return { svg, geometry: { left, top, cell, C, R }, best, low };
}

// How much each token weighs under IDF: right of the candidate's rows, below the reference's columns.
function weightBars([u, v], { left, top, cell, C, R, style }) {
  const most = Math.max(...u, ...v, 1e-9);
  const bars = u.map((x, i) => `<rect x="${left + cell * R + 5}" y="${top + cell * i + cell / 2 - 3}" width="${((28 * x) / most).toFixed(1)}" height="6" rx="2" fill="${style.faint}"><title>IDF weight ${x}</title></rect>`);
  const below = v.map((x, j) => `<rect x="${left + cell * j + cell / 2 - 3}" y="${top + cell * C + 5}" width="6" height="${((28 * x) / most).toFixed(1)}" rx="2" fill="${style.faint}"><title>IDF weight ${x}</title></rect>`);
  return [...bars, ...below].join("");
}

// Arrows of one cell's row and column: token → its closest in the other sentence.
function arrows(i, j, { left, top, cell }, best, hue) {
  const [c, r] = [best.rows[i], best.columns[j]];
  const mid = (n) => cell * (n + 0.5);
  const arrow = (x1, y1, x2, y2) => `<path d="M${x1} ${y1}L${x2} ${y2}" stroke="${hue}" stroke-width="2" marker-end="url(#score-lab-tip)" fill="none"/>`;
  return (
    `<defs><marker id="score-lab-tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="5" markerHeight="5" orient="auto"><path d="M0 0L8 4L0 8Z" fill="${hue}"/></marker></defs>` +
    `<rect x="${left + cell * j}" y="${top + cell * i}" width="${cell}" height="${cell}" rx="4" fill="none" stroke="${hue}" stroke-width="2"/>` +
    arrow(left - 5, top + mid(i), left + cell * c + 3, top + mid(i)) +
    arrow(left + mid(j), top - 5, left + mid(j), top + cell * r + 3)
  );
}
