// The matrix: queries down, keys across. Beyond what fits, a window into it that zooms and follows.

const ROOM = { label: 104, cell: 36, smallest: 6 };

class MatrixView {
  constructor(host) {
    this.host = host;
    this.zoom = 1;
    this.q0 = this.k0 = 0; // the window's corner, in cells
  }

  measure(ctx, side, indices) {
    const widths = indices.slice(0, 200).map((i) => ctx.measureText(shown(side.tokens[i])).width);
    return Math.min(ROOM.label, Math.max(24, ...widths) + 12);
  }

  // Sets the geometry for a canvas `width` px wide; returns its height.
  fit(ctx, width) {
    const { frame, map } = this.host;
    this.left = this.measure(ctx, map.queries, frame.qi);
    this.head = this.measure(ctx, map.keys, frame.ki);
    const room = width - this.left - 4;
    this.rows = Math.max(1, Math.ceil(frame.Q / this.zoom));
    this.columns = Math.max(1, Math.ceil(frame.K / this.zoom));
    const fits = Math.min(room / this.columns, Math.max(240, Math.min(720, innerHeight * 0.75)) / this.rows);
    this.cell = Math.min(ROOM.cell, fits);
    this.q0 = clamp(this.q0, 0, frame.Q - this.rows);
    this.k0 = clamp(this.k0, 0, frame.K - this.columns);
    return this.head + this.rows * this.cell + 4;
  }

  zoomable() {
    return this.zoom > 1 || this.cell < 9;
  }

  setZoom(zoom) {
    const focus = this.host.focus();
    const middle = focus || { r: this.q0 + this.rows / 2, c: this.k0 + this.columns / 2 };
    this.zoom = clamp(zoom, 1, Math.max(1, Math.min(this.host.frame.Q, this.host.frame.K) / 8));
    const { frame } = this.host;
    this.q0 = Math.round(middle.r - frame.Q / this.zoom / 2);
    this.k0 = Math.round(middle.c - frame.K / this.zoom / 2);
  }

  // Brings a cell into the window.
  reveal({ r, c }) {
    this.q0 = clamp(this.q0, r - this.rows + 1, r);
    this.k0 = clamp(this.k0, c - this.columns + 1, c);
  }

  drag(dx, dy) {
    this.k0 = Math.round(this.k0 - dx / this.cell);
    this.q0 = Math.round(this.q0 - dy / this.cell);
  }

  draw(ctx) {
    const { frame, colours, ink } = this.host;
    const { left, head, cell } = this;
    if (this.drawnFrame !== frame || this.drawnColours !== colours) {
      this.picture = colours.picture(frame.values, frame.Q, frame.K);
      [this.drawnFrame, this.drawnColours] = [frame, colours];
    }
    ctx.imageSmoothingEnabled = false;
    const [w, h] = [this.columns * cell, this.rows * cell];
    ctx.drawImage(this.picture, this.k0, this.q0, this.columns, this.rows, left, head, w, h);
    if (cell >= 12) this.lattice(ctx);
    ctx.strokeStyle = ink(0.25);
    ctx.strokeRect(left + 0.5, head + 0.5, w - 1, h - 1);
    this.labels(ctx);
    this.mark(ctx);
  }

  lattice(ctx) {
    ctx.strokeStyle = this.host.ink(0.07);
    ctx.beginPath();
    for (let c = 1; c < this.columns; c++) {
      ctx.moveTo(this.left + c * this.cell, this.head);
      ctx.lineTo(this.left + c * this.cell, this.head + this.rows * this.cell);
    }
    for (let r = 1; r < this.rows; r++) {
      ctx.moveTo(this.left, this.head + r * this.cell);
      ctx.lineTo(this.left + this.columns * this.cell, this.head + r * this.cell);
    }
    ctx.stroke();
  }

  labels(ctx) {
    const { frame, map } = this.host;
    const focus = this.host.focus();
    const every = Math.max(1, Math.ceil(11 / this.cell));
    ctx.textBaseline = "middle";
    for (let r = 0; r < this.rows; r++) {
      const at = this.q0 + r;
      const lit = focus && focus.r === at;
      if (at % every && !lit) continue;
      const y = this.head + (r + 0.5) * this.cell;
      if (focus && !lit && every > 1 && Math.abs(focus.r - at) < every) continue;
      ctx.textAlign = "right";
      this.label(ctx, map.queries, frame.qi[at], this.left - 6, y, lit, this.left - 8);
    }
    for (let c = 0; c < this.columns; c++) {
      const at = this.k0 + c;
      const lit = focus && focus.c === at;
      if (at % every && !lit) continue;
      if (focus && !lit && every > 1 && Math.abs(focus.c - at) < every) continue;
      ctx.save();
      ctx.translate(this.left + (c + 0.5) * this.cell, this.head - 6);
      ctx.rotate(-Math.PI / 2);
      ctx.textAlign = "left";
      this.label(ctx, map.keys, frame.ki[at], 0, 0, lit, this.head - 8);
      ctx.restore();
    }
  }

  label(ctx, side, index, x, y, lit, room) {
    const changed = this.host.mark(index, side);
    ctx.font = this.host.font(lit ? 600 : 400);
    ctx.fillStyle = lit ? this.host.accent : this.host.ink(side.kinds[index] === "word" ? 0.9 : 0.5);
    ctx.fillText((changed === "hidden" ? "⌀ " : "") + fitted(ctx, shown(side.tokens[index]), room), x, y);
  }

  // The row and the cell in focus.
  mark(ctx) {
    const focus = this.host.focus();
    if (!focus) return;
    const [x, y] = [this.left + (focus.c - this.k0) * this.cell, this.head + (focus.r - this.q0) * this.cell];
    const [w, h] = [this.columns * this.cell, this.rows * this.cell];
    ctx.save();
    ctx.beginPath();
    ctx.rect(this.left, this.head, w, h);
    ctx.clip();
    ctx.strokeStyle = this.host.accent;
    ctx.lineWidth = this.host.locked() ? 2 : 1;
    ctx.strokeRect(this.left, y, w, this.cell);
    ctx.lineWidth = this.host.locked() ? 3 : 2;
    ctx.strokeRect(x, y, this.cell, this.cell);
    ctx.restore();
  }

  // Pixel → {r, c}; over the labels only one of them counts.
  at(x, y) {
    const r = Math.floor((y - this.head) / this.cell) + this.q0;
    const c = Math.floor((x - this.left) / this.cell) + this.k0;
    const inRows = r >= this.q0 && r < this.q0 + this.rows;
    const inColumns = c >= this.k0 && c < this.k0 + this.columns;
    if (inRows && inColumns) return { r, c };
    if (inRows && x < this.left) return { r, c: this.host.best(r), label: "query" };
    if (inColumns && y < this.head) return { r: this.host.focus()?.r ?? this.host.frame.Q - 1, c, label: "key" };
    return null;
  }
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(Math.max(low, high), value));
}

// As much of a word as `room` pixels hold.
function fitted(ctx, text, room) {
  if (ctx.measureText(text).width <= room) return text;
  let end = text.length;
  while (end > 1 && ctx.measureText(text.slice(0, end) + "…").width > room) end--;
  return text.slice(0, end) + "…";
}
