"use strict";
// What a number means, and what a chart holds: on hover, on focus, by the arrow keys.

function showTip(text, x, y) {
  const tip = document.getElementById("tip");
  tip.textContent = text;
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - width - 4))}px`;
  tip.style.top = `${y + 18 + height > innerHeight ? Math.max(4, y - height - 12) : y + 18}px`;
}

function hideTip() {
  document.getElementById("tip").hidden = true;
}

function define(event) {
  const element = event.target.closest?.("[data-def]");
  if (!element) return;
  const box = element.getBoundingClientRect();
  element.setAttribute("aria-describedby", "tip");
  showTip(element.dataset.def, box.left, box.bottom - 12);
}

document.addEventListener("mouseover", define);
document.addEventListener("focusin", define);
document.addEventListener("mouseout", hideTip);
document.addEventListener("focusout", hideTip);
document.addEventListener("keydown", event => { if (event.key === "Escape") hideTip(); });

/** Lets a chart of `count` places be read one by one, with the mouse or the arrow keys; called again at each drawing. */
function readable(svg, count, x, box, describe, summary) {
  svg.reading = { count, x, box, describe };
  svg.setAttribute("aria-label", summary);
  if (svg.place !== undefined && document.activeElement === svg) point(svg, Math.min(svg.place, count - 1));
  if (svg.isReadable) return;
  svg.isReadable = true;
  svg.addEventListener("mousemove", event => {
    const { count, x } = svg.reading, at = event.clientX - svg.getBoundingClientRect().left;
    let nearest = 0;
    for (let i = 1; i < count; i++) if (Math.abs(x(i) - at) < Math.abs(x(nearest) - at)) nearest = i;
    point(svg, nearest, event.clientY);
  });
  svg.addEventListener("mouseleave", () => unpoint(svg));
  svg.addEventListener("blur", () => unpoint(svg));
  svg.addEventListener("keydown", event => {
    const last = svg.reading.count - 1, place = svg.place ?? last;
    const next = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    point(svg, Math.max(0, Math.min(last, next)));
  });
}

function point(svg, place, clientY) {
  const { count, x, box, describe } = svg.reading;
  if (count === 0) return;
  svg.place = place;
  svg.querySelector(".cursor")?.remove();
  svg.append(make("path", { class: "cursor", d: `M${x(place)} ${box.top}V${box.bottom}` }));
  const page = svg.getBoundingClientRect();
  svg.setAttribute("aria-label", describe(place));
  showTip(describe(place), page.left + x(place), clientY ?? page.top + 20);
}

function unpoint(svg) {
  svg.querySelector(".cursor")?.remove();
  delete svg.place;
  hideTip();
}
