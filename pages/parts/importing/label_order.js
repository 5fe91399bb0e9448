// A list of labels that is put in order by mouse, touch or keyboard; what is left out stays in the list, without a time.
// The list is the truth while its labels stay the same: the page is told after every change and answers nothing.
const make = (parent, name, attributes = {}, text = "") => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  parent.append(made);
  return made;
};

const begin = (root) => {
  const held = { labels: [], rows: new Map(), dragged: null };
  const list = make(root, "ol", { class: "labels", "aria-label": "Labels, the earliest first" });
  const spoken = make(root, "div", { class: "spoken", role: "status", "aria-live": "polite" });
  const rows = () => [...list.children];
  const used = () => rows().filter((row) => !row.classList.contains("out"));

  const draw = () => {
    const order = used();
    rows().forEach((row, k, every) => {
      const time = order.indexOf(row);
      row.querySelector(".time").textContent = time < 0 ? "–" : time;
      row.querySelector(".up").setAttribute("aria-disabled", k === 0);
      row.querySelector(".down").setAttribute("aria-disabled", k === every.length - 1);
      row.querySelector(".leave").setAttribute("aria-pressed", time < 0);
    });
  };

  const where = (row) => {
    const place = `${row.dataset.label}: place ${rows().indexOf(row) + 1} of ${rows().length}`;
    const time = used().indexOf(row);
    return time < 0 ? `${place}, left out` : `${place}, time ${time}`;
  };

  const changed = (row) => {
    draw();
    spoken.textContent = where(row);
    const out = rows().filter((each) => each.classList.contains("out"));
    const labels = (each) => each.map((one) => one.dataset.label);
    held.set("arranged", { order: labels(rows()), left_out: labels(out) });
  };

  // The neighbour moves, so that the focus stays in the row.
  const move = (row, by) => {
    const other = by < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    list.insertBefore(other, by < 0 ? row.nextElementSibling : row);
    changed(row);
    row.scrollIntoView({ block: "nearest" });
  };

  const toggle = (row) => {
    row.classList.toggle("out");
    changed(row);
  };

  const addRow = (label) => {
    const row = make(list, "li", { class: "label" });
    row.dataset.label = label;
    make(row, "span", { class: "grip", "aria-hidden": "true" }, "⠿");
    make(row, "span", { class: "time", "aria-label": "time" });
    make(row, "span", { class: "name", dir: "auto" }, label);
    make(row, "span", { class: "cells" });
    const button = (kind, text, said, act) => {
      const made = make(row, "button", { class: kind, type: "button", "aria-label": `${said}: ${label}` }, text);
      made.onclick = act;
    };
    button("up", "↑", "Earlier", () => move(row, -1));
    button("down", "↓", "Later", () => move(row, 1));
    button("leave", "leave out", "Leave out", () => toggle(row));
    row.onkeydown = (event) => {
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!by || !event.altKey) return;
      event.preventDefault();
      move(row, by);
    };
    return row;
  };

  list.onpointerdown = (event) => {
    const row = event.target.closest(".label");
    const grasped = event.pointerType === "mouse" ? event.button === 0 : event.target.closest(".grip");
    if (!row || !grasped || event.target.closest("button")) return;
    held.dragged = { row, before: row.nextElementSibling };
    list.setPointerCapture(event.pointerId);
    row.classList.add("dragged");
    event.preventDefault();
  };
  list.onpointermove = ({ clientY }) => {
    const row = held.dragged?.row;
    if (!row) return;
    const middle = (each) => each.getBoundingClientRect().top + each.offsetHeight / 2;
    const next = rows().find((each) => each !== row && clientY < middle(each)) ?? null;
    if (next !== row.nextElementSibling) list.insertBefore(row, next);
    row.scrollIntoView({ block: "nearest" });
  };
  list.onpointerup = () => {
    if (!held.dragged) return;
    const { row, before } = held.dragged;
    row.classList.remove("dragged");
    held.dragged = null;
    if (row.nextElementSibling !== before) changed(row);
  };
  list.onpointercancel = () => {
    if (!held.dragged) return;
    const { row, before } = held.dragged;
    row.classList.remove("dragged");
    list.insertBefore(row, before);
    held.dragged = null;
  };

  held.show = ({ order, left_out, cells }) => {
    const same = order.length === held.labels.length && order.every((each) => held.rows.has(each));
    if (!same) {
      list.replaceChildren();
      held.labels = order;
      held.rows = new Map(order.map((label) => [label, addRow(label)]));
      for (const label of left_out) held.rows.get(label).classList.add("out");
    }
    for (const [label, row] of held.rows) {
      const count = cells[label] ?? 0;
      row.querySelector(".cells").textContent = `${count.toLocaleString("en")} cell${count === 1 ? "" : "s"}`;
    }
    draw();
  };
  return held;
};

const lists = new WeakMap();

export default function ({ parentElement, data, setStateValue }) {
  if (!lists.has(parentElement)) lists.set(parentElement, begin(parentElement));
  const list = lists.get(parentElement);
  list.set = setStateValue;
  list.show(data);
  return () => lists.delete(parentElement);
}
