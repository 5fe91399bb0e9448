// A box in which one or several of very many names are found by typing. It holds as many rows as can be looked at; the
// names come from an address of their own, once, when the box is first opened, so that a run of the page does not move them.
const MOST = 50;
const ROOM = 320; // most height of what is below the box, in pixels
const ANSWER = 5000; // milliseconds in which the page answers a choice: until then what answers an earlier one is not shown
const BETWEEN = /[,;\t\r\n]+/; // names of a list
const lists = new Map();
let made = 0;

const entriesOf = ({ names, texts }) =>
  names.map((name) => ({ ...asTyped(name), text: texts[name] ?? name, low: (texts[name] ?? name).toLowerCase() }));

const entries = (url) => {
  if (!lists.has(url)) {
    const answer = fetch(url).then((each) => (each.ok ? each.json() : Promise.reject(new Error(`${each.status}`))));
    lists.set(url, answer.then(entriesOf));
    lists.get(url).catch(() => lists.delete(url));
  }
  return lists.get(url);
};

// What is spelt so comes first, then what is so but for its case, then what begins so, then what has it anywhere.
const matching = (all, asked) => {
  const exact = asked.trim();
  const low = exact.toLowerCase();
  if (!low) return all;
  const [spelt, named, begins, has] = [[], [], [], []];
  for (const each of all) {
    const at = each.low.indexOf(low);
    if (at < 0) continue;
    (at > 0 ? has : each.name === exact ? spelt : each.name.length === low.length ? named : begins).push(each);
  }
  return [...spelt, ...named, ...begins, ...has];
};

const namesIn = (text, between = BETWEEN) => text.split(between).map((each) => each.trim()).filter(Boolean);
const namesTyped = (text) => namesIn(text, BETWEEN.test(text) ? BETWEEN : /\s+/); // where no name has it as it is
const asTyped = (name) => ({ name, text: name, known: true });

const make = (parent, name, attributes = {}) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.append(node);
  return node;
};

