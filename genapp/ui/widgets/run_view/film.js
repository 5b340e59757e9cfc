// Previews over the steps of a run: the newest unless a person went back to look.

function rvFilm(figure, load) {
  const frame = figure.querySelector(".rv-frame");
  const range = figure.querySelector("input");
  const label = figure.querySelector("span");
  const newest = figure.querySelector(".rv-newest");
  const kept = new Map(); // "run step" → preview
  let run = null, steps = [], following = true, shown = "";

  async function show() {
    const step = steps[Number(range.value)];
    if (step === undefined) return;
    const key = `${run} ${step}`;
    rvText(label, `step ${rvCount(step)}`);
    newest.hidden = following;
    if (key === shown) return;
    if (!kept.has(key)) {
      const preview = await load(run, step);
      if (preview.error) return;
      kept.set(key, preview);
      if (kept.size > 100) kept.delete(kept.keys().next().value);
    }
    if (key === `${run} ${steps[Number(range.value)]}`) paint(key, kept.get(key), step);
  }

  function paint(key, preview, step) {
    shown = key;
    if (preview.image) {
      const image = frame.querySelector("img") || rvElement("img");
      image.alt = `What the model made at step ${step}`;
      image.onload = () => image.classList.toggle("rv-pixels", image.naturalWidth < 700);
      image.src = preview.image;
      frame.replaceChildren(image);
    } else {
      frame.replaceChildren(rvElement("pre", "", preview.text));
    }
  }

  range.addEventListener("input", () => {
    following = Number(range.value) === steps.length - 1;
    show();
  });
  newest.addEventListener("click", () => {
    following = true;
    range.value = String(steps.length - 1);
    show();
  });

  return function update(id, found) {
    if (id !== run) {
      run = id;
      following = true;
      shown = "";
      frame.replaceChildren();
    }
    const at = steps[Number(range.value)];
    steps = found;
    figure.hidden = !steps.length;
    range.max = String(Math.max(0, steps.length - 1));
    range.disabled = steps.length < 2;
    const back = steps.indexOf(at);
    range.value = String(following || back < 0 ? steps.length - 1 : back);
    show();
  };
}
