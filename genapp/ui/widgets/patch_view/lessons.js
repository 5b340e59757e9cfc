// Two lessons below the picture. Each is {root, draw(state)}.

// The same patch in two photographs: a convolution answers the same, attention does not.
function contexts(server) {
  const root = make("section");
  const pair = make("div", "pair");
  const [here, there] = [sheet("This photograph"), sheet("The other photograph, the same patch in it")];
  const table = make("table");
  pair.append(figure("Here", here.canvas, "").box, figure("There", there.canvas, "same patch, other picture").box);
  const trio = make("div", "trio");
  trio.append(pair, table);
  root.append(make("h3", "", "Same patch, two contexts"), trio);
  let asked = null;

  function print(answer) {
    const number = (v) => v.toFixed(3).replace("-", "−");
    const line = (tag, cells) => {
      const tr = make("tr");
      cells.forEach((text, i) => tr.append(make(i ? tag : "th", "", text)));
      table.append(tr);
    };
    table.replaceChildren();
    line("th", ["first numbers of", "here", "there", "largest difference"]);
    for (const { name, here, there, apart } of answer.rows)
      line("td", [name, here.map(number).join("  "), there.map(number).join("  "), apart > 1e-6 ? apart.toFixed(4) : "0 — identical"]);
  }

  async function ask(request) {
    asked = request;
    const answer = await server.two_contexts(request);
    if (asked !== request) return; // another patch was chosen meanwhile
    if (answer.error) table.replaceChildren(make("caption", "", answer.error));
    else print(answer);
    root.dataset.answered = request.patch;
  }

  function draw(state) {
    const p = IMAGE / state.N;
    const cell = state.token;
    const [x, y] = [(cell % state.N) * p, Math.floor(cell / state.N) * p];
    here.ctx.drawImage(state.image, 0, 0, IMAGE, IMAGE);
    there.ctx.drawImage(state.other, 0, 0, IMAGE, IMAGE);
    there.ctx.drawImage(state.image, x, y, p, p, x, y, p, p);
    for (const { ctx } of [here, there]) outline(ctx, cell, p, ACCENT);
    root.hidden = !state.weights;
    const request = { picture: state.source, patch: cell };
    if (state.weights && JSON.stringify(request) !== JSON.stringify(asked)) ask(request);
  }
  return { root, draw };
}

// Two patches dragged apart: a convolution's window loses one of them, attention does not.
function apart() {
  const root = make("section");
  const { canvas, ctx } = sheet("Two patches, head and tail. Arrow keys move the tail, with shift the head.");
  const bar = make("div", "bar");
  const words = make("p", "say");
  words.setAttribute("aria-live", "polite");
  const state = { head: 0, tail: 1, k: 3, held: "", N: 0 };
  let last = null;
  canvas.tabIndex = 0;
  canvas.className = "drag";
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Window of the convolution");
  bar.append(make("span", "", "Convolution"));
  for (const k of [3, 5, 7]) {
    const button = make("button", "", `${k} × ${k}`);
    button.type = "button";
    button.dataset.k = k;
    button.addEventListener("click", () => ((state.k = k), paint()));
    bar.append(button);
  }
  const shown = figure("Drag the head or the tail", canvas, "");
  const text = make("div");
  text.append(bar, words);
  const pair = make("div", "pair");
  pair.append(shown.box, text);
  root.append(make("h3", "", "Head and tail, dragged apart"), pair);

  function paint() {
    if (!last) return;
    const { N, weights, T, extra, layer } = last;
    const p = IMAGE / N;
    const reach = (state.k - 1) / 2;
    const [r, c] = [Math.floor(state.head / N), state.head % N];
    const [top, left] = [Math.max(0, r - reach), Math.max(0, c - reach)];
    ctx.drawImage(last.image, 0, 0, IMAGE, IMAGE);
    ctx.fillStyle = "rgba(8,8,18,.6)";
    ctx.fillRect(0, 0, IMAGE, IMAGE);
    const [w, h] = [Math.min(N, c + reach + 1) - left, Math.min(N, r + reach + 1) - top];
    ctx.drawImage(last.image, left * p, top * p, w * p, h * p, left * p, top * p, w * p, h * p);
    lines(ctx, p, "rgba(255,255,255,.3)");
    ctx.drawImage(last.image, (state.tail % N) * p, Math.floor(state.tail / N) * p, p, p, (state.tail % N) * p, Math.floor(state.tail / N) * p, p, p);
    ctx.setLineDash([5, 4]);
    ctx.strokeStyle = "#fff";
    ctx.lineWidth = 2;
    ctx.strokeRect(left * p + 1, top * p + 1, w * p - 2, h * p - 2);
    ctx.setLineDash([]);
    outline(ctx, state.head, p, ACCENT, "head");
    outline(ctx, state.tail, p, SECOND, "tail");
    for (const button of bar.querySelectorAll("button")) button.setAttribute("aria-pressed", Number(button.dataset.k) === state.k);
    const d = patches.distance(state.head, state.tail, N);
    const needed = patches.layers(d, state.k);
    const inside = d <= reach;
    root.dataset.inside = inside;
    const far = `${d} ${d === 1 ? "patch" : "patches"} apart: `;
    const window = inside
      ? `the tail is inside the ${state.k} × ${state.k} window, so one convolution sees both.`
      : `the tail is outside the ${state.k} × ${state.k} window. It takes ${needed} such layers until the tail reaches the head’s output.`;
    const reached = " Attention takes one layer at any distance";
    const weight = weights ? weights[layer][(extra + state.head) * T + extra + state.tail] : 0;
    const seen = weights ? `: in layer ${layer + 1} the head looks at the tail with weight ${weight.toFixed(4)} (evenly spread: ${(1 / T).toFixed(4)}).` : ".";
    words.textContent = far + window + reached + seen;
  }

  const move = (cell) => {
    const other = state.held === "head" ? state.tail : state.head;
    if (cell !== other) state[state.held] = cell;
    paint();
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!last) return;
    const cell = cellAt(canvas, event, IMAGE / last.N);
    state.held = cell === state.head ? "head" : "tail";
    canvas.setPointerCapture(event.pointerId);
    move(cell);
  });
  canvas.addEventListener("pointermove", (event) => state.held && event.buttons && move(cellAt(canvas, event, IMAGE / last.N)));
  canvas.addEventListener("pointerup", () => (state.held = ""));
  canvas.addEventListener("keydown", (event) => {
    const held = event.shiftKey ? "head" : "tail";
    const cell = last && moved(event.key, state[held], last.N);
    if (cell === null || !last) return;
    event.preventDefault();
    state.held = held;
    move(cell);
    state.held = "";
  });
  return {
    root,
    draw(given) {
      last = given;
      if (state.N !== given.N) {
        const at = (share) => Math.floor(share * given.N) * (given.N + 1);
        Object.assign(state, { head: at(0.25), tail: at(0.75), N: given.N });
      }
      paint();
    },
  };
}
