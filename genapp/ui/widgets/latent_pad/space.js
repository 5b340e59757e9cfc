// Codes and coordinates. A cursor is kept in map coordinates u, 0…1 across each decoder's own box,
// so that twins whose code spaces differ in size can share it: z = low + u · (high − low).

// Petroff's ten colours (arXiv 2107.02270): told apart with any colour vision, on light and dark.
const COLOURS = [
  "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
  "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
];

// Label → colour; a class nobody gave is grey, and dark ink asks for the colour as it is.
function colourOf(label, classes, ink) {
  if (label >= classes.length) return "rgba(128, 128, 128, 0.7)";
  const colour = COLOURS[label % COLOURS.length];
  return ink[0] > 127 ? `color-mix(in srgb, ${colour} 78%, white)` : colour;
}

const WHOLE = 1.15; // width of the untouched view, in boxes: a box leaves out the outermost codes
const FAR = 0.5; // how far outside its box a cursor may go, in boxes

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

function rounded(value, digits = 2) {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? (0).toFixed(digits) : text).replace("-", "−");
}

// Indices of each class's points; the last group holds those of no known class.
function byLabel(labels, classes) {
  const groups = Array.from({ length: classes + 1 }, () => []);
  labels.forEach((label, k) => groups[Math.min(label, classes)].push(k));
  return groups;
}

class Space {
  // `raw` is what the server function `points` gives: codes quantised to uint16 over u −1…2.
  constructor(raw) {
    this.low = raw.low;
    this.high = raw.high;
    this.d = raw.low.length;
    this.labels = bytesOf(raw.labels);
    this.classes = raw.classes;
    this.groups = byLabel(this.labels, this.classes.length);
    const packed = new Uint16Array(bytesOf(raw.codes).buffer);
    this.codes = Float32Array.from(packed, (v) => (v / 65535) * 3 - 1);
  }

  z(u) {
    return Array.from(u, (v, k) => this.low[k] + v * (this.high[k] - this.low[k]));
  }

  u(z) {
    return z.map((v, k) => clamp((v - this.low[k]) / (this.high[k] - this.low[k]), -FAR, 1 + FAR));
  }

  span(k) {
    return this.high[k] - this.low[k];
  }

  // 0.05 in a box of six, as over the prior; larger boxes take proportionally larger steps.
  step(k, large) {
    return (large ? 0.5 : 0.05) * Math.max(1, Math.round(this.span(k) / 6));
  }

  code(index) {
    return Array.from(this.codes.subarray(index * this.d, (index + 1) * this.d));
  }

  // The point nearest to u in the plane of dimensions i and j, −1 if there are none.
  nearest(u, i, j) {
    let best = -1;
    let least = Infinity;
    for (let k = 0; k < this.labels.length; k++) {
      const dx = this.codes[k * this.d + i] - u[i];
      const dy = this.codes[k * this.d + j] - u[j];
      const distance = dx * dx + dy * dy;
      if (distance < least) [least, best] = [distance, k];
    }
    return best;
  }

  // Where to write a class's name: the median of its points.
  middle(label, i, j) {
    const points = this.groups[label];
    if (!points.length) return null;
    const along = (k) => Float32Array.from(points, (p) => this.codes[p * this.d + k]).sort();
    return [along(i)[points.length >> 1], along(j)[points.length >> 1]];
  }
}

// The square window that all maps of one widget look through, in u.
class View {
  constructor() {
    this.reset();
  }

  reset() {
    this.x = 0.5;
    this.y = 0.5;
    this.width = WHOLE;
  }

  get whole() {
    return this.width === WHOLE;
  }

  get left() {
    return this.x - this.width / 2;
  }

  get bottom() {
    return this.y - this.width / 2;
  }

  toScreen(x, y, size) {
    return [
      ((x - this.left) / this.width) * size,
      (1 - (y - this.bottom) / this.width) * size,
    ];
  }

  toMap(px, py, size) {
    return [this.left + (px / size) * this.width, this.bottom + (1 - py / size) * this.width];
  }

  // Keeps the map point under (fx, fy), fractions of the window from its bottom left, in place.
  zoom(factor, fx, fy) {
    const width = clamp(this.width / factor, 0.04, 2);
    const x = this.left + fx * this.width;
    const y = this.bottom + fy * this.width;
    this.width = width;
    this.x = clamp(x - (fx - 0.5) * width, -FAR, 1 + FAR);
    this.y = clamp(y - (fy - 0.5) * width, -FAR, 1 + FAR);
  }

  pan(dx, dy) {
    this.x = clamp(this.x + dx * this.width, -FAR, 1 + FAR);
    this.y = clamp(this.y + dy * this.width, -FAR, 1 + FAR);
  }
}

// The cursor's past and future.
class Past {
  constructor() {
    this.before = [];
    this.after = [];
  }

  keep(u) {
    const last = this.before[this.before.length - 1];
    if (last && last.every((v, k) => v === u[k])) return;
    this.before.push(Array.from(u));
    if (this.before.length > 200) this.before.shift();
    this.after = [];
  }

  step(u, back) {
    const from = back ? this.before : this.after;
    if (!from.length) return null;
    (back ? this.after : this.before).push(Array.from(u));
    return from.pop();
  }
}
