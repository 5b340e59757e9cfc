// Polls the runs on disk and paints list, chart, film and buttons.

const RV_EVERY = { eager: 200, active: 700, idle: 2000, lost: 3000 }; // ms between polls
const RV_BUTTONS = { // act → label, and when it is offered
  pause: ["Pause", (run) => run.state === "running"],
  unpause: ["Resume", (run) => run.state === "paused"],
  resume: ["Resume", (run) => run.resumable],
  slower: ["Resume at ⅓ of the rate", (run) => run.state === "failed" && /diverged/i.test(run.message)],
  longer: ["Train 50 % longer", (run) => run.state === "finished"],
  stop: ["Stop", (run) => ["running", "paused", "queued"].includes(run.state)],
};

function openRunView(element, props, server, trigger, watch) {
  const $ = (name) => element.querySelector(`.rv-${name}`);
  const url = window.genapp.url;
  const curves = new Map(); // run id → {offset, series}
  const hiddenCurves = new Set(), shownCurves = new Set();
  let runs = [], chosen = url.get("run") || "", other = url.get("with") || "";
  let timer = null, polling = false, again = false, eager = 0;

  const paintList = rvList($("list"), choose, compare);
  const chart = rvChart($("canvas"), $("readout"));
  const paintFilm = rvFilm($("film"), (run, step) => server.run_preview({ run, step }));

  function choose(id) {
    chosen = id;
    if (other === id) other = "";
    remember();
    poll();
  }

  function compare(id) {
    other = other === id ? "" : id;
    remember();
    poll();
  }

  function remember() {
    url.set("run", chosen || null);
    url.set("with", other || null);
    if (props.value !== chosen) props.value = chosen;
    paint();
  }

  // One request at a time; a wish during a request is served right after it.
  async function poll() {
    clearTimeout(timer);
    if (!element.isConnected) return;
    again = polling;
    if (polling) return;
    polling = true;
    let wait = RV_EVERY.lost;
    try {
      const seen = {};
      for (const id of [chosen, other]) if (id) seen[id] = (curves.get(id) || { offset: 0 }).offset;
      const news = await server.run_watch({ seen });
      if (news.error) throw new Error(news.error);
      take(news);
      const active = runs.some((run) => ["running", "stopping", "queued"].includes(run.state));
      wait = eager-- > 0 ? RV_EVERY.eager : active ? RV_EVERY.active : RV_EVERY.idle;
      say("");
    } catch (error) {
      say(/fetch|network|json/i.test(error.message) ? "Connection lost — trying again." : error.message);
    }
    polling = false;
    timer = setTimeout(poll, again ? 0 : document.hidden ? RV_EVERY.idle : wait);
  }

  function say(words) {
    $("lost").hidden = !words;
    rvText($("lost"), words);
  }

  function take(news) {
    runs = news.runs;
    for (const [id, detail] of Object.entries(news.details)) {
      const known = detail.afresh ? {} : (curves.get(id) || { series: {} }).series;
      for (const [name, points] of Object.entries(detail.series)) {
        const before = known[name] || [];
        // A resumed run writes steps anew that a killed one had written already.
        while (before.length && before[before.length - 1][0] >= points[0][0]) before.pop();
        known[name] = rvThin(before.concat(points));
      }
      curves.set(id, { offset: detail.offset, series: known, previews: detail.previews });
    }
    const known = (id) => runs.some((run) => run.id === id);
    if (!known(chosen)) chosen = runs.length ? runs[0].id : "";
    if (!known(other)) other = "";
    if (props.value !== chosen || url.get("run") !== (chosen || null)) remember();
    else paint();
    if (chosen && !curves.has(chosen)) again = true;
  }

  function paint() {
    const run = runs.find((r) => r.id === chosen);
    $("empty").hidden = runs.length > 0;
    $("runs").hidden = $("run").hidden = !run;
    paintList(runs, chosen, other);
    if (!run) return;
    paintHead(run);
    paintChart(run);
    paintFilm(run.id, (curves.get(run.id) || {}).previews || []);
  }

  function paintHead(run) {
    $("run").dataset.state = run.state;
    rvText($("title-text"), run.title);
    rvText($("preset"), run.preset);
    const share = run.steps ? Math.min(1, run.step / run.steps) : 0;
    const parts = [
      rvState(run),
      run.steps ? `step ${rvCount(run.step)} of ${rvCount(run.steps)}` : "",
      run.seconds ? `${rvTime(run.seconds)} of training` : "",
      run.left && run.step > 5 ? `${rvTime(run.left)} to go` : "",
      run.best === null ? "" : `best ${rvLabel(run.score)} ${rvNumber(run.best)}`,
      run.quiet > 30 ? `silent for ${rvTime(run.quiet)}` : "",
    ];
    rvText($("numbers"), parts.filter(Boolean).join(" · "));
    $("bar").setAttribute("aria-valuenow", String(Math.round(100 * share)));
    $("bar").firstElementChild.style.width = `${100 * share}%`;
    rvText($("words"), run.message === "Training." ? "" : run.message);
    const advice = JSON.stringify(run.advice);
    if ($("advice").dataset.words !== advice) {
      $("advice").dataset.words = advice;
      $("advice").replaceChildren(...run.advice.map((words) => rvElement("li", "", words)));
    }
    paintButtons(run);
  }

  function paintButtons(run) {
    const offered = Object.entries(RV_BUTTONS).filter(([, [, when]]) => when(run));
    const key = offered.map(([act]) => act).join() + run.id;
    if ($("buttons").dataset.key === key) return;
    $("buttons").dataset.key = key;
    const buttons = offered.map(([act, [label]]) => {
      const button = rvElement("button", "", label);
      button.type = "button";
      button.addEventListener("click", () => act_(button, run.id, act === "unpause" ? "resume" : act));
      return button;
    });
    $("buttons").replaceChildren(...buttons);
  }

  async function act_(button, run, act) {
    button.disabled = true; // until the run's state offers other buttons
    const answer = await server.run_act({ run, act });
    if (answer.error) {
      button.disabled = false;
      clearTimeout(timer);
      say(answer.error);
      timer = setTimeout(poll, RV_EVERY.lost);
    } else {
      eager = 8; // the answer is a moment away
      poll();
    }
    setTimeout(() => (button.disabled = false), 4000);
  }

  // loss and what is held out first; the rest a click away.
  function paintChart(run) {
    const mine = (curves.get(run.id) || { series: {} }).series;
    const theirs = other ? (curves.get(other) || { series: {} }).series : {};
    const names = Object.keys(mine).filter((name) => mine[name].length);
    const rank = (name) => (name === "loss" ? 0 : name === "val_loss" ? 1 : name === "lr" ? 9 : 2);
    names.sort((a, b) => rank(a) - rank(b));
    const usual = names.filter((name) => rank(name) < 2);
    const initial = usual.length ? usual : names.slice(0, 1);
    const visible = names.filter(
      (name) => shownCurves.has(name) || (initial.includes(name) && !hiddenCurves.has(name)),
    );
    $("figure").hidden = !names.length && !["running", "queued"].includes(run.state);
    paintChips(names, visible);
    const weight = Number($("smooth").querySelector("input").value);
    const lines = [];
    for (const [series, dashed] of [[mine, false], [theirs, true]]) {
      for (const name of visible) {
        const points = series[name];
        if (!points || !points.length) continue;
        const smooth = !name.startsWith("val_") && name !== "lr" && points.length > 30 && weight > 0;
        lines.push({
          name: dashed ? `${rvLabel(name)}, compared` : rvLabel(name),
          colour: RV_COLOURS[names.indexOf(name) % RV_COLOURS.length],
          points: smooth ? rvSmooth(points, weight) : points,
          raw: smooth ? points : null,
          dashed,
        });
      }
    }
    chart.set(lines, $("log").getAttribute("aria-pressed") === "true");
  }

  function paintChips(names, visible) {
    const key = names.join() + "|" + visible.join();
    if ($("chips").dataset.key === key) return;
    $("chips").dataset.key = key;
    const chips = names.map((name, i) => {
      const chip = rvElement("button", "rv-chip", rvLabel(name));
      const on = visible.includes(name);
      chip.type = "button";
      chip.setAttribute("aria-pressed", String(on));
      chip.style.setProperty("--c", `var(${RV_COLOURS[i % RV_COLOURS.length]})`);
      chip.addEventListener("click", () => {
        (on ? hiddenCurves : shownCurves).add(name);
        (on ? shownCurves : hiddenCurves).delete(name);
        paint();
      });
      return chip;
    });
    $("chips").replaceChildren(...chips);
  }

  $("smooth").querySelector("input").addEventListener("input", paint);
  $("log").addEventListener("click", () => {
    $("log").setAttribute("aria-pressed", String($("log").getAttribute("aria-pressed") !== "true"));
    paint();
  });
  $("first").textContent = props.first || "Start a first run";
  $("first").addEventListener("click", () => {
    $("first").disabled = true;
    setTimeout(() => ($("first").disabled = false), 5000);
    trigger("first_run");
  });
  watch("value", () => {
    if (props.value && props.value !== chosen) choose(props.value);
    else poll();
  });
  document.addEventListener("visibilitychange", () => document.hidden || poll());
  poll();
}

// Keeps a curve drawable: beyond 4000 points every second one of its older half goes.
function rvThin(points) {
  if (points.length < 4000) return points;
  return points.filter((point, i) => i > points.length / 2 || i % 2 === 0);
}
