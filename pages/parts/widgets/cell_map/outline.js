// What lies over the cells, drawn by hand or marked: an outline, and the signs of fixed points.
const CORNERS = 64; // most corners of an outline, as those of the other figures of the app

// Whether points lie in a polygon (even-odd rule): a byte each. places: 16-bit pairs; toMap: a coordinate's value
const within = (places, toMap, polygon) => {
  const chosen = new Uint8Array(places.length / 2);
  const [xs, ys] = [0, 1].map((k) => polygon.map((each) => each[k]));
  const box = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  for (let i = 0; i < chosen.length; i += 1) {
    const x = toMap(0, places[2 * i]);
    const y = toMap(1, places[2 * i + 1]);
    if (x < box[0] || x > box[1] || y < box[2] || y > box[3]) continue;
    let inside = 0;
    for (let k = 0, j = xs.length - 1; k < xs.length; j = k, k += 1)
      if (ys[k] > y !== ys[j] > y && x < xs[k] + ((y - ys[k]) * (xs[j] - xs[k])) / (ys[j] - ys[k])) inside ^= 1;
    chosen[i] = inside;
  }
  return chosen;
};

const thinned = (corners) => {
  const step = Math.max(1, Math.ceil(corners.length / CORNERS));
  return corners.filter((_, k) => k % step === 0).map((each) => each.map((one) => Number(one.toPrecision(4))));
};

const closed = (pen, corners) => {
  pen.beginPath();
  corners.forEach(([x, y], k) => (k ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
};

const SIGNS = {
  attractor: (pen, x, y) => {
    pen.arc(x, y, 7, 0, 2 * Math.PI);
    return true;
  },
  repeller: (pen, x, y) => {
    pen.arc(x, y, 7, 0, 2 * Math.PI);
    return false;
  },
  saddle: (pen, x, y) => {
    for (const side of [-1, 1]) {
      pen.moveTo(x - 7, y - 7 * side);
      pen.lineTo(x + 7, y + 7 * side);
    }
    return false;
  },
  root: (pen, x, y) => {
    pen.rect(x - 6.5, y - 6.5, 13, 13);
    return true;
  },
  end: (pen, x, y) => {
    for (let k = 0; k < 10; k += 1) {
      const [far, angle] = [k % 2 ? 4 : 10, (k * Math.PI) / 5];
      pen.lineTo(x + far * Math.sin(angle), y - far * Math.cos(angle));
    }
    pen.closePath();
    return true;
  },
};

// pen: of a 2-D canvas, in pixels of the page; toScreen: where a place of the map is
const drawOver = (pen, { width, height, outline, drawing, marks, look }, toScreen) => {
  pen.clearRect(0, 0, width, height);
  const corners = drawing.length ? drawing : outline;
  if (corners.length > 1) {
    closed(pen, corners.map(toScreen));
    pen.strokeStyle = look.accent;
    pen.lineWidth = 2;
    pen.setLineDash(drawing.length ? [6, 4] : []);
    pen.stroke();
    pen.setLineDash([]);
  }
  for (const mark of marks) {
    const [x, y] = toScreen([mark.x, mark.y]);
    const accent = mark.kind === "root" ? look.root : look.accent;
    for (const [colour, wide] of [[look.page, 6], [accent, 3]]) {
      pen.beginPath();
      const full = SIGNS[mark.kind](pen, x, y);
      Object.assign(pen, { strokeStyle: colour, fillStyle: full ? accent : look.page, lineWidth: wide });
      if (mark.kind !== "saddle") pen.fill();
      pen.stroke();
    }
    if (!mark.name) continue;
    Object.assign(pen, { font: "600 13px sans-serif", lineWidth: 4, strokeStyle: look.page, fillStyle: look.ink });
    pen.strokeText(mark.name, x + 11, y - 8);
    pen.fillText(mark.name, x + 11, y - 8);
  }
};
