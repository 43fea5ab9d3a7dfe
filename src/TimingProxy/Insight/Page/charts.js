"use strict";
// Plain SVG, drawn in pixels, so that text is as large on a phone as on a desk.

function make(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  element.append(...children);
  return element;
}

const area = svg => {
  const width = svg.clientWidth || 400, height = svg.clientHeight || 220;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  return { left: 48, right: width - 8, top: 10, bottom: height - 24 };
};

const short = value => value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
const tick = value => String(Number(value.toPrecision(3)));
const clock = text => text.slice(11, 19);

/** About five round numbers from 0 to a maximum. */
function linearTicks(max) {
  const rough = max / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find(factor => factor * power >= rough) * power;
  return Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** 1, 2, 5, 10, 20 … between two numbers, at most seven of them. */
function logTicks(low, high) {
  const ticks = [];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) {
    for (const factor of [1, 2, 5]) if (factor * power >= low && factor * power <= high) ticks.push(factor * power);
  }
  return ticks.length <= 7 ? ticks : ticks.filter(value => Number.isInteger(Math.log10(value) + 1e-9) || Math.abs(Math.log10(value) % 1) < 1e-9);
}

function frame(box, yTicks, y, xTicks) {
  return [
    ...yTicks.flatMap(value => [
      make("path", { class: "grid", d: `M${box.left} ${y(value)}H${box.right}` }),
      make("text", { x: box.left - 6, y: y(value) + 4, "text-anchor": "end" }, tick(value)),
    ]),
    ...xTicks.map(([x, label, anchor]) => make("text", { x, y: box.bottom + 18, "text-anchor": anchor ?? "middle" }, label)),
  ];
}

/** Departure rate by requests in flight, with interval, fitted line and the interval of the limit. */
function drawLevels(svg, data) {
  const limit = data.verdict.limit, each = data.verdict.departuresEach;
  const all = data.levels.filter(level => level.seconds >= 0.2);
  const time = all.reduce((sum, level) => sum + level.seconds, 0);
  // Where a limit is known, what is far above it would only hide it.
  const last = limit ? Math.max(8, 4 * limit.high) : Infinity;
  const points = all.filter(level => level.inFlight <= last);
  const hidden = time - points.reduce((sum, level) => sum + level.seconds, 0);
  const box = area(svg);
  const maxN = Math.max(2, ...points.map(level => level.inFlight));
  const maxRate = Math.max(1, ...points.map(level => Math.min(level.high, 2 * level.departuresPerSecond)));
  const x = n => box.left + (box.right - box.left) * n / maxN;
  const y = rate => box.bottom - (box.bottom - box.top) * Math.min(1, rate / maxRate);
  const drawn = frame(box, linearTicks(maxRate), y, linearTicks(maxN).filter(Number.isInteger).map(n => [x(n), n === 0 ? "0" : tick(n)]));
  if (limit) {
    drawn.push(make("rect", { class: "band", x: x(Math.min(limit.low, maxN)), width: Math.max(2, x(Math.min(limit.high, maxN)) - x(Math.min(limit.low, maxN))), y: box.top, height: box.bottom - box.top }));
  }
  for (const level of points) {
    drawn.push(make("path", { class: "interval", d: `M${x(level.inFlight)} ${y(level.low)}V${y(level.high)}` }));
    drawn.push(make("circle", { class: "point", cx: x(level.inFlight), cy: y(level.departuresPerSecond), r: 2.5 + 3 * Math.sqrt(level.seconds / time) }));
  }
  if (each) {
    const bend = Math.min(maxN, limit ? limit.estimate : Math.max(2, data.verdict.seenUpTo));
    drawn.push(make("path", { class: "fit", d: `M${x(0)} ${y(0)}L${x(bend)} ${y(each * bend)}` + (limit ? `H${x(maxN)}` : "") }));
  }
  svg.replaceChildren(...drawn);
  readable(svg, points.length, i => x(points[i].inFlight), box, i => {
    const level = points[i];
    return `${level.inFlight} in flight\n${short(level.departuresPerSecond)} departures a second (${short(level.low)} to ${short(level.high)})\n${short(level.seconds)} s were spent there`;
  }, `Departures per second by requests in flight, from 1 to ${maxN}.` + (limit ? ` It is flat from about ${short(limit.estimate)} on.` : ""));
  return hidden / Math.max(time, 1e-9);
}

function timeAxis(columns, box) {
  const step = (box.right - box.left) / Math.max(1, columns.length);
  const x = i => box.left + step * (i + 0.5);
  const marks = columns.length < 3 ? [0] : [0, Math.floor(columns.length / 2), columns.length - 1];
  return { step, x, labels: columns.length ? marks.map((i, place) => [x(i), clock(columns[i].to), place === 0 ? "start" : place === marks.length - 1 ? "end" : "middle"]) : [] };
}

/** A strip along the top where the clock may have been late. */
const disturbances = (columns, box, axis) => columns.flatMap((column, i) => column.clockDisturbed
  ? [make("rect", { class: "disturbed", x: axis.x(i) - axis.step / 2, width: axis.step + 0.5, y: box.top - 8, height: 4 })] : []);

const ms = value => value >= 0.01 ? value : 0.01;

