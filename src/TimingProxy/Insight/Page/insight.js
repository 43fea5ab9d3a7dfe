"use strict";
const byId = id => document.getElementById(id);
const percent = value => `${(100 * value).toFixed(1)} %`;
const refreshMs = 2000;

// Key, heading, definition, how it is shown.
const columns = [
  ["route", "Route", "A configured route's id, a declared template, or one learned from the paths that were asked for.", value => value],
  ["upstreamShare", "Share of time", "Share of all upstream seconds: where tuning pays.", percent],
  ["freedByHalving", "Freed by halving", "Share of all upstream seconds that would be gone if this route took half its time.", percent],
  ["count", "Requests", "Requests in the time that is looked at.", String],
  ["ratePerSecond", "Per second", "Requests per second.", short],
  ["p50Ms", "p50 ms", "Half of the requests took less upstream time.", short],
  ["p90Ms", "p90 ms", "Nine in ten requests took less upstream time.", short],
  ["p99Ms", "p99 ms", "Ninety-nine in a hundred requests took less upstream time.", short],
  ["errorShare", "Errors", "Share of requests that ended in a 5xx, or without an answer of the backend.", percent],
  ["appMs", "App says ms", "Mean of the app's own figure (X-Render-MS, X-Runtime, X-Response-Time or Server-Timing); – where it says nothing.", value => value < 0 ? "–" : short(value)],
  ["outsideMs", "Outside ms", "Mean upstream time less the app's own figure: queue, server and framework.", value => value < 0 ? "–" : short(value)],
  ["trendP50Ms", "p50 over time", "Median upstream time over the time that is looked at; sorted by how much it has changed.", null],
];
const trend = route => {
  const known = route.trendP50Ms.filter(value => value !== null);
  return known.length < 2 ? 0 : known.at(-1) / Math.max(known[0], 0.01);
};
const value = (route, key) => key === "trendP50Ms" ? trend(route)
  : key === "appMs" || key === "outsideMs" ? route.appReported?.[key] ?? -1 : route[key];

let data = null, sortKey = "upstreamShare", ascending = false, paused = false, asked = 0, tabled = "";

function heading() {
  byId("columns").replaceChildren(...columns.map(([key, name, definition]) => {
    const th = document.createElement("th"), button = document.createElement("button");
    th.scope = "col";
    th.dataset.key = key;
    button.type = "button";
    button.textContent = name;
    button.dataset.def = definition;
    button.addEventListener("click", () => {
      ascending = key === sortKey ? !ascending : key === "route";
      sortKey = key;
      table();
    });
    th.append(button);
    return th;
  }));
}

function table() {
  for (const th of byId("columns").children) {
    if (th.dataset.key === sortKey) th.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    else th.removeAttribute("aria-sort");
  }
  if (!data) return;
  // Windows close every ten seconds: what has not changed is left alone, for those who read or select it.
  const state = `${sortKey} ${ascending} ${JSON.stringify(data.routes)}`;
  if (state === tabled) return;
  tabled = state;
  const order = (a, b) => sortKey === "route" ? a.route.localeCompare(b.route) : value(a, sortKey) - value(b, sortKey);
  const routes = [...data.routes].sort((a, b) => (ascending ? 1 : -1) * order(a, b));
  byId("rows").replaceChildren(...routes.map(route => {
    const tr = document.createElement("tr");
    for (const [key, , definition, show] of columns) {
      const cell = document.createElement(key === "route" ? "th" : "td");
      cell.dataset.key = key;
      cell.title = definition;
      if (key === "route") cell.scope = "row";
      if (key === "upstreamShare") cell.append(bar(route.upstreamShare));
      cell.append(show ? show(value(route, key)) : sparkline(route.trendP50Ms));
      if (key === "errorShare" && route.errorShare > 0) cell.className = "bad";
      tr.append(cell);
    }
    return tr;
  }));
}

/** Pairs of a name and a figure, each with its definition; what has the focus keeps it. */
function list(id, entries) {
  const holder = byId(id);
  if ([...holder.children].map(div => div.firstChild.textContent).join("\n") !== entries.map(([name]) => name).join("\n")) {
    holder.replaceChildren(...entries.map(([name]) => {
      const div = document.createElement("div"), dt = document.createElement("dt");
      dt.textContent = name;
      div.tabIndex = 0;
      div.append(dt, document.createElement("dd"));
      return div;
    }));
  }
  entries.forEach(([, figure, definition, bad], i) => {
    const div = holder.children[i];
    div.dataset.def = definition;
    div.className = bad ? "bad" : "";
    if (div.lastChild.textContent !== figure) div.lastChild.textContent = figure;
  });
}

