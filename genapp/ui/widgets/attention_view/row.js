// One query, step by step: q·k, ÷√d, mask, softmax. Bars per key, in reading order.

const BARS = 40; // keys shown; of a longer row the heaviest
const STEPS = ["score q·k", "scaled ÷√d", "masked", "weight"];

class RowView {
  constructor(host) {
    this.host = host;
    this.rows = null;
  }

  query() {
    return this.host.focus()?.r ?? this.host.frame.Q - 1;
  }

  fit(ctx, width) {
    const { frame } = this.host;
    this.pitch = 22;
    this.left = Math.min(120, width * 0.28);
    this.width = width;
    this.want();
    return 30 + Math.min(BARS, frame.K) * this.pitch + 6;
  }

  // Asks for the steps of the query in focus; draws again once they are here.
  async want() {
    const { source, state, frame, map } = this.host;
    const head = state.head >= 0 || map.heads > 1 ? state.head : 0;
    const name = `${this.host.run}/${state.versus}/${state.map}/${state.layer}/${head}/${frame.qi[this.query()]}`;
    if (this.name === name || this.host.derived()) return;
    this.name = name;
    try {
      const rows = await source.row(state.map, state.layer, head, frame.qi[this.query()]);
      if (this.name !== name) return;
      this.rows = rows;
      this.host.redraw();
    } catch (error) {
      this.name = "";
      this.host.fail(error);
    }
  }

  columns() {
    const { frame } = this.host;
    const weights = frame.values.subarray(this.query() * frame.K, (this.query() + 1) * frame.K);
    if (!this.rows || this.host.derived()) return [["weight", Array.from(weights)]];
    const steps = this.rows.slice(0, -1).map((row, i) => [STEPS[i], frame.ki.map((k) => row[k])]);
    return [...steps, ["weight", Array.from(weights)]];
  }

  // The keys with bars: all, or the heaviest, in reading order.
  keys() {
    const { frame } = this.host;
    const all = Array.from(frame.ki.keys());
    if (all.length <= BARS) return all;
    const w = (c) => Math.abs(frame.values[this.query() * frame.K + c]);
    return all.sort((a, b) => w(b) - w(a)).slice(0, BARS).sort((a, b) => a - b);
  }

  draw(ctx) {
    const { frame, map, ink } = this.host;
    const keys = this.keys();
    const columns = this.columns();
    const span = (this.width - this.left) / columns.length;
    ctx.textBaseline = "middle";
    keys.forEach((c, at) => {
      const lit = this.host.focus()?.c === c;
      ctx.font = this.host.font(lit ? 600 : 400);
      ctx.textAlign = "right";
      ctx.fillStyle = lit ? this.host.accent : ink(0.9);
      ctx.fillText(fitted(ctx, shown(map.keys.tokens[frame.ki[c]]), this.left - 14), this.left - 8, this.y(at));
    });
    columns.forEach(([name, values], i) => {
      const x = this.left + i * span;
      ctx.textAlign = "left";
      ctx.font = this.host.font(600, 12);
      ctx.fillStyle = ink(0.6);
      ctx.fillText(name, x + 4, 12);
      this.bars(ctx, keys.map((c) => values[c]), x + 4, span - 14, name);
    });
  }

  // Bars from zero; −∞ is drawn as what it is.
  bars(ctx, values, x, width, name) {
    const { ink, accent } = this.host;
    const finite = values.filter(Number.isFinite);
    const low = Math.min(0, ...finite);
    const high = Math.max(1e-9, ...finite);
    const room = width - (width > 110 ? 52 : 0);
    const zero = x + (room * -low) / (high - low);
    values.forEach((value, at) => {
      const y = this.y(at);
      ctx.font = this.host.font(400, 11);
      if (!Number.isFinite(value)) {
        ctx.fillStyle = ink(0.6);
        ctx.fillText("−∞", zero + 3, y);
        return;
      }
      const length = (room * value) / (high - low);
      ctx.fillStyle = name === "weight" ? accent : ink(value < 0 ? 0.25 : 0.45);
      ctx.fillRect(Math.min(zero, zero + length), y - 6, Math.max(1, Math.abs(length)), 12);
      if (width <= 110) return;
      ctx.fillStyle = ink(0.75);
      const words = name === "weight" ? percent(value, this.host.frame.signed) : value.toFixed(2).replace("-", "−");
      ctx.fillText(words, x + room + 4, y);
    });
  }

  y(at) {
    return 30 + (at + 0.5) * this.pitch;
  }

  at(x, y) {
    const at = Math.floor((y - 30) / this.pitch);
    const keys = this.keys();
    return at >= 0 && at < keys.length ? { r: this.query(), c: keys[at], label: x < this.left ? "key" : "" } : null;
  }
}