/** Quantiles on a logarithmic scale; a gap where nothing was answered. */
function drawTimes(svg, columns) {
  const box = area(svg), errorsTop = box.bottom - 34;
  const axis = timeAxis(columns, box);
  const answered = columns.filter(column => column.p99Ms > 0);
  const low = Math.min(...answered.map(column => ms(column.p50Ms)), 1e9), high = Math.max(...answered.map(column => column.p99Ms), ms(low) * 2);
  const [from, to] = answered.length ? [low / 1.3, Math.max(high, low * 2) * 1.15] : [1, 100];
  const y = value => errorsTop - 6 - (errorsTop - 6 - box.top) * Math.log(ms(value) / from) / Math.log(to / from);
  const drawn = [...disturbances(columns, box, axis), ...frame(box, logTicks(from, to), y, axis.labels)];
  for (const key of ["p99Ms", "p90Ms", "p50Ms"]) {
    let path = "", pen = "M";
    columns.forEach((column, i) => {
      if (column.p99Ms > 0) {
        // A lone point shows as a short stroke.
        path += `${pen}${(axis.x(i) - (pen === "M" ? 1 : 0)).toFixed(1)} ${y(column[key]).toFixed(1)}` + (pen === "M" ? `h1` : "");
        pen = "L";
      } else pen = "M";
    });
    drawn.push(make("path", { class: `line ${key.slice(0, 3)}`, d: path }));
  }
  const most = Math.max(1, ...columns.map(column => column.errors));
  drawn.push(make("path", { class: "grid", d: `M${box.left} ${box.bottom}H${box.right}` }), make("text", { x: box.left - 6, y: box.bottom, "text-anchor": "end" }, "errors"));
  columns.forEach((column, i) => {
    if (column.errors) {
      const height = Math.max(2, 28 * column.errors / most);
      drawn.push(make("rect", { class: "bar", x: axis.x(i) - axis.step * 0.4, width: Math.max(1, axis.step * 0.8), y: box.bottom - height, height }));
    }
  });
  svg.replaceChildren(...drawn);
  readable(svg, columns.length, axis.x, box, i => {
    const c = columns[i];
    return `until ${clock(c.to)} UTC: ${c.count} requests\np50 ${short(c.p50Ms)}, p90 ${short(c.p90Ms)}, p99 ${short(c.p99Ms)} ms\n${c.errors} errors, ${c.unanswered} of them without an answer` + (c.clockDisturbed ? "\nthe clock was disturbed" : "");
  }, "Quantiles of upstream time and errors over time.");
}

function drawHeat(svg, columns, boundsMs) {
  const box = area(svg), axis = timeAxis(columns, box);
  const row = (box.bottom - box.top) / Math.max(1, boundsMs.length);
  const most = Math.max(1, ...columns.flatMap(column => column.heat));
  const y = i => box.bottom - row * (i + 1);
  const every = Math.ceil(boundsMs.length / 8);
  const drawn = [...disturbances(columns, box, axis), ...axis.labels.map(([x, label, anchor]) => make("text", { x, y: box.bottom + 18, "text-anchor": anchor }, label))];
  boundsMs.forEach((bound, i) => {
    if (i % every === 0) drawn.push(make("path", { class: "grid", d: `M${box.left} ${y(i)}H${box.right}` }), make("text", { x: box.left - 6, y: y(i) + 4, "text-anchor": "end" }, tick(Number(bound.toPrecision(2)))));
  });
  columns.forEach((column, i) => column.heat.forEach((count, place) => {
    if (count) drawn.push(make("rect", { class: "cell", x: axis.x(i) - axis.step / 2, width: axis.step, y: y(place), height: row, "fill-opacity": (0.12 + 0.88 * Math.sqrt(count / most)).toFixed(2) }));
  }));
  svg.replaceChildren(...drawn);
  readable(svg, columns.length, axis.x, box, i => {
    const column = columns[i], place = column.heat.indexOf(Math.max(0, ...column.heat));
    return `until ${clock(column.to)} UTC: ${column.count} requests` + (column.count && boundsMs.length ? `\nmost of them up to ${short(boundsMs[place])} ms` : "");
  }, "Heat map of upstream time over time.");
}

/** A share as a bar. */
const bar = share => make("svg", { class: "share", viewBox: "0 0 64 10", "aria-hidden": "true" },
  make("rect", { class: "track", width: 64, height: 10, rx: 2 }), make("rect", { class: "point", width: Math.max(1, 64 * share), height: 10, rx: 2 }));

/** A route's median over time; the last one as a point. */
function sparkline(values) {
  const known = values.filter(value => value !== null);
  const svg = make("svg", { viewBox: "0 0 96 22", role: "img", "aria-label": known.length ? `p50 from ${short(known[0])} to ${short(known.at(-1))} ms` : "no answers" });
  if (known.length === 0) return svg;
  const max = Math.max(...known), x = i => 3 + 90 * i / Math.max(1, values.length - 1), y = value => 19 - 16 * value / max;
  let path = "", pen = "M", last = 0;
  values.forEach((value, i) => {
    if (value === null) { pen = "M"; return; }
    path += `${pen}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
    last = i;
  });
  svg.append(make("path", { class: "line p50", d: path }), make("circle", { class: "point", cx: x(last), cy: y(values[last]), r: 2.5 }));
  return svg;
}
