// A slow closed loop over the map from page open until the first touch. It plays pictures decoded
// in one go, rests while nobody looks, and stays away if the visitor asked for less motion.

const TOUR_SECONDS = 18;

class Tour {
  constructor(element, step) {
    this.step = step; // (share of the loop, 0…1) => void
    this.on = false;
    this.seen = true;
    this.share = 0;
    this.watcher = new IntersectionObserver(([entry]) => {
      this.seen = entry.isIntersecting;
      if (this.seen) this.resume();
    });
    this.watcher.observe(element);
    this.wake = () => this.resume();
    document.addEventListener("visibilitychange", this.wake);
  }

  static welcome() {
    return !matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  // A Lissajous figure inside the box: u at `count` equal steps, the other dimensions at rest.
  static path(rest, i, j, count) {
    return Array.from({ length: count }, (_, k) => {
      const t = (2 * Math.PI * k) / count;
      const u = Array.from(rest);
      u[i] = 0.5 + 0.34 * Math.sin(t + 0.6);
      u[j] = 0.5 + 0.34 * Math.sin(2 * t);
      return u;
    });
  }

  start(share) {
    this.share = share;
    this.on = true;
    this.resume();
  }

  stop() {
    this.on = false;
  }

  resume() {
    if (!this.on || this.running || document.hidden || !this.seen) return;
    this.running = true;
    this.last = performance.now();
    requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.running = false;
    if (!this.on || document.hidden || !this.seen) return;
    this.share = (this.share + Math.max(0, now - this.last) / (1000 * TOUR_SECONDS)) % 1;
    this.last = now;
    this.step(this.share);
    this.running = true;
    requestAnimationFrame((later) => this.tick(later));
  }

  close() {
    this.stop();
    this.watcher.disconnect();
    document.removeEventListener("visibilitychange", this.wake);
  }
}

// The share of the loop that comes nearest to u: where the tour takes a visitor along.
function nearestStep(path, u) {
  const far = path.map((at) => at.reduce((sum, v, k) => sum + (v - u[k]) ** 2, 0));
  return far.indexOf(Math.min(...far)) / path.length;
}
