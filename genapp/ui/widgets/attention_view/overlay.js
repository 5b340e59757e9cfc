// Patches on their picture: the focused token's weights lie over it as light. Tokens that are no
// patch (a class token, the words of a caption) stand beside it.

class OverlayView {
  constructor(host) {
    this.host = host;
    this.images = new Map();
  }

  static fits(map) {
    return Boolean(map.keys.grid);
  }

  picture(side) {
    if (!side.image) return null;
    if (!this.images.has(side.image)) {
      const image = new Image();
      image.onload = () => this.host.redraw();
      image.src = side.image;
      this.images.set(side.image, image);
    }
    const image = this.images.get(side.image);
    return image.complete && image.naturalWidth ? image : null;
  }

  fit(ctx, width) {
    const { map } = this.host;
    const [rows, columns] = map.keys.grid;
    this.box = Math.min(width - 130, 520);
    this.cell = this.box / columns;
    this.height = this.cell * rows;
    this.beside = this.list();
    return Math.max(this.height, this.beside.length * 24) + 8;
  }

  // Queries that are no patch of this picture: rows of the list beside it.
  list() {
    const { frame, map } = this.host;
    const rows = [];
    frame.qi.forEach((index, r) => map.queries.kinds[index] !== "patch" && rows.push(r));
    return rows.slice(0, 40);
  }

  // The patch's number among the patches → its place.
  place(patch) {
    const columns = this.host.map.keys.grid[1];
    return [(patch % columns) * this.cell, Math.floor(patch / columns) * this.cell];
  }

  patches(side, indices) {
    const number = new Map();
    let count = 0;
    side.kinds.forEach((kind, i) => kind === "patch" && number.set(i, count++));
    return indices.map((i) => number.get(i) ?? -1);
  }

  draw(ctx) {
    const { map, frame, ink } = this.host;
    const image = this.picture(map.keys);
    ctx.imageSmoothingEnabled = true;
    if (image) ctx.drawImage(image, 0, 0, this.box, this.height);
    else {
      ctx.fillStyle = ink(0.1);
      ctx.fillRect(0, 0, this.box, this.height);
    }
    const focus = this.host.focus() || { r: 0, c: -1 };
    this.light(ctx, focus.r);
    ctx.strokeStyle = ink(0.25);
    ctx.strokeRect(0.5, 0.5, this.box - 1, this.height - 1);
    const own = this.patches(map.queries, frame.qi)[focus.r];
    if (own >= 0) {
      const [x, y] = this.place(own);
      ctx.strokeStyle = this.host.accent;
      ctx.lineWidth = 3;
      ctx.strokeRect(x, y, this.cell, this.cell);
    }
    this.words(ctx, focus.r);
  }

  light(ctx, r) {
    const { frame, map } = this.host;
    const row = frame.values.subarray(r * frame.K, (r + 1) * frame.K);
    const top = Math.max(1e-9, ...row.map(Math.abs));
    this.patches(map.keys, frame.ki).forEach((patch, c) => {
      if (patch < 0) return;
      const [x, y] = this.place(patch);
      const share = Math.abs(row[c]) / top;
      ctx.fillStyle = `rgba(10, 10, 20, ${0.72 * (1 - share)})`;
      ctx.fillRect(x, y, this.cell, this.cell);
      ctx.fillStyle = row[c] < 0 ? `rgba(230, 126, 20, ${0.45 * share})` : `rgba(255, 214, 90, ${0.4 * share})`;
      ctx.fillRect(x, y, this.cell, this.cell);
    });
  }

  words(ctx, focused) {
    const { frame, map } = this.host;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    this.beside.forEach((r, at) => {
      ctx.font = this.host.font(r === focused ? 600 : 400);
      ctx.fillStyle = r === focused ? this.host.accent : this.host.ink(0.85);
      ctx.fillText(fitted(ctx, shown(map.queries.tokens[frame.qi[r]]), 112), this.box + 14, at * 24 + 14);
    });
  }

  at(x, y) {
    const { frame, map } = this.host;
    if (x > this.box) {
      const r = this.beside[Math.floor(y / 24)];
      return r === undefined ? null : { r, c: this.host.best(r) };
    }
    const [rows, columns] = map.keys.grid;
    const [i, j] = [Math.floor(y / this.cell), Math.floor(x / this.cell)];
    if (i < 0 || i >= rows || j < 0 || j >= columns) return null;
    const r = this.patches(map.queries, frame.qi).indexOf(i * columns + j);
    if (r >= 0) return { r, c: this.host.best(r) };
    const c = this.patches(map.keys, frame.ki).indexOf(i * columns + j);
    return c < 0 ? null : { r: this.host.focus()?.r ?? 0, c };
  }
}
