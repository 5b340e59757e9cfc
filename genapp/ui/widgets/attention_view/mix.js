// From a layer to the matrix that is drawn: one head or a mix, which tokens are in sight, what is
// left of a row. A frame is {Q, K, values, qi, ki, signed, top}; qi and ki lead back to the tokens.

const MEAN = -1;
const MAX = -2;

// (Q × K) floats of one head, or of all.
function oneOf(cube, head) {
  const { H, Q, K, data, unit } = cube;
  const size = Q * K;
  const out = new Float32Array(size);
  if (head >= 0 || H === 1) {
    const from = (H === 1 ? 0 : head) * size;
    for (let i = 0; i < size; i++) out[i] = data[from + i] * unit;
    return out;
  }
  for (let h = 0; h < H; h++) {
    const from = h * size;
    if (head === MEAN) for (let i = 0; i < size; i++) out[i] += (data[from + i] * unit) / H;
    else for (let i = 0; i < size; i++) out[i] = Math.max(out[i], data[from + i] * unit);
  }
  return out;
}

function subtract(from, values) {
  for (let i = 0; i < from.length; i++) from[i] -= values[i];
}

// Indices of the tokens in sight. `side` is "A", "B" or "" for both.
function visible(tokens, kinds, split, side, specials, count) {
  const found = [];
  for (let i = 0; i < Math.min(tokens.length, count); i++) {
    if (specials !== "show" && (kinds[i] === "special" || kinds[i] === "pad")) continue;
    if (side === "A" && i >= split) continue;
    if (side === "B" && i < split) continue;
    found.push(i);
  }
  return found;
}

function frameOf(full, Q, K, map, see, signed) {
  const [from, to] = map.split && see.pair ? see.pair.split("") : ["", ""];
  const qi = visible(map.queries.tokens, map.queries.kinds, map.split, from, see.specials, Q);
  const ki = visible(map.keys.tokens, map.keys.kinds, map.split, to, see.specials, K);
  const values = new Float32Array(qi.length * ki.length);
  let top = 0;
  for (let r = 0; r < qi.length; r++) {
    const row = values.subarray(r * ki.length, (r + 1) * ki.length);
    for (let c = 0; c < ki.length; c++) row[c] = full[qi[r] * K + ki[c]];
    if (see.specials === "renorm" && !signed) rescale(row);
    if (see.cut < 1) cut(row, see.cut);
    for (let c = 0; c < row.length; c++) top = Math.max(top, Math.abs(row[c]));
  }
  return { Q: qi.length, K: ki.length, values, qi, ki, signed, top };
}

function rescale(row) {
  let sum = 0;
  for (const value of row) sum += value;
  if (sum > 0) for (let c = 0; c < row.length; c++) row[c] /= sum;
}

// Keeps the largest weights of a row until they make up `share` of it.
function cut(row, share) {
  const order = Array.from(row.keys()).sort((a, b) => Math.abs(row[b]) - Math.abs(row[a]));
  let sum = 0;
  for (const value of row) sum += Math.abs(value);
  let got = 0;
  for (const c of order) {
    if (got >= share * sum - 1e-9) row[c] = 0;
    got += Math.abs(row[c]);
  }
}

// ---- words ----------------------------------------------------------------------------------

function shown(token) {
  return token.replace(/\n/g, "⏎").replace(/^ /, "") || "␣";
}

function percent(value, signed) {
  const x = 100 * value;
  const size = Math.abs(x);
  const text = size >= 10 ? x.toFixed(1) : size >= 0.1 || !x ? x.toFixed(2) : x.toPrecision(1);
  return (signed && x > 0 ? "+" : "") + text.replace("-", "−") + " %";
}

function headName(head) {
  return head === MEAN ? "mean of heads" : head === MAX ? "max of heads" : `head ${head + 1}`;
}
