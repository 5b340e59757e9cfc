// Token to token: queries left, keys right, a line for each weight worth one.

const STRANDS = 2500; // lines at most; the faint ones would only make a fog

class LinesView {
  constructor(host) {
    this.host = host;
  }

  fit(ctx, width) {
    const { frame } = this.host;
    const most = Math.max(frame.Q, frame.K);
    this.pitch = most > 120 ? 9 : most > 40 ? 14 : 24;
    this.left = Math.min(150, width * 0.3);
    this.right = width - this.left;
    this.width = width;
    return Math.max(60, most * this.pitch + 12);
  }

  y(index) {
    return 6 + (index + 0.5) * this.pitch;
  }

  // The lines to draw, faint ones first: [r, c, weight].
  strands() {
    const { frame } = this.host;
    const focus = this.host.focus();
    const found = [];
    const floor = frame.top * 0.01;
    for (let r = 0; r < frame.Q; r++) {
      if (focus && focus.r !== r) continue;
      for (let c = 0; c < frame.K; c++) {
        const w = frame.values[r * frame.K + c];
        if (Math.abs(w) > floor) found.push([r, c, w]);
      }
    }
    found.sort((a, b) => Math.abs(a[2]) - Math.abs(b[2]));
    return found.slice(-STRANDS);
  }

  look(w) {
    const share = this.host.colours.share(w);
    const end = this.host.colours.css[this.host.frame.signed && w < 0 ? 20 : this.host.frame.signed ? 235 : 150];
    return { colour: end, opacity: 0.06 + 0.9 * share, width: 0.6 + 3.2 * share };
  }

  draw(ctx) {
    for (const [r, c, w] of this.strands()) {
      const { colour, opacity, width } = this.look(w);
      ctx.globalAlpha = opacity;
      ctx.strokeStyle = colour;
      ctx.lineWidth = width;
      ctx.beginPath();
      const bend = (this.right - this.left) * 0.4;
      ctx.moveTo(this.left, this.y(r));
      ctx.bezierCurveTo(this.left + bend, this.y(r), this.right - bend, this.y(c), this.right, this.y(c));
      ctx.stroke();
    }
    ctx.globalAlpha = 1;
    this.words(ctx);
  }

  words(ctx) {
    const { frame, map } = this.host;
    const focus = this.host.focus();
    ctx.textBaseline = "middle";
    const size = Math.min(13, this.pitch);
    for (const [side, indices, x, align, lit] of [
      [map.queries, frame.qi, this.left - 8, "right", focus?.r],
      [map.keys, frame.ki, this.right + 8, "left", focus?.c],
    ]) {
      ctx.textAlign = align;
      indices.forEach((index, at) => {
        ctx.font = this.host.font(lit === at ? 600 : 400, size);
        ctx.fillStyle = lit === at ? this.host.accent : this.host.ink(side.kinds[index] === "word" ? 0.9 : 0.5);
        ctx.fillText(fitted(ctx, shown(side.tokens[index]), this.left - 14), x, this.y(at));
      });
    }
  }

  at(x, y) {
    const { frame } = this.host;
    const index = Math.floor((y - 6) / this.pitch);
    if (x > this.width / 2 && this.host.focus()) {
      const r = this.host.focus().r;
      return index >= 0 && index < frame.K ? { r, c: index, label: x > this.right ? "key" : "" } : null;
    }
    if (index < 0 || index >= frame.Q || x > this.width / 2) return null;
    return { r: index, c: this.host.best(index), label: x < this.left ? "query" : "" };
  }
}
