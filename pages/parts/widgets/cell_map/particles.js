// Particles that follow a field on a grid. They begin where there are cells, and begin anew when they leave them.
const STEP = 33; // milliseconds of a step: thirty a second
const ACROSS = 0.11; // share of the width that a particle of median speed passes in a second
const LIFE = [50, 130]; // steps
const GROWING = 8; // steps in which a new one becomes visible
const KEPT = 0.9; // share of a trail that is left after a step
const STRENGTHS = 4; // opacities, and
const LEVELS = 12; // colours, that the lines of a step are drawn in
const HIDDEN = 255;

// The field in grid steps per drawn step; opacity below 0 where it is not known. seed: of the random numbers
const makeParticles = (stream, arrays, low, high, count, seed = 1) => {
  const { rows, columns, origin, step } = stream;
  const { u, v, opacity, level } = arrays;
  const known = [...opacity.keys()].filter((k) => opacity[k] >= 0);
  const speeds = known.map((k) => Math.hypot(u[k], v[k])).filter((each) => each > 0);
  speeds.sort((a, b) => a - b);
  const median = speeds[speeds.length >> 1] ?? 1;
  const pace = (ACROSS * (high[0] - low[0]) * STEP) / 1000 / median;
  const [alongX, alongY] = [pace / step[0], pace / step[1]];
  const [placeX, placeY] = [0, 1].map((k) => {
    const half = (high[k] - low[k]) / 2;
    return [(origin[k] - low[k]) / half - 1, step[k] / half];
  });
  const [from, to] = [new Float32Array(2 * count), new Float32Array(2 * count)];
  const look = new Uint8Array(count).fill(HIDDEN); // strength and level of the line of a step
  const x = new Float32Array(count);
  const y = new Float32Array(count);
  const age = new Int16Array(count);
  const life = new Int16Array(count);
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
  let starts = known;
  let total = null;

  // Where new ones begin: at grid points of the part that is looked at, as often as they are opaque.
  const within = (left, bottom, right, top) => {
    const seen = known.filter((k) => {
      const [a, b] = [placeX[0] + placeX[1] * (k % columns), placeY[0] + placeY[1] * Math.floor(k / columns)];
      return a >= left && a <= right && b >= bottom && b <= top;
    });
    starts = seen.length ? seen : known;
    let sum = 0;
    total = Float32Array.from(starts, (k) => (sum += 0.15 + opacity[k]));
  };
  const begin = (i) => {
    const chosen = random() * total[total.length - 1];
    let [from, to] = [0, total.length - 1];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (total[middle] < chosen) from = middle + 1;
      else to = middle;
    }
    x[i] = (starts[from] % columns) + random() - 0.5;
    y[i] = Math.floor(starts[from] / columns) + random() - 0.5;
    age[i] = 0;
    life[i] = LIFE[0] + random() * (LIFE[1] - LIFE[0]);
  };

  // The field at a place of the grid, bilinear between the known of the four points around: [dx, dy, opacity, level].
  const found = new Float32Array(4);
  const sample = (a, b) => {
    const [column, row] = [Math.floor(a), Math.floor(b)];
    found.fill(0);
    let weight = 0;
    for (let corner = 0; corner < 4; corner += 1) {
      const [c, r] = [column + (corner & 1), row + (corner >> 1)];
      if (c < 0 || r < 0 || c >= columns || r >= rows) continue;
      const k = r * columns + c;
      if (opacity[k] < 0) continue;
      const part = (1 - Math.abs(a - c)) * (1 - Math.abs(b - r));
      weight += part;
      found[0] += part * u[k];
      found[1] += part * v[k];
      found[2] += part * opacity[k];
      if (level) found[3] += part * level[k];
    }
    if (weight < 0.5) return false;
    for (let k = 0; k < 4; k += 1) found[k] /= weight;
    found[0] *= alongX;
    found[1] *= alongY;
    return true;
  };

  const put = (places, i) => {
    places[2 * i] = placeX[0] + placeX[1] * x[i];
    places[2 * i + 1] = placeY[0] + placeY[1] * y[i];
  };
  const advance = () => {
    for (let i = 0; i < count; i += 1) {
      put(from, i);
      let alive = age[i] < life[i] && sample(x[i], y[i]);
      if (alive) {
        const far = Math.hypot(found[0], found[1]);
        const most = far > 0.6 ? 0.6 / far : 1; // no step over more than a part of the grid
        alive = sample(x[i] + (found[0] * most) / 2, y[i] + (found[1] * most) / 2);
        x[i] += found[0] * most;
        y[i] += found[1] * most;
        age[i] += 1;
      }
      look[i] = HIDDEN;
      if (alive) {
        const strength = found[2] * Math.min(1, age[i] / GROWING, (life[i] - age[i] + 1) / GROWING);
        look[i] = Math.round(strength * STRENGTHS) * LEVELS + Math.min(LEVELS - 1, Math.floor((found[3] / 255) * LEVELS));
      } else begin(i);
      put(to, i);
    }
  };

  within(-1, -1, 1, 1);
  for (let i = 0; i < count; i += 1) {
    begin(i);
    age[i] = random() * life[i];
  }
  return { count, from, to, look, within, advance };
};

// One step: trails fade, and the line of each particle is added. pen: of a 2-D canvas, in its own pixels; colours: RGB
// of LEVELS colours, or one colour for all
const drawStep = (pen, { from, to, look }, { frame, width, colours, ink }) => {
  const [wide, high] = [pen.canvas.width, pen.canvas.height];
  pen.globalCompositeOperation = "destination-in";
  pen.globalAlpha = KEPT;
  pen.fillRect(0, 0, wide, high);
  pen.globalCompositeOperation = "source-over";
  pen.lineWidth = width;
  const [ax, bx] = [(frame[0] * wide) / 2, ((frame[2] + 1) * wide) / 2];
  const [ay, by] = [(-frame[1] * high) / 2, ((1 - frame[3]) * high) / 2];
  const lines = new Map();
  for (let i = 0; i < look.length; i += 1) {
    if (look[i] === HIDDEN || look[i] < LEVELS) continue; // not seen at all
    let line = lines.get(look[i]);
    if (!line) lines.set(look[i], (line = new Path2D()));
    line.moveTo(ax * from[2 * i] + bx, ay * from[2 * i + 1] + by);
    line.lineTo(ax * to[2 * i] + bx, ay * to[2 * i + 1] + by);
  }
  for (const [kind, line] of lines) {
    pen.globalAlpha = Math.floor(kind / LEVELS) / STRENGTHS;
    pen.strokeStyle = colours ? colours[kind % LEVELS] : ink;
    pen.stroke(line);
  }
  pen.globalAlpha = 1;
};
