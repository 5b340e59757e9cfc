// Decoded pictures onto canvases. Grey values become ink of that opacity over the page's paper, so
// they suit the light and the dark theme; colour pictures are shown as they are.

// The theme's ink as [r, g, b].
function inkOf(element) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(element).color;
  probe.fillRect(0, 0, 1, 1);
  return Array.from(probe.getImageData(0, 0, 1, 1).data.subarray(0, 3));
}

// 256 little-endian RGBA words: ink at opacity v.
function inkTable([r, g, b]) {
  return Uint32Array.from({ length: 256 }, (_, v) => ((v << 24) | (b << 16) | (g << 8) | r) >>> 0);
}

// One picture of a reply's data (uint8; H × W or H × W × 3) into `image`'s pixels.
function fill(image, data, start, channels, table) {
  const words = new Uint32Array(image.data.buffer);
  if (channels === 1) {
    for (let i = 0; i < words.length; i++) words[i] = table[data[start + i]];
    return;
  }
  for (let i = 0, k = start; i < words.length; i++, k += 3) {
    words[i] = (0xff000000 | (data[k + 2] << 16) | (data[k + 1] << 8) | data[k]) >>> 0;
  }
}

class Picture {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.image = null;
    this.last = null;
  }

  // The picture at `index` of a batch shaped (B, H, W[, 3]).
  paint(data, shape, index, table) {
    const [, height, width, channels = 1] = shape;
    if (!this.image || this.image.width !== width || this.image.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.image = this.context.createImageData(width, height);
    }
    const size = height * width * channels;
    fill(this.image, data, index * size, channels, table);
    this.context.putImageData(this.image, 0, 0);
    this.last = { data, shape, index };
  }

  repaint(table) {
    if (this.last) this.paint(this.last.data, this.last.shape, this.last.index, table);
  }

  // A PNG blob, enlarged to about 560 pixels, on paper.
  png(paper, smooth) {
    const { width, height } = this.canvas;
    const times = Math.max(1, Math.round(560 / Math.max(width, height)));
    const large = document.createElement("canvas");
    large.width = width * times;
    large.height = height * times;
    const context = large.getContext("2d");
    context.fillStyle = paper;
    context.fillRect(0, 0, large.width, large.height);
    context.imageSmoothingEnabled = smooth;
    context.drawImage(this.canvas, 0, 0, large.width, large.height);
    return new Promise((done) => large.toBlob(done, "image/png"));
  }
}

// |difference| of two pictures in 0…255 as warm ink.
function errorImage(context, drawn, back, side) {
  const image = context.createImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    image.data.set([214, 69, 38, Math.min(255, Math.abs(drawn[i] - back[i]))], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

// A batch of decoded pictures as one canvas of cells × cells, row by row from the top.
function mosaicCanvas(reply, cells, table) {
  const [, height, width, channels = 1] = reply.shape;
  const canvas = document.createElement("canvas");
  canvas.width = cells * width;
  canvas.height = cells * height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let k = 0; k < cells * cells; k++) {
    fill(image, reply.data, k * height * width * channels, channels, table);
    context.putImageData(image, (k % cells) * width, Math.floor(k / cells) * height);
  }
  return canvas;
}
