// A map of cells that lives through reruns: what has changed is sent to the graphics memory, and the rest stays there.
const SLOW = 40; // milliseconds between two pictures above which fewer cells are drawn while the map moves,
const QUICK = 24; // and below which more are
const FEWEST = 20000;
const AT_REST = 24; // steps of the trails of particles that do not move
const STILL = 160; // milliseconds after which all are drawn again
const ROOM = 45; // pixels of the map for a particle
const HIT = 9; // pixels around a cell in which it is pointed at
const NEARER = 1.25;
const MOVED = "cellflow-map-moved";

const begin = (root) => {
  const node = element(root, "div", { class: "map" });
  const legend = element(node, "div", { class: "legend" });
  const frame = element(node, "div", { class: "frame", role: "group", tabindex: "0" });
  const [cells, trails, over] = ["cells", "trails", "over"].map((name) => element(frame, "canvas", { class: name, "aria-hidden": "true" }));
  const hint = element(frame, "div", { class: "hint", "aria-hidden": "true" });
  hint.hidden = true;
  const bar = element(node, "div", { class: "bar" });
  let points = surface(cells);
  if (!points) {
    node.remove();
    throw new Error("this browser has no WebGL2");
  }
  const [pen, brush] = [over, trails].map((each) => each.getContext("2d"));
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const held = { frames: 0, share: 1, digests: {}, drawing: [], tool: "move", running: !calm.matches, view: null };
  node.cellMap = held; // what a test or a benchmark looks at
  const at = { width: 0, height: 0, ratio: 1 };

  // Places: [-1, 1] of the packed numbers <-> the map <-> pixels of the frame.
  const half = (k) => (held.head.high[k] - held.head.low[k]) / 2;
  const toMap = (k, packed) => held.head.low[k] + (packed / 32767 + 1) * half(k);
  const fit = () => {
    const [wide, high] = [2 * half(0), 2 * half(1)];
    return { x: held.head.low[0] + wide / 2, y: held.head.low[1] + high / 2, scale: Math.min(at.width / wide, at.height / high) };
  };
  const toScreen = ([x, y]) => [at.width / 2 + (x - held.view.x) * held.view.scale, at.height / 2 - (y - held.view.y) * held.view.scale];
  const fromScreen = (x, y) => [held.view.x + (x - at.width / 2) / held.view.scale, held.view.y - (y - at.height / 2) / held.view.scale];
  const clip = () => {
    const { x, y, scale } = held.view;
    const [sx, sy] = [(2 * scale) / at.width, (2 * scale) / at.height];
    const [mx, my] = [0, 1].map((k) => held.head.low[k] + half(k));
    return [half(0) * sx, half(1) * sy, (mx - x) * sx, (my - y) * sy];
  };

  const drawCells = () => {
    const { count, look } = held.head;
    const all = held.share >= 1;
    const drawn = all ? count : Math.max(Math.min(count, FEWEST), Math.round(count * held.share));
    const nearer = Math.max(1, held.view.scale / fit().scale) ** 0.4;
    const size = Math.min(9, Math.max(1.4, 11 - 1.6 * Math.log10(Math.max(count, 10)) - Math.max(0, Math.log10(count) - 4.5))) * at.ratio * nearer;
    const opacity = Math.min(0.85, Math.max(0.45, 1.5 - 0.17 * Math.log10(count)));
    drawPoints(points, { frame: clip(), count: drawn, size, opacity, outlined: held.outline.length > 2, plain: look.cells });
    held.drawn = drawn;
  };
  const drawStream = () => {
    const { head, arrays, particles } = held;
    particles.advance();
    const level = (k) => Math.round(((k + 0.5) / LEVELS) * (arrays.colours.length / 3 - 1));
    const colours = head.stream.speed && Array.from({ length: LEVELS }, (_, k) => colour(level(k)));
    drawStep(brush, particles, { frame: clip(), width: 1.6 * at.ratio, colours, ink: head.look.ink });
  };
  // Trails are drawn anew where the map has moved: at rest, as far as they reach.
  const drawTrails = () => {
    brush.clearRect(0, 0, trails.width, trails.height);
    for (let k = 0; held.particles && !held.running && k < AT_REST; k += 1) drawStream();
  };
  const drawOutline = () => {
    over.hidden = !(held.outline.length || held.drawing.length || held.head.marks.length); // one layer less to compose
    drawOver(pen, { ...at, outline: held.outline, drawing: held.drawing, marks: held.head.marks, look: held.head.look }, toScreen);
  };
  const drawAll = () => {
    if (!held.head || !at.width || points.gl.isContextLost()) return;
    drawCells();
    drawOutline();
  };

  // Maps of the same cells beside each other show the same part of them.
  const lead = () => document.dispatchEvent(new CustomEvent(MOVED, { detail: { held, nearer: held.view.scale / fit().scale } }));
  const follow = ({ detail: { held: other, nearer } }) => {
    const corners = ({ low, high }) => JSON.stringify([low, high]);
    if (other === held || !held.view || corners(other.head) !== corners(held.head)) return;
    held.view = { x: other.view.x, y: other.view.y, scale: fit().scale * nearer };
    moving(true);
  };

  // While the map moves, as many cells are drawn as there is time for; when it rests, all.
  let [asked, moved, last] = [0, 0, 0];
  const moving = (led) => {
    if (!led) lead();
    moved = performance.now();
    if (asked) return;
    last = 0;
    const picture = (now) => {
      const took = last ? now - last : 0;
      const resting = performance.now() - moved > Math.max(STILL, 3 * took); // one slow picture is no rest
      if (took > SLOW) held.share = Math.max(Math.min(1, FEWEST / held.head.count), held.share * 0.7);
      else if (took && took < QUICK) held.share = Math.min(1, held.share * 1.2);
      last = now;
      const kept = held.share;
      if (resting) held.share = 1;
      held.frames += 1;
      drawAll();
      if (resting && held.particles) held.particles.within(...visible());
      if (resting) drawTrails();
      else brush.clearRect(0, 0, trails.width, trails.height);
      held.share = kept;
      asked = resting ? 0 : requestAnimationFrame(picture);
    };
    asked = requestAnimationFrame(picture);
  };
  const visible = () => {
    const [a, b] = [fromScreen(0, at.height), fromScreen(at.width, 0)];
    return [a, b].flatMap((each) => each.map((one, k) => (one - held.head.low[k]) / half(k) - 1));
  };

  let [turn, before] = [0, 0];
  const flowing = (now) => {
    turn = 0;
    if (!held.particles || !held.running || !held.seen) return;
    turn = requestAnimationFrame(flowing);
    if (now - before < STEP - 4) return;
    before = now;
    held.steps = (held.steps ?? 0) + 1;
    drawStream();
  };
  const flow = () => (turn ||= requestAnimationFrame(flowing));

  const resize = () => {
    const [width, height] = [frame.clientWidth, frame.clientHeight];
    if (!width || !height) return;
    const kept = held.view && at.width && held.head ? held.view.scale / fit().scale : 1;
    Object.assign(at, { width, height, ratio: Math.min(2, devicePixelRatio || 1) });
    for (const each of [cells, trails, over]) Object.assign(each, { width: Math.round(width * at.ratio), height: Math.round(height * at.ratio) });
    pen.setTransform(at.ratio, 0, 0, at.ratio, 0, 0);
    if (!held.head) return;
    held.view = { ...fit(), ...(held.view ?? {}), scale: fit().scale * kept };
    drawAll();
    drawTrails();
  };
  const zoom = (by, x = at.width / 2, y = at.height / 2) => {
    const place = fromScreen(x, y);
    const least = fit().scale;
    held.view.scale = Math.min(60 * least, Math.max(0.5 * least, held.view.scale * by));
    const now = fromScreen(x, y);
    held.view.x += place[0] - now[0];
    held.view.y += place[1] - now[1];
    moving();
  };
  const shift = (dx, dy) => {
    held.view.x -= dx / held.view.scale;
    held.view.y += dy / held.view.scale;
    moving();
  };
  const choose = () => {
    if (held.outline.length > 2) points.fill("chosen", within(held.arrays.place, toMap, held.outline));
  };
  const outlined = (corners) => {
    held.outline = corners;
    held.drawing = [];
    choose();
    buttons();
    drawAll();
    held.tell("outline", corners);
  };

  // What may be done, as buttons below the map.
  const tools = {};
  const button = (name, text, act, pressed) => {
    tools[name] ??= element(bar, "button", { type: "button", class: name });
    Object.assign(tools[name], { textContent: text, onclick: act, hidden: false });
    if (pressed === undefined) tools[name].removeAttribute("aria-pressed");
    else tools[name].setAttribute("aria-pressed", pressed);
  };
  const buttons = () => {
    for (const each of Object.values(tools)) each.hidden = true;
    if (held.head.stream) button("flow", held.running ? "Pause" : "Play", () => run(!held.running));
    if (held.head.lasso) {
      const outlining = held.tool === "outline";
      button("outline", "Draw an outline", () => take(outlining ? "move" : "outline"), outlining);
      if (held.outline.length) button("clear", "Clear outline", () => outlined([]));
    }
    button("nearer", "+", () => zoom(NEARER));
    button("farther", "−", () => zoom(1 / NEARER));
    tools.nearer.setAttribute("aria-label", "Zoom in");
    tools.farther.setAttribute("aria-label", "Zoom out");
    button("whole", "Whole map", () => ((held.view = fit()), moving()));
    button("save", "Save PNG", save);
  };
  const run = (on) => {
    held.running = on;
    buttons();
    if (on) flow();
  };
  const take = (tool) => {
    held.tool = tool;
    frame.dataset.tool = tool;
    buttons();
  };
  const save = () => {
    const made = Object.assign(document.createElement("canvas"), { width: cells.width, height: cells.height });
    const paper = made.getContext("2d");
    paper.fillStyle = held.head.look.page;
    paper.fillRect(0, 0, made.width, made.height);
    drawAll(); // what a canvas shows is there to be copied only until the browser has shown it
    for (const each of [cells, trails, over]) paper.drawImage(each, 0, 0);
    Object.assign(document.createElement("a"), { href: made.toDataURL("image/png"), download: `cellflow-${held.key}.png` }).click();
  };

  const colour = (k) => `rgb(${held.arrays.colours.subarray(3 * k, 3 * k + 3).join(",")})`;

  // The cell that is pointed at, and what its colour means.
  const point = (x, y) => {
    const { place, code } = held.arrays;
    const { names = [], limits, levels, title } = held.head.legend ?? {};
    hint.hidden = true;
    if (!code || !held.head.legend) return;
    const [mx, my] = fromScreen(x, y).map((each, k) => ((each - held.head.low[k]) / half(k) - 1) * 32767);
    const [kx, ky] = [0, 1].map((k) => (half(k) * held.view.scale) / 32767);
    let [best, least] = [-1, HIT * HIT];
    for (let i = 0; i < code.length; i += 1) {
      const [dx, dy] = [(place[2 * i] - mx) * kx, (place[2 * i + 1] - my) * ky];
      if (dx * dx + dy * dy < least && code[i] !== 255) [best, least] = [i, dx * dx + dy * dy];
    }
    if (best < 0) return;
    const value = code[best];
    hint.textContent = names.length ? names[value] : `${title}: about ${tidy(limits[0] + ((limits[1] - limits[0]) * value) / (levels - 1))}`;
    hint.hidden = false;
    hint.style.left = `${Math.min(x + 12, at.width - hint.offsetWidth - 4)}px`;
    hint.style.top = `${Math.max(4, y - 30)}px`;
  };

  // As many as the part of the map that the field is known in has room for.
  const particleCount = ({ stream, low, high }, opacity) => {
    const known = opacity.reduce((sum, each) => sum + (each >= 0), 0) * stream.step[0] * stream.step[1];
    const pixels = Math.min(frame.clientWidth / (high[0] - low[0]), frame.clientHeight / (high[1] - low[1])) ** 2;
    return Math.round(Math.min(6000, Math.max(300, (known * pixels) / ROOM)));
  };

  held.show = (bytes) => {
    Object.assign(held, { bytes, shown: undefined });
    const { head, arrays } = read(bytes);
    const digest = (name) => head.arrays[name]?.digest ?? "";
    const fresh = (...names) => names.some((name) => digest(name) !== held.digests[name]);
    const same = held.head && JSON.stringify([held.head.low, held.head.high]) === JSON.stringify([head.low, head.high]);
    Object.assign(held, { head, arrays });
    held.outline = head.outline;
    if (fresh("place")) points.fill("place", arrays.place);
    if (fresh("code")) arrays.code ? points.fill("code", arrays.code) : points.drop("code");
    if (fresh("colours") && arrays.colours) points.paint(arrays.colours);
    if (!head.stream) held.particles = null;
    else if (!held.particles || !same || fresh("u", "v", "opacity", "level")) {
      held.particles = makeParticles(head.stream, arrays, head.low, head.high, particleCount(head, arrays.opacity));
    }
    held.digests = Object.fromEntries(Object.keys({ ...head.arrays, ...held.digests }).map((name) => [name, digest(name)]));
    trails.hidden = !head.stream;
    frame.classList.toggle("wide", half(0) > 1.25 * half(1));
    frame.setAttribute("aria-label", `${head.alt} Arrow keys move the map, plus and minus zoom, 0 shows all of it.`);
    if (!same) held.view = null;
    choose();
    drawLegend(legend, head.legend, colour);
    buttons();
    resize();
    flow();
    const after = (act) => requestAnimationFrame(() => requestAnimationFrame(act));
    after(() => (held.shown = performance.now())); // the picture is on the screen
  };

  // The graphics memory may be taken away, by sleep or by another program: what was there is sent to it again.
  cells.addEventListener("webglcontextlost", (event) => event.preventDefault());
  cells.addEventListener("webglcontextrestored", () => {
    points = surface(cells);
    held.digests = {};
    held.show(held.bytes);
  });
  listen(frame, { held, at, zoom, shift, outlined, fit, moving, point, fromScreen, drawOutline, hint, take });
  const sized = new ResizeObserver(() => node.isConnected && resize());
  const watched = new IntersectionObserver((entries) => ((held.seen = entries.at(-1).isIntersecting), flow()));
  const calmer = () => held.head?.stream && run(!calm.matches);
  sized.observe(frame);
  watched.observe(frame);
  calm.addEventListener("change", calmer);
  document.addEventListener(MOVED, follow);
  held.end = () => {
    sized.disconnect();
    watched.disconnect();
    calm.removeEventListener("change", calmer);
    document.removeEventListener(MOVED, follow);
    cancelAnimationFrame(turn);
    cancelAnimationFrame(asked);
    points.gl.getExtension("WEBGL_lose_context")?.loseContext();
  };
  return held;
};