const begin = (root) => {
  const id = `search-box-${(made += 1)}`;
  const head = make(root, "div", { class: "head" });
  const label = make(head, "label", { for: id });
  const hint = make(head, "button", { type: "button", class: "hint" });
  const frame = make(root, "div", { class: "frame" });
  const controls = { "aria-autocomplete": "list", "aria-controls": `${id}-list`, "aria-expanded": false };
  const chips = make(frame, "span", { class: "chips" });
  const input = make(frame, "input", { id, role: "combobox", autocomplete: "off", spellcheck: false, ...controls });
  const clear = make(frame, "button", { type: "button", class: "clear", "aria-label": "Remove all", title: "Remove all" });
  const below = make(root, "div", { class: "below", popover: "manual" });
  const list = make(below, "div", { id: `${id}-list`, class: "list", role: "listbox" });
  const more = make(below, "div", { class: "more", role: "status" });
  hint.textContent = "?";
  clear.textContent = "×";
  const box = { data: { chosen: [], most: 1 }, rows: [], at: 0, open: false, typed: false, told: 0, when: 0 };
  const many = () => box.data.most > 1;
  const isFull = (chosen) => chosen.filter(({ known }) => known).length >= box.data.most;
  const isChosen = ({ name }) => box.data.chosen.some((each) => each.name === name);

  const place = () => {
    const { left, top, bottom, width } = frame.getBoundingClientRect();
    const under = innerHeight - bottom - 8;
    const above = under < ROOM && top > under;
    const most = Math.min(ROOM, above ? top - 8 : under);
    Object.assign(below.style, { left: `${left}px`, width: `${width}px`, maxHeight: `${most}px` });
    below.style.top = above ? `${top - 4 - below.offsetHeight}px` : `${bottom + 4}px`;
  };
  const follow = () => {
    if (!box.open) return;
    place();
    cancelAnimationFrame(box.frame);
    box.frame = requestAnimationFrame(follow); // what stands above may change its height
  };
  const point = (at) => {
    list.children[box.at]?.setAttribute("aria-selected", false);
    box.at = at;
    const row = list.children[at];
    if (!row) return input.removeAttribute("aria-activedescendant");
    row.setAttribute("aria-selected", true);
    row.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", row.id);
  };
  const taken = (asked) => {
    const names = many() ? namesTyped(asked) : [];
    if (names.length > 1) return `Enter takes these ${names.length} names`;
    return names.length ? `Enter takes ${names[0]} as it is` : "No results";
  };
  const show = async () => {
    const asked = box.typed ? input.value : "";
    let found = [];
    let said = "";
    try {
      found = matching(await entries(box.data.url), asked);
      if (many()) found = found.filter((each) => !isChosen(each));
      if (many() && isFull(box.data.chosen)) {
        found = [];
        said = `At most ${box.data.most}: remove one to add another`;
      } else if (!found.length) said = taken(asked);
      else if (found.length > MOST) said = `${(found.length - MOST).toLocaleString("en")} more: type to find them`;
    } catch {
      said = "The names could not be loaded. Load the page again.";
    }
    if (!box.open || asked !== (box.typed ? input.value : "")) return;
    box.rows = found.slice(0, MOST);
    list.replaceChildren();
    box.rows.forEach(({ text }, k) => {
      const row = make(list, "div", { role: "option", id: `${id}-${k}`, "aria-selected": false, title: text });
      row.textContent = text;
    });
    more.textContent = said;
    below.showPopover();
    follow();
    point(box.typed ? 0 : many() ? -1 : Math.max(0, box.rows.findIndex(isChosen)));
  };
  const open = () => {
    box.open = true;
    input.setAttribute("aria-expanded", true);
    box.listed = show();
  };
  const close = () => {
    Object.assign(box, { open: false, typed: false, rows: [] });
    input.setAttribute("aria-expanded", false);
    input.removeAttribute("aria-activedescendant");
    below.hidePopover();
    write();
  };
  const write = () => {
    const { chosen } = box.data;
    input.value = many() ? "" : (chosen[0]?.text ?? "");
    input.title = many() ? "" : input.value;
    writeChips();
  };
  const writeChips = () => {
    const chosen = many() ? box.data.chosen : [];
    input.placeholder = box.data.chosen.length ? "" : "Type to search";
    const shown = JSON.stringify(chosen.map(({ name, known }) => [name, known]));
    if (shown === chips.dataset.shown) return; // one that has the focus keeps it
    chips.dataset.shown = shown;
    chips.replaceChildren();
    chosen.forEach(chip);
    clear.hidden = chosen.length < 2;
  };
  const chip = ({ name, text, known }) => {
    const title = known ? text : `${text}: not found`;
    const shown = make(chips, "span", { class: known ? "chip" : "chip unknown", title });
    make(shown, "span").textContent = name;
    const remove = make(shown, "button", { type: "button", "aria-label": `Remove ${name}` });
    remove.textContent = "×";
    remove.onclick = (event) => leave(event, (each) => each.name !== name);
  };
  const leave = (event, isKept) => {
    event.stopPropagation();
    choose(box.data.chosen.filter(isKept));
    input.focus();
  };
  clear.onclick = (event) => leave(event, () => false);
  clear.hidden = true;
  const choose = (chosen) => {
    Object.assign(box.data, { chosen, proposed: false });
    box.told += 1;
    box.when = Date.now();
    write();
    box.tell("chosen", { names: chosen.map(({ name }) => name), number: box.told });
  };
  const add = (rows) => {
    const kept = box.data.proposed && rows.length > 1 ? [] : box.data.chosen; // a list takes the place of a proposal
    const names = new Set(kept.map(({ name }) => name));
    const others = rows.filter(({ name }) => !names.has(name));
    if (others.length && (rows.length > 1 || !isFull(kept))) choose([...kept, ...others]); // the page tells what is too many
    box.typed = false;
    input.value = "";
    open();
  };
  const take = (typed) => {
    const row = box.rows[box.at];
    if (many()) return add(row ? [row] : namesTyped(typed ?? "").map(asTyped));
    close();
    if (row && !isChosen(row)) choose([row]);
    input.select(); // what is typed next is another search
  };

  frame.onclick = () => {
    if (box.open) return;
    input.focus();
    input.select();
    open();
  };
  input.oninput = () => {
    box.typed = true;
    open();
  };
  input.onpaste = (event) => {
    const names = namesIn(event.clipboardData.getData("text"));
    if (!many() || names.length < 2) return;
    event.preventDefault(); // the box has one line, and would join the names of several
    add(names.map(asTyped));
  };
  input.onblur = close;
  input.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step && !box.open) open();
    else if (step) point(Math.min(Math.max(box.at + step, 0), box.rows.length - 1));
    else if (event.key === "Enter" && box.open) box.listed.then(() => box.open && take(input.value.trim()));
    else if (event.key === "Backspace" && many() && !input.value && !event.repeat && box.data.chosen.length) {
      choose(box.data.chosen.slice(0, -1));
      if (box.open) open();
    }
    else if (event.key === "Escape" && box.open) close();
    else return;
    event.preventDefault();
  };
  below.onpointerdown = (event) => event.preventDefault(); // the box keeps the focus
  chips.onpointerdown = clear.onpointerdown = below.onpointerdown;
  list.onclick = (event) => {
    box.at = [...list.children].indexOf(event.target);
    if (box.at >= 0) take();
  };
  box.draw = (data) => {
    const late = data.answers < box.told && Date.now() - box.when < ANSWER;
    box.told = Math.max(box.told, data.answers);
    box.data = late ? { ...data, chosen: box.data.chosen, proposed: false } : data;
    frame.classList.toggle("many", many());
    label.textContent = data.label;
    hint.setAttribute("aria-label", data.help);
    hint.dataset.text = data.help;
    if (!box.open) write();
    else if (many()) writeChips(); // what is being typed stays
  };
  box.end = () => cancelAnimationFrame(box.frame);
  return box;
};

const boxes = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  if (!boxes.has(parentElement)) boxes.set(parentElement, begin(parentElement));
  const box = boxes.get(parentElement);
  box.tell = setTriggerValue;
  box.draw(data);
  return () => {
    box.end();
    boxes.delete(parentElement);
  };
}