function verdict() {
  const v = data.verdict, total = data.total;
  byId("verdict").className = v.kind;
  setText("kind", v.kind);
  setText("sentence", v.sentence);
  setText("opinion", v.appReported?.sentence ?? "");
  byId("opinion").hidden = !v.appReported;
  const arrow = key => `${short(total[key])} → ${short(v.withOneMore[key])} → ${short(v.withDouble[key])} ms`;
  list("figures", v.kind === "concurrency-limited" ? [
    ["worked on at a time", `${short(v.limit.estimate)} (${short(v.limit.low)} to ${short(v.limit.high)})`, "W: how many requests the backend works on at a time, with its 95 % interval."],
    ["waiting", percent(v.waitingShare), "Share of all upstream time that requests spent above W in flight: in line for a worker."],
    ["p50: now, W+1, 2W", arrow("p50Ms"), "Median upstream time now, and what one worker more and twice as many would give at the observed arrivals."],
    ["p99: now, W+1, 2W", arrow("p99Ms"), "The same of the 99th percentile."],
  ] : v.kind === "service-time-bound" ? [
    ["no limit seen up to", `${short(v.seenUpTo)} in flight`, "So many requests were worked on at a time, at least: whatever limit there may be is higher."],
    ...data.routes.slice(0, 3).map(route => [route.route, `${percent(route.upstreamShare)} of the time`, `Halving what this route takes would free ${percent(route.freedByHalving)} of all upstream seconds.`]),
  ] : []);
}

function tiles() {
  const { total, state } = data, last = data.timeline.at(-1);
  const unanswered = data.timeline.reduce((sum, column) => sum + column.unanswered, 0);
  const open = key => state.clusters.reduce((sum, cluster) => sum + cluster[key], 0);
  list("tiles", [
    ["in flight now", String(data.inFlight), "Requests that were sent to the backend and not answered yet."],
    ["requests per second", last ? short(last.count / last.seconds) : "–", "In the latest window that is closed, ten seconds long."],
    ["p50", `${short(total.p50Ms)} ms`, "Half of all requests took less upstream time."],
    ["p99", `${short(total.p99Ms)} ms`, "Ninety-nine in a hundred requests took less upstream time."],
    ["errors", percent(total.errorShare), `Share of requests that ended in a 5xx or without an answer; ${unanswered} had no answer (refused, reset or timed out).`, total.errorShare > 0],
    ["connections", `${open("activeRequests")} open, ${open("upgradedConnections")} upgraded`, "Requests handed to a cluster and not completed, bodies included; and open upgraded connections (WebSocket). " + state.clusters.map(cluster => `${cluster.cluster}: ${cluster.activeRequests} and ${cluster.upgradedConnections}.`).join(" ")],
    ["proxy", state.notReady ?? "ready", "Whether /readyz says that traffic should be sent here, and if not, why.", state.notReady !== null],
    ["configuration", state.lastReloadSuccessful ? `${clock(state.lastReload)} UTC` : "last change refused", `The configuration that serves was taken at ${state.lastReload}. Where a change was refused, the log says why, and the last good one goes on serving.`, !state.lastReloadSuccessful],
    ["clock", state.clockDisturbedShare > 0 ? `disturbed ${percent(state.clockDisturbedShare)}` : "undisturbed", "Share of the time in windows in which the proxy's clock may have been read late by more than a twentieth: pauses of the collector, CPU taken by a quota, threads that waited for a CPU. Latencies in those are upper bounds."],
  ]);
}

function levelRows() {
  byId("level-rows").replaceChildren(...data.levels.map(level => {
    const tr = document.createElement("tr");
    for (const text of [level.inFlight, short(level.seconds), level.departures, short(level.departuresPerSecond), `${short(level.low)} to ${short(level.high)}`]) {
      tr.append(Object.assign(document.createElement("td"), { textContent: text }));
    }
    return tr;
  }));
}

/** Said aloud only where it changes. */
function setText(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

function pictures() {
  if (!data) return;
  const hidden = drawLevels(byId("levels"), data);
  setText("unseen", hidden > 0.001 ? `${percent(hidden)} of the time was spent at higher numbers, which are not shown.` : "");
  drawTimes(byId("times"), data.timeline);
  drawHeat(byId("heat"), data.timeline, data.heatBoundsMs);
}

function show() {
  setText("version", data.state.version);
  verdict();
  tiles();
  levelRows();
  table();
  pictures();
  setText("span", `Figures from ${clock(data.from)} to ${clock(data.to)} UTC, asked for every two seconds; windows close every ten.`);
}

async function refresh() {
  const ask = ++asked;
  try {
    const response = await fetch(`insight.json?window=${byId("window").value}&histograms=false`, { cache: "no-store" });
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    const fresh = await response.json();
    if (ask !== asked) return;
    data = fresh;
    byId("trouble").hidden = true;
    show();
  } catch (error) {
    if (ask !== asked) return;
    byId("trouble").hidden = false;
    setText("trouble", `The proxy cannot be asked (${error.message}); what is below is old. Trying again.`);
  }
}

byId("window").addEventListener("change", refresh);
byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", paused);
});
new ResizeObserver(pictures).observe(byId("levels"));
heading();
table();
refresh();
setInterval(() => { if (!paused && !document.hidden) refresh(); }, refreshMs);
