// A drawing or an uploaded picture as the 28 × 28 grey values a digit encoder was trained on.

const SHEET = 280; // pixels of the drawing canvas
const LARGEST_FILE = 20e6; // bytes
const LARGEST_PICTURE = 40e6; // pixels

// The smallest box around the ink and its centre of mass, or null for an empty sheet.
function inkExtent(pixels, side) {
  let [left, top, right, bottom] = [side, side, -1, -1];
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const value = pixels[y * side + x];
      if (value < 10) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      mass += value;
      sumX += value * (x + 0.5);
      sumY += value * (y + 0.5);
    }
  }
  if (!mass) return null;
  return { left, top, width: right - left + 1, height: bottom - top + 1, x: sumX / mass, y: sumY / mass };
}

// As MNIST was made: the ink's box scaled into 20 × 20, then moved by whole pixels until its centre
// of mass lies in the pixel right and below of the centre. An MNIST picture comes back unchanged.
function likeMnist(sheet) {
  const context = sheet.getContext("2d");
  const data = context.getImageData(0, 0, SHEET, SHEET).data;
  const ink = Float32Array.from({ length: SHEET * SHEET }, (_, i) => data[4 * i + 3]);
  const extent = inkExtent(ink, SHEET);
  if (!extent) return null;
  const { left, top, width, height, x, y } = extent;
  const scale = Math.min(1, 20 / Math.max(width, height));
  const column = Math.ceil(14 - (x - left) * scale);
  const row = Math.ceil(14 - (y - top) * scale);
  return shrink(ink, scale, column - left * scale, row - top * scale);
}

// Averages the sheet over each of 28 × 28 cells, after x → scale · x + (dx, dy).
function shrink(ink, scale, dx, dy) {
  const out = new Float32Array(784);
  for (let y = 0; y < SHEET; y++) {
    const row = Math.floor((y + 0.5) * scale + dy + 1e-9);
    if (row < 0 || row > 27) continue;
    for (let x = 0; x < SHEET; x++) {
      const column = Math.floor((x + 0.5) * scale + dx + 1e-9);
      if (column >= 0 && column <= 27) out[28 * row + column] += ink[y * SHEET + x];
    }
  }
  const share = scale * scale;
  return out.map((v) => Math.min(255, v * share));
}

class Sketch {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.changed = changed;
    this.at = null;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => this.up());
    }
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * SHEET,
      ((event.clientY - box.top) / box.height) * SHEET,
    ];
  }

  down(event) {
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.at = this.place(event);
    this.stroke(this.at);
  }

  move(event) {
    if (!this.at) return;
    const moves = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const each of moves.length ? moves : [event]) this.stroke(this.place(each));
    this.changed();
  }

  up() {
    if (!this.at) return;
    this.at = null;
    this.changed();
  }

  stroke(to) {
    const context = this.context;
    context.strokeStyle = getComputedStyle(this.canvas).color;
    context.lineWidth = 21;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...this.at);
    context.lineTo(to[0], to[1] + 0.01); // a tap is a dot
    context.stroke();
    this.at = to;
  }

  clear() {
    this.context.clearRect(0, 0, SHEET, SHEET);
    this.changed();
  }

  // The strokes in the other theme's ink.
  reink() {
    const [r, g, b] = inkOf(this.canvas);
    const image = this.context.getImageData(0, 0, SHEET, SHEET);
    for (let i = 0; i < image.data.length; i += 4) image.data.set([r, g, b], i);
    this.context.putImageData(image, 0, 0);
  }

  pixels() {
    return likeMnist(this.canvas);
  }

  // Puts a picture file on the sheet as ink; throws an Error in words a person can act on.
  async upload(file) {
    const bitmap = await openPicture(file);
    const grey = document.createElement("canvas");
    grey.width = grey.height = SHEET;
    const context = grey.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, SHEET, SHEET);
    const scale = Math.min(SHEET / bitmap.width, SHEET / bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    const [x, y] = [(SHEET - width) / 2, (SHEET - height) / 2];
    context.imageSmoothingEnabled = scale < 1; // 28 pixels stay 28 squares
    context.drawImage(bitmap, x, y, width, height);
    const frame = [Math.floor(x), Math.floor(y), Math.ceil(width), Math.ceil(height)];
    this.ink(context.getImageData(...frame), frame, Math.max(bitmap.width, bitmap.height) <= 64);
  }

  // Whatever differs from the picture's edge is ink, the most different being fully black. Small
  // pictures are taken as they are; from larger ones the compression's ripples are cut off; and an
  // uneven edge is a photo's, whose shadows go and whose grey strokes become solid.
  ink(image, [x, y, width, height], small) {
    const grey = Float32Array.from({ length: width * height }, (_, i) => {
      const [r, g, b] = image.data.subarray(4 * i, 4 * i + 3);
      return 0.299 * r + 0.587 * g + 0.114 * b;
    });
    const edge = grey.filter((_, i) => {
      const [column, row] = [i % width, Math.floor(i / width)];
      return !column || !row || column === width - 1 || row === height - 1;
    });
    const paper = edge.sort()[edge.length >> 1];
    const most = grey.reduce((best, v) => Math.max(best, Math.abs(v - paper)), 0);
    if (most < 16) {
      throw new Error("The picture is blank — choose one of a dark digit on light paper, or draw it.");
    }
    const uneven = edge.reduce((worst, v) => Math.max(worst, Math.abs(v - paper)), 0) > 0.05 * most;
    const [from, to] = uneven ? [0.25, 0.65] : small ? [0, 1] : [0.1, 0.9];
    const [r, g, b] = inkOf(this.canvas);
    grey.forEach((v, i) => {
      const strength = clamp((Math.abs(v - paper) / most - from) / (to - from), 0, 1);
      image.data.set([r, g, b, 255 * strength], 4 * i);
    });
    this.context.clearRect(0, 0, SHEET, SHEET);
    this.context.putImageData(image, x, y);
    this.changed();
  }
}

// The file as a bitmap of at most 560 pixels a side, refused before it is decoded if it is huge.
async function openPicture(file) {
  if (!file.type.startsWith("image/")) {
    throw new Error(`${file.name} is not a picture — choose a PNG, JPEG or WebP file.`);
  }
  if (file.size > LARGEST_FILE) {
    const size = (file.size / 1e6).toFixed(0);
    throw new Error(`${file.name} has ${size} MB — choose one of at most 20 MB.`);
  }
  const address = URL.createObjectURL(file);
  try {
    const image = await new Promise((done, fail) => {
      const element = new Image();
      element.onload = () => done(element);
      element.onerror = () => fail(new Error(`${file.name} can't be read — is it a picture?`));
      element.src = address;
    });
    const [width, height] = [image.naturalWidth || SHEET, image.naturalHeight || SHEET];
    if (width * height > LARGEST_PICTURE) {
      const size = ((width * height) / 1e6).toFixed(0);
      throw new Error(`${file.name} has ${size} megapixels — choose one of at most 40.`);
    }
    const scale = Math.min(1, (2 * SHEET) / Math.max(width, height));
    return await createImageBitmap(image, {
      resizeWidth: Math.max(1, Math.round(width * scale)),
      resizeHeight: Math.max(1, Math.round(height * scale)),
      resizeQuality: "high",
    });
  } finally {
    URL.revokeObjectURL(address);
  }
}
