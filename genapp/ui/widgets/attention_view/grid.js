// Every head of every layer at a glance; they arrive layer by layer.

class GridView {
  constructor(host) {
    this.host = host;
    this.pictures = new Map(); // layer → canvases of its heads
    this.cursor = null;
  }

  fit(ctx, width) {
    const { map } = this.host;
    this.left = 30;
    this.top = 22;
    this.gap = map.heads > 10 ? 4 : 8;
    const fits = (width - this.left - 4) / map.heads - this.gap;
    this.side = Math.max(14, Math.min(96, fits));
    return this.top + map.layers * (this.side + this.gap) + 4;
  }

  // What came before belongs to another pass or another map.
  async load() {
    const { source, state, map } = this.host;
    const token = (this.token = {});
    this.pictures.clear();
    for (let layer = 0; layer < map.layers; layer++) {
      const cube = await source.thumbs(state.map, layer, 48);
      if (this.token !== token) return;
      this.pictures.set(layer, this.paint(cube));
      this.host.redraw();
    }
  }

  paint(cube) {
    const size = cube.Q * cube.K;
    return Array.from({ length: cube.H }, (_, h) => {
      const values = Float32Array.from(cube.data.subarray(h * size, (h + 1) * size), (v) => v * cube.unit);
      return new Colours(this.host.dark, false, this.host.state.log, Math.max(0.02, ...values)).picture(values, cube.Q, cube.K);
    });
  }

  draw(ctx) {
    const { map, ink } = this.host;
    ctx.imageSmoothingEnabled = false;
    ctx.font = this.host.font(400, 11);
    ctx.fillStyle = ink(0.6);
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    for (let h = 0; h < map.heads; h++) ctx.fillText(String(h + 1), this.x(h) + this.side / 2, 10);
    for (let l = 0; l < map.layers; l++) {
      ctx.fillStyle = ink(0.6);
      ctx.fillText(String(l + 1), 13, this.y(l) + this.side / 2);
      for (let h = 0; h < map.heads; h++) this.thumb(ctx, l, h);
    }
  }

  thumb(ctx, l, h) {
    const { state, ink, accent } = this.host;
    const [x, y, s] = [this.x(h), this.y(l), this.side];
    const picture = this.pictures.get(l)?.[h];
    if (picture) ctx.drawImage(picture, x, y, s, s);
    const here = state.layer === l && state.head === h;
    const under = this.cursor && this.cursor.l === l && this.cursor.h === h;
    ctx.strokeStyle = here || under ? accent : ink(0.2);
    ctx.lineWidth = here ? 3 : under ? 2 : 1;
    ctx.strokeRect(x, y, s, s);
    if (!this.host.silent(l, h)) return;
    ctx.fillStyle = ink(0.12);
    ctx.fillRect(x, y, s, s);
    ctx.strokeStyle = ink(0.8);
    ctx.lineWidth = 2;
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x + s, y + s);
    ctx.moveTo(x + s, y);
    ctx.lineTo(x, y + s);
    ctx.stroke();
  }

  x(h) {
    return this.left + h * (this.side + this.gap);
  }

  y(l) {
    return this.top + l * (this.side + this.gap);
  }

  headAt(x, y) {
    const { map } = this.host;
    const h = Math.floor((x - this.left) / (this.side + this.gap));
    const l = Math.floor((y - this.top) / (this.side + this.gap));
    return h >= 0 && h < map.heads && l >= 0 && l < map.layers ? { l, h } : null;
  }

  at() {
    return null;
  }
}
