// Weight → colour. One ramp per theme for weights, blue to orange for differences: told apart with
// any colour vision.

const RAMPS = {
  light: ["#ffffff", "#d4ccff", "#9180fb", "#5a45db", "#1f1a4a"],
  dark: ["#191918", "#322a73", "#5a45db", "#b5a8ff", "#ffffff"],
};
const SIGNED = { light: ["#b35806", "#f7b267", "#ffffff", "#8fb8de", "#14508f"], dark: ["#ffb45c", "#a35a12", "#191918", "#2f6ea8", "#9ccbf5"] };
const FLOOR = 1e-3; // the darkest end of the log scale

class Colours {
  constructor(dark, signed, log, top) {
    this.signed = signed;
    this.log = log;
    this.top = top || 1;
    const stops = (signed ? SIGNED : RAMPS)[dark ? "dark" : "light"].map(rgbOf);
    this.table = new Uint32Array(256); // RGBA, as canvas wants it
    this.css = new Array(256);
    for (let i = 0; i < 256; i++) {
      const at = (i / 255) * (stops.length - 1);
      const low = Math.min(stops.length - 2, Math.floor(at));
      const [r, g, b] = stops[low].map((v, c) => Math.round(v + (at - low) * (stops[low + 1][c] - v)));
      this.table[i] = (255 << 24) | (b << 16) | (g << 8) | r;
      this.css[i] = `rgb(${r},${g},${b})`;
    }
  }

  // 0…1 of the ramp's length for a weight of 0…top.
  share(value) {
    const x = Math.min(1, Math.abs(value) / this.top);
    return this.log ? Math.max(0, 1 - Math.log(Math.max(x, FLOOR)) / Math.log(FLOOR)) : x;
  }

  index(value) {
    const share = this.share(value);
    return Math.round(255 * (this.signed ? 0.5 + 0.5 * Math.sign(value) * share : share));
  }

  of(value) {
    return this.css[this.index(value)];
  }

  // Every cell as one pixel.
  picture(values, Q, K) {
    const image = new ImageData(K, Q);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < pixels.length; i++) pixels[i] = this.table[this.index(values[i])];
    const canvas = document.createElement("canvas");
    canvas.width = K;
    canvas.height = Q;
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }
}

function rgbOf(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// A colour of the page as a canvas can use it, at some opacity.
function inkOf(element, opacity) {
  const style = getComputedStyle(element);
  return style.color.replace(/rgba?\(([^)]+)\)/, (_, inside) => `rgba(${inside.split(",").slice(0, 3).join(",")},${opacity})`);
}
