// Draws how far work on the server is: a line of text, a bar, and the losses so far. It asks one address again and
// again, and tells the page once when what the page shows is out of date; until then the page is not run.
const EVERY = 1000; // milliseconds between two questions,
const HIDDEN = 5000; // while the tab is in the background,
const STALE = 250; // and while the page has not answered
const PATIENCE = 8000; // after which a page that did not answer is told again
const HEIGHT = 200;
const MARGIN = { left: 48, right: 8, top: 8, bottom: 36 };
const SVG = "http://www.w3.org/2000/svg";

const make = (parent, name, attributes = {}, text = "") => {
  const drawn = name === "svg" || parent.namespaceURI === SVG;
  const made = drawn ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  parent.append(made);
  return made;
};

// The page is told only while it runs nothing else: what is sent while another page opens would bring this one back.
const idle = () => {
  const { testScriptState, testConnectionState } = document.querySelector('[data-testid="stApp"]')?.dataset ?? {};
  return (testScriptState ?? "notRunning") === "notRunning" && (testConnectionState ?? "CONNECTED") === "CONNECTED";
};

// The same elements each time, so that nothing jumps and a screen reader stays where it is.
const drawBar = ({ text, bar, done }, found, label) => {
  const percent = Math.round(100 * (found.fraction ?? 0));
  text.textContent = found.text;
  bar.hidden = (found.fraction ?? null) === null;
  done.style.width = `${percent}%`;
  const said = { "aria-label": label, "aria-valuenow": percent, "aria-valuetext": found.text || `${percent} %` };
  for (const [key, value] of Object.entries(said)) bar.setAttribute(key, value);
};

const rounded = (value) => {
  if (value === null) return "";
  const plain = value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4);
  return plain ? `${+value.toPrecision(3)}` : value.toExponential(1);
};

// Round numbers between two values, about as many as asked for.
const ticks = (low, high, count) => {
  const rough = (high - low || Math.abs(high) || 1) / count;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * [1, 2, 5, 10].find((each) => each * unit >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step);
};

// pointer: where the mouse is, in pixels from the left; the legend then has the values of that step.
const drawLosses = (node, losses, pointer) => {
  const { step = [], terms = {} } = losses ?? {};
  const width = node.parentNode.host?.clientWidth || 640;
  node.replaceChildren();
  if (step.length < 2) return;
  const colours = getComputedStyle(node).getPropertyValue("--st-chart-categorical-colors").split(",");
  const values = Object.values(terms).flat().filter((each) => each !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || 1) * 0.05;
  const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const x = (each) => MARGIN.left + ((each - step[0]) / (step.at(-1) - step[0])) * inner.width;
  const y = (each) => MARGIN.top + (1 - (each - low + room) / (high - low + 2 * room)) * inner.height;

  const distance = (k) => Math.abs(x(step[k]) - pointer);
  const nearest = [...step.keys()].reduce((best, k) => (distance(k) < distance(best) ? k : best));
  const shown = pointer === undefined ? step.length - 1 : nearest;
  const at = (name) => `${name} ${rounded(terms[name].slice(0, shown + 1).findLast((each) => each !== null) ?? null)}`;
  const said = `Loss by training step. At step ${step[shown]}: ${Object.keys(terms).map(at).join(", ")}`;
  const picture = make(node, "svg", { width, height: HEIGHT, role: "img", "aria-label": said });
  for (const each of ticks(low, high, 4)) {
    make(picture, "line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(each), y2: y(each), class: "grid" });
    make(picture, "text", { x: MARGIN.left - 6, y: y(each), class: "left" }, rounded(each));
  }
  const below = HEIGHT - MARGIN.bottom + 16;
  for (const each of ticks(step[0], step.at(-1), width < 480 ? 3 : 6))
    make(picture, "text", { x: x(each), y: below, class: "below" }, each.toLocaleString("en"));
  make(picture, "text", { x: MARGIN.left + inner.width / 2, y: below + 16, class: "below" }, "training step");
  if (pointer !== undefined) {
    const where = { x1: x(step[shown]), x2: x(step[shown]), y1: MARGIN.top, y2: MARGIN.top + inner.height };
    make(picture, "line", { ...where, class: "grid" });
  }

  const legend = make(node, "div", { class: "legend" });
  make(legend, "span", {}, `step ${step[shown].toLocaleString("en")}`);
  Object.entries(terms).forEach(([name, each], k) => {
    const colour = colours[k % colours.length].trim();
    const known = [...step.keys()].filter((i) => each[i] !== null);
    const points = known.map((i) => `${x(step[i]).toFixed(1)},${y(each[i]).toFixed(1)}`).join(" ");
    make(picture, "polyline", { points, class: "line", stroke: colour });
    const entry = make(legend, "span");
    make(entry, "span", { class: "key" }).style.background = colour;
    entry.append(at(name));
  });
};

const begin = (root) => {
  const text = make(root, "div", { class: "text" });
  const bar = make(root, "div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 });
  bar.hidden = true;
  const done = make(bar, "div", { class: "done" });
  const losses = make(root, "div", { class: "losses" });
  const watch = { told: "", at: 0, missed: 0, found: {}, pointer: undefined };
  const redraw = () => drawLosses(losses, watch.found.losses, watch.pointer);
  losses.onpointermove = (event) => redraw((watch.pointer = event.clientX - losses.getBoundingClientRect().left));
  losses.onpointerleave = () => redraw((watch.pointer = undefined));

  const ask = async () => {
    try {
      const answer = await fetch(watch.data.url, { cache: "no-store" });
      const found = await answer.json();
      watch.missed = 0;
      return answer.ok ? found : { version: "gone", text: found.error ?? "" };
    } catch {
      watch.missed += 1;
      const silent = { version: watch.data.version, text: "The server does not answer. Trying again." };
      return watch.missed < 3 ? { ...watch.found, version: watch.data.version } : silent;
    }
  };
  watch.look = async () => {
    const found = await ask();
    if (watch.over) return;
    watch.found = found;
    drawBar({ text, bar, done }, { text: "", ...found }, watch.data.label);
    redraw();
    const stale = found.version !== watch.data.version;
    const waits = watch.told === found.version && Date.now() - watch.at < PATIENCE;
    if (stale && !waits && idle()) {
      Object.assign(watch, { told: found.version, at: Date.now() });
      watch.tell("changed", found.version);
    }
    watch.timer = setTimeout(watch.look, stale ? STALE : document.hidden ? HIDDEN : EVERY);
  };
  return watch;
};

const watches = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  const first = !watches.has(parentElement);
  if (first) watches.set(parentElement, begin(parentElement));
  const watch = watches.get(parentElement);
  Object.assign(watch, { data, tell: setTriggerValue });
  if (first) watch.look();
  return () => {
    watch.over = true;
    clearTimeout(watch.timer);
    watches.delete(parentElement);
  };
}
