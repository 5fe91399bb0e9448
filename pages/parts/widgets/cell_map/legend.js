// What the page has sent, and its legend.
const READ = { int16: Int16Array, uint8: Uint8Array, float32: Float32Array };

// Head and arrays of the bytes that figures/cells/packed_map.py has packed.
const read = (bytes) => {
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
  const arrays = {};
  for (const [name, { kind, start, length }] of Object.entries(head.arrays)) {
    const from = 4 + size + start;
    arrays[name] = new READ[kind](bytes.slice(from, from + length * READ[kind].BYTES_PER_ELEMENT).buffer);
  }
  return { head, arrays };
};

const element = (parent, name, attributes = {}, text = "") => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  parent.append(made);
  return made;
};

const tidy = (value) => (value === 0 || Math.abs(value) >= 1e-3 ? `${+value.toPrecision(3)}` : value.toExponential(1));

// colour: of a code, as CSS
const drawLegend = (node, legend, colour) => {
  node.replaceChildren();
  if (!legend) return;
  const { title, names, limits, ticks, levels } = legend;
  element(node, "span", { class: "title" }, title);
  names.forEach((name, k) => {
    const entry = element(node, "span", { class: "name" });
    element(entry, "span", { class: "dot" }).style.background = colour(k);
    entry.append(name);
  });
  if (names.length) return;
  const scale = element(node, "span", { class: "scale" });
  const stops = Array.from({ length: 9 }, (_, k) => colour(Math.round((k / 8) * (levels - 1))));
  element(scale, "span", { class: "band" }).style.background = `linear-gradient(to right, ${stops.join(",")})`;
  for (const each of ticks) {
    const tick = element(scale, "span", { class: "tick" }, tidy(each));
    tick.style.left = `${(100 * (each - limits[0])) / (limits[1] - limits[0])}%`;
  }
};
